"""Freezes what this release leaves in the store, with work of every kind under way.

    python -m tests.releases.freeze 0.1.0

writes `tests/releases/0.1.0/`: `items.jsonl`, the rows of the table; `files.jsonl`, the files
beside it; `known.json`, what the callers know. It is run once for a release, from its own code,
and never again: what stands there is what that release has written.
"""

import base64
import json
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from functions.worker.handler import handler as worker
from shared.mailbox.box import BoxKey
from shared.messaging.wakes import wake_text
from shared.models.port import Completed, ModelEvent, ModelRequest, TextDelta, Usage
from shared.storage.sqlite import SqliteTable
from tests.support.reference_backend import ReferenceBackend
from tests.web.site import Site

HERE = Path(__file__).parent
TOKEN = "the-token-of-the-backend"
CALLBACK = "http://127.0.0.1:9/done"
"""Where nobody listens."""

TOOLS = '''
def find(order: str) -> str:
    """Find an order."""
    return f"{order} is on its way. " + "Very long. " * 4000


def refund(order: str) -> str:
    """Refund an order."""
    return f"{order} is refunded."
'''
AGENTS = {
    "shop": {"tools": [{"python": "tools:find"}, {"python": "tools:refund"}]},
    "bank": {"tools": [{"python": "tools:refund", "approval": "required"}]},
    "desk": {"tools": [{"builtin": "request_choices"}]},
}


class Killed(BaseException):
    """The process is gone."""


class Clerk:
    """A model that calls the tool it is told to ("find 42"), and says "Done." when it has the
    result; if it is `deadly`, "die" kills the process before it does."""

    def __init__(self, *, deadly: bool = False) -> None:
        self.deadly = deadly
        self.requests: list[ModelRequest] = []

    def stream(self, request: ModelRequest, *, seconds_left: float) -> "Clerk":
        self.requests.append(request)
        return self

    def __iter__(self) -> Iterator[ModelEvent]:
        request = self.requests[-1]
        spent = Usage(7, 5, cost_nano_usd=3_000)
        content = request.messages[-1]["content"]
        if isinstance(content, str) and request.tools:
            tool, order = content.split()[:2]
            use = {"type": "tool_use", "id": "call_1", "name": tool, "input": {"order": order}}
            yield Completed([use], "tool_use", spent)
            return
        if self.deadly and "die" in json.dumps(request.messages):
            raise Killed
        yield TextDelta("Done.")
        yield Completed([{"type": "text", "text": "Done."}], "end_turn", spent)

    def close(self) -> None:
        """Nothing is open."""


def work(site: Site, wanted: Callable[[BoxKey], bool]) -> None:
    """Run what was woken, of the wanted mailboxes; the others' wakes are lost."""
    while site.wakes.queued:
        wake = site.wakes.queued.pop(0)
        if wake.epoch is None and wake.delay == 0 and wanted(BoxKey.parse(wake.box)):
            with suppress(Killed):
                site._invoke(worker, {"Records": [{"body": wake_text(wake)}]})


def conversations(key: BoxKey) -> bool:
    return key.kind == "conv"


def nothing(_: BoxKey) -> bool:
    return False


def agents_in(folder: Path) -> Path:
    """The agents' files, as the release had them."""
    agents = folder / "agents"
    agents.mkdir(parents=True, exist_ok=True)
    (agents / "tools.py").write_text(TOOLS, "utf-8")
    for name, more in AGENTS.items():
        written = {"name": name, "instructions": "You help.", **more}
        (agents / f"{name}.yaml").write_text(json.dumps(written), "utf-8")
    return agents


@contextmanager
def site_of(folder: Path, engine: Any, **environ: str) -> Iterator[Site]:
    """A deployment, of which each call is one process."""
    variables = {
        "ALLOW_PRIVATE_ADDRESSES": "true",
        "TITLE_MODEL": "claude-haiku-4-5",
        "ASSISTANT_LOCAL_CONFIG_DIR": str(agents_in(folder)),
        **environ,
    }
    site = Site(folder, engine, **variables)
    site.working = False
    site.deployment.model = Clerk()
    yield site


