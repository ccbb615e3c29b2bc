"""A deployment in virtual time on which frames are played, and how it stands."""

from pathlib import Path
from typing import Any

import yaml

from shared.conversations.items import Session, session_key, turn_ref
from shared.mailbox.box import SHARDS, Box, BoxKey, Job
from shared.messaging.wakes import Wake
from shared.storage.sqlite import SqliteTable
from shared.storage.table import DUE, Item
from tests.fuzz.clients import Turn
from tests.fuzz.model import Moody
from tests.fuzz.people import FILE, TOOLS
from tests.support.recorded_mail import RecordedMail
from tests.wire.scene import Scene

AGENT = {
    "name": "Agent",
    "instructions": "Be brief.",
    "models_allowed": ["large", "small"],
    "overrides": ["language", "model"],
}
SKILLS = {"kind": "Be kind.", "served": "Serve {{customer}}."}
WAITS = 301
"""Seconds after which nobody waits for people any more."""

MAX_WAITS = 200
"""Prompts, one after the other, that a batch of frames can bring about; there are fewer."""

ID_LENGTH = 36
FAR = 4_000_000_000_000
"""Milliseconds; later than anything that is due."""


class House:
    """One deployment."""

    def __init__(self, folder: Path) -> None:
        (folder / "agents").mkdir()
        (folder / "library" / "skills").mkdir(parents=True)
        for name, text in SKILLS.items():
            (folder / "library" / "skills" / f"{name}.md").write_text(text, "utf-8")
        agent = yaml.safe_dump({**AGENT, "skills": list(SKILLS), "tools": TOOLS})
        (folder / "agents" / "assistant.yaml").write_text(agent, "utf-8")
        (folder / "agents" / "shop.py").write_text(FILE, "utf-8")
        self._engine = SqliteTable(folder / "parley.db")
        self.scene = Scene(
            self._engine,
            folder,
            AUTH_MODE="token",
            SERVICE_TOKEN="the-token-of-these-tests",
            RATE_LIMIT_PER_MINUTE="0",
            SESSION_BACKLOG="1",
            ASSISTANT_LOCAL_CONFIG_DIR=str(folder / "agents"),
            LIBRARY_DIR=str(folder / "library"),
        )
        self.scene.deployment.model = Moody(self.scene.clock)
        self.mail = RecordedMail()
        self.scene.deployment.mail = self.mail

    def close(self) -> None:
        self._engine.close()

    def work(self) -> None:
        """Let the workers do what there is to do."""
        while self.scene.wakes.queued:
            self.scene.work()

    def wait(self) -> None:
        """Nobody answers any more: let the time of what waits for people run out."""
        for _ in range(MAX_WAITS):
            due = self._due()
            if not due:
                return
            self.scene.run(lambda: self.scene.clock.sleep(WAITS))
            for pk in due:
                self.scene.wake(Wake(pk, BoxKey.parse(pk).tenant))
            self.work()
        raise AssertionError(f"somebody must still look at {self._due()}")

    def _due(self) -> list[str]:
        """The mailboxes that somebody must still look at."""
        table = self.scene.deployment.table
        pages = [table.query_index(DUE, shard, up_to=FAR) for shard in range(SHARDS)]
        return [entry.key.pk for page in pages for entry in page.items]

    def box(self, turn: Turn) -> Box:
        """The mailbox of the turn."""
        key = self._session(turn.session).box
        item = self._read(key.item)
        assert item is not None
        return Box.read(key, item)

    def job(self, turn: Turn) -> Job:
        session = self._session(turn.session)
        ref = turn_ref(turn.session, turn.request_id)
        item = self._read(session.box.job(ref))
        assert item is not None
        return Job.read(session.box, ref, item)

    def goes_on(self, user: str, session: Any, request_id: str | None) -> bool:
        """Whether this is the request of a turn, in a session of that user, that has not ended."""
        if not isinstance(session, str) or len(session) != ID_LENGTH or request_id is None:
            return False
        item = self._read(session_key(session.lower()))
        if item is None:
            return False
        found = Session.read(session.lower(), item)
        job = self._read(found.box.job(turn_ref(found.id, request_id)))
        return found.user == user and job is not None and job.attrs["state"] == "queued"

    def _session(self, session: str) -> Session:
        item = self._read(session_key(session))
        assert item is not None
        return Session.read(session, item)

    def _read(self, key: Any) -> Item | None:
        return self.scene.deployment.table.get([key])[0]
