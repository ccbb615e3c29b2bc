"""A deployment in virtual time whose history a reference backend keeps."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shared.backends.http_control_plane import HttpControlPlane
from shared.conversations.history_state import HistoryState
from shared.conversations.items import Session, session_key
from shared.identity.credentials import LOCAL
from shared.mailbox.box import Box, BoxKey
from shared.mailbox.records import KIND, record_box
from shared.messaging.wakes import Wake
from shared.storage.sqlite import SqliteTable
from shared.storage.table import OWNED, Item, Table
from tests.support.reference_backend import ReferenceBackend
from tests.wire.scene import Scene

TOKEN = "the-token-of-the-backend"
ASSISTANT = {"name": "Assistant", "instructions": "Help."}
SWEEP = 60.0


@contextmanager
def keeping() -> Iterator[ReferenceBackend]:
    """A backend that has the assistant, and keeps the history."""
    with ReferenceBackend(token=TOKEN) as running:
        running.books.put_agent("assistant", ASSISTANT)
        yield running


_OPENED: list[Callable[[], None]] = []


def close_bridges() -> None:
    """What the bridges of a test have opened."""
    while _OPENED:
        _OPENED.pop()()


class Bridge:
    """Turns and records are run apart: `work` runs conversations, `deliver` the records."""

    def __init__(
        self,
        backend: ReferenceBackend,
        folder: Path,
        engine: Table | None = None,
        **environ: str,
    ) -> None:
        self.backend = backend
        if engine is None:
            engine = made = SqliteTable(folder / "parley.db")
            _OPENED.append(made.close)
        self.scene = Scene(
            engine,
            folder,
            **{
                "BACKEND_URL": backend.url,
                "BACKEND_TOKEN": TOKEN,
                "BACKEND_CACHE_SEC": "3600",
                "BACKEND_TIMEOUT_SEC": "2",
                **environ,
            },
        )
        plane = self.scene.deployment.control_plane
        assert isinstance(plane, HttpControlPlane)
        _OPENED.append(plane.close)
        self.scene.connect("c1")
        self.session = self.scene.session("c1")
        self.said = 0
        self._later: list[tuple[float, Wake]] = []
        self._swept = self.time

    @property
    def time(self) -> float:
        return self.scene.virtual.hub.time

    @property
    def box(self) -> BoxKey:
        item = self.get(session_key(self.session))
        assert item is not None
        return Session.read(self.session, item).box

    @property
    def records(self) -> Box:
        key = record_box(self.box)
        return Box.read(key, self.get(key.item) or Item(key.item))

    @property
    def history(self) -> HistoryState | None:
        box = self.box
        return self.scene.run(lambda: self.scene.deployment.histories.of(box))

    @property
    def state(self) -> HistoryState:
        found = self.history
        assert found is not None
        return found

    def get(self, key: Any) -> Item | None:
        return self.scene.run(lambda: self.scene.deployment.table.get([key]))[0]

    def say(self, message: str | None = None, *, work: bool = True) -> str:
        """One message, answered; its request id."""
        self.said += 1
        request_id = f"q{self.said}"
        answer = self.scene.say("c1", self.session, request_id, message or f"Question {self.said}")
        assert answer["status"] == 202, answer
        if work:
            self.work()
        return request_id

    def work(self) -> None:
        """Run what the conversation has to do, and nothing of its records."""
        self._run(lambda wake: not _is_record(wake))

    def deliver(self, seconds: float = 1.0) -> None:
        """Let time pass with everything running, the sweep too."""
        until = self.time + seconds
        while True:
            self._run(lambda _: True)
            times = [at for at, _ in self._later] + [self._swept + SWEEP]
            following = min(times)
            if following > until:
                break
            self._wait(following - self.time)
            if self.time >= self._swept + SWEEP:
                self._swept = self.time
                self.scene.run(lambda: self.scene.deployment.sweep.run(seconds=10))
        self._wait(until - self.time)

    def end(self) -> None:
        """As POST /conversations/{id}/end does."""
        box = self.box
        self.scene.run(lambda: self.scene.deployment.closing.end(LOCAL, box))

    def expected(self, *, ended: bool = False) -> list[str]:
        """What `told` is when everything has arrived: each question followed by its answer."""
        said = [text for n in range(1, self.said + 1) for text in (f"Question {n}", "Hello")]
        return ["begin", *said, *(["finalize"] if ended else [])]

    def letters(self) -> list[Item]:
        """The dead letters."""
        table = self.scene.deployment.table
        entries = self.scene.run(lambda: table.query_index(OWNED, "DEAD#local")).items
        found = [self.get(entry.key) for entry in entries]
        return [item for item in found if item is not None]

    def replay(self) -> None:
        """Replay every dead letter, as POST /deliveries/{id}/replay does."""
        deployment = self.scene.deployment

        def replayed() -> None:
            for letter in deployment.dead_letters.page("local", 50).letters:
                box = deployment.dead_letters.replay("local", letter.id)
                deployment.wakes.send([Wake(box.pk, box.tenant)])

        self.scene.run(replayed)

    def rest(self, seconds: float) -> None:
        """Let time pass without anybody working."""
        self._wait(seconds)

    def _wait(self, seconds: float) -> None:
        if seconds > 0:
            self.scene.run(lambda: self.scene.clock.sleep(seconds))

    def _run(self, mine: Callable[[Wake], bool]) -> None:
        """Run the wakes that are due and wanted, until there are none."""
        while True:
            fresh, self.scene.wakes.queued = self.scene.wakes.queued, []
            self._later += [(self.time + wake.delay, wake) for wake in fresh if wake.epoch is None]
            due = [each for each in self._later if each[0] <= self.time and mine(each[1])]
            if not due:
                return
            for each in due:
                self._later.remove(each)
                self.scene.wake(each[1])

    def told(self) -> list[str]:
        """What the backend has been told, in order: `begin`, the texts, `finalize`."""
        return [short(entry) for entry in self.backend.books.committed]


def _is_record(wake: Wake) -> bool:
    return BoxKey.parse(wake.box).kind == KIND


def short(entry: dict[str, Any]) -> str:
    if entry["operation"] == "transcript":
        return str(entry["body"]["content"])
    return str(entry["operation"])