@contextmanager
def backed(folder: Path, engine: Any) -> Iterator[tuple[Site, ReferenceBackend]]:
    """The same with a backend that owns the agents and keeps the history."""
    with ReferenceBackend(token=TOKEN) as backend:
        backend.books.put_agent("assistant", {"name": "Assistant", "instructions": "Help."})
        more = {"BACKEND_URL": backend.url, "BACKEND_TOKEN": TOKEN}
        with site_of(folder, engine, **more) as site:
            yield site, backend
            closing_plane = getattr(site.deployment.control_plane, "close", None)
            if closing_plane is not None:
                closing_plane()


def ask(site: Site, agent: str, message: str, **more: Any) -> dict[str, Any]:
    site.clock.advance(1)
    body = {"agent_id": agent, "message": message, "wait": 0, **more}
    answered = site.ask("POST", "/executor/turns", body, person="ann")
    assert answered.status in (200, 202), answered.text
    found: dict[str, Any] = answered.body
    return found


def shops(folder: Path, engine: SqliteTable) -> dict[str, Any]:
    """Everything that a deployment with files has under way."""
    known: dict[str, Any] = {}
    with site_of(folder, engine) as site:
        talk = ask(site, "shop", "find 1", callback_url=CALLBACK)
        work(site, conversations)
        second = ask(site, "shop", "refund 2", session_id=talk["session_id"])
        work(site, conversations)
        site.deployment.model = Clerk(deadly=True)
        killed = ask(site, "shop", "refund 3 die")
        work(site, conversations)
        parked = ask(site, "bank", "refund 4")
        work(site, conversations)
        behind = ask(site, "bank", "refund 5", session_id=parked["session_id"])
        work(site, conversations)
        chosen = site.ask("GET", f"/turns/{parked['turn_id']}", person="ann").body
        queued = [ask(site, "shop", "refund 6")]
        queued.append(ask(site, "shop", "refund 7", session_id=queued[0]["session_id"]))
        work(site, nothing)
        known["talk"] = [talk["turn_id"], second["turn_id"]]
        known["session"] = talk["session_id"]
        known["killed"] = killed["turn_id"]
        known["parked"] = parked["turn_id"]
        known["approval"] = chosen["prompt"]["approval_id"]
        known["behind"] = behind["turn_id"]
        known["queued"] = [each["turn_id"] for each in queued]
        known["now"] = site.clock.now()
    return known


def histories(folder: Path, engine: SqliteTable) -> dict[str, Any]:
    """A history that has not been told yet."""
    with backed(folder, engine) as (site, _):
        first = ask(site, "assistant", "Hello")
        work(site, conversations)
        ask(site, "assistant", "And now?", session_id=first["session_id"])
        work(site, conversations)
        return {"session": first["session_id"], "now": site.clock.now()}


def rows(database: Path) -> list[str]:
    """The rows of a table as lines of JSON, in the order of their keys."""
    with closing(sqlite3.connect(database)) as connection:
        found = connection.execute("SELECT pk, sk, attrs, blob FROM items ORDER BY pk, sk")
        return [
            json.dumps(
                {
                    "pk": pk.decode(),
                    "sk": sk.decode(),
                    "attrs": json.loads(attrs),
                    "blob": None if blob is None else base64.b64encode(blob).decode(),
                },
                ensure_ascii=False,
            )
            for pk, sk, attrs, blob in found
        ]


def files(folder: Path) -> list[str]:
    """The files beside the table, as lines of JSON."""
    kept = (folder / "conversations", folder / "spill")
    paths = sorted(path for each in kept for path in each.rglob("*") if path.is_file())
    return [
        json.dumps(
            {
                "name": path.relative_to(folder).as_posix(),
                "data": base64.b64encode(path.read_bytes()).decode(),
            }
        )
        for path in paths
    ]


KINDS: dict[str, Callable[[Path, SqliteTable], dict[str, Any]]] = {
    "shop": shops,
    "history": histories,
}


def freeze(version: str) -> None:
    for kind, made in KINDS.items():
        target = HERE / version / kind
        target.mkdir(parents=True)
        with tempfile.TemporaryDirectory() as base:
            folder = Path(base)
            with closing(SqliteTable(folder / "parley.db")) as engine:
                known = made(folder, engine)
            written = {
                "items.jsonl": rows(folder / "parley.db"),
                "files.jsonl": files(folder),
                "known.json": [json.dumps(known, indent=1)],
            }
            for name, lines in written.items():
                (target / name).write_text("".join(f"{line}\n" for line in lines), "utf-8")


if __name__ == "__main__":
    freeze(sys.argv[1])
