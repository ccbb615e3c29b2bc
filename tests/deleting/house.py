"""A site whose store can die under it, and a conversation that has left something everywhere."""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from shared.conversations.beside import KINDS
from shared.conversations.items import box_key, session_key
from shared.conversations.uploads import upload_name
from shared.mailbox.box import BoxKey
from shared.mailbox.listeners import new_box
from shared.storage.artifacts import Artifacts, Listing, UploadLink
from shared.storage.bodies import SPILL_BYTES
from shared.storage.expressions import Assign
from shared.storage.table import Item, Key, Put, Table, Update
from shared.tools.workspace import conversation_folder
from tests.support.faults import Call, FaultyTable, Hooks
from tests.walls.people import Person
from tests.web.shop import Shop

ANN = Person("acme", "ann")
BOB = Person("acme", "bob")
ADMIN = Person("acme", "max", roles=("admin",))
STRANGER = Person("globex", "ann", roles=("admin",))

LEASE = 60
"""Seconds after which whatever a dead worker held is free."""


class Died(BaseException):
    """The process is gone: nothing it was about to do happens."""


@dataclass
class Fate:
    """When the process dies: before or after which of the calls of its store and its files."""

    at: Literal["before", "after"] | None = None
    number: int = 0
    calls: list[str] = field(default_factory=list)
    dead: bool = False
    then: Callable[[], object] | None = None
    """What happens once, right after the next call."""

    def before(self, name: str) -> None:
        if self.dead:
            raise Died
        self.calls.append(name)
        self._die("before")

    def after(self) -> None:
        then, self.then = self.then, None
        if then is not None:
            then()
        self._die("after")

    def _die(self, at: str) -> None:
        if self.at == at and len(self.calls) - 1 == self.number:
            self.dead = True
            raise Died

    def planned(self, call: Call) -> Hooks:
        return Hooks(before=lambda: self.before(call.method), after=self.after)


class MortalFiles:
    """Artifacts that die with the process."""

    def __init__(self, files: Artifacts, fate: Fate) -> None:
        self._files = files
        self._fate = fate

    def put(
        self, name: str, data: bytes, *, content_type: str = "text/plain", if_absent: bool = False
    ) -> None:
        self._fate.before("put file")
        self._files.put(name, data, content_type=content_type, if_absent=if_absent)
        self._fate.after()

    def get(self, name: str) -> bytes | None:
        self._fate.before("get file")
        found = self._files.get(name)
        self._fate.after()
        return found

    def list(self, prefix: str, *, limit: int = 1000, cursor: str | None = None) -> Listing:
        self._fate.before("list files")
        found = self._files.list(prefix, limit=limit, cursor=cursor)
        self._fate.after()
        return found

    def delete(self, name: str) -> None:
        self._fate.before("delete file")
        self._files.delete(name)
        self._fate.after()

    def upload_link(self, name: str, *, content_type: str, size: int, seconds: int) -> UploadLink:
        return self._files.upload_link(name, content_type=content_type, size=size, seconds=seconds)

    def download_link(self, name: str, *, shown_as: str, content_type: str, seconds: int) -> str:
        return self._files.download_link(
            name, shown_as=shown_as, content_type=content_type, seconds=seconds
        )


class House(Shop):
    """A shop whose process may die, and another one goes on."""

    def __init__(
        self, folder: Path, engine: Table, files: Artifacts | None = None, **environ: str
    ) -> None:
        self.fate = Fate()
        super().__init__(
            folder, FaultyTable(engine, lambda call: self.fate.planned(call)), **environ
        )
        self.files = files if files is not None else self.deployment.artifacts
        self.deployment.artifacts = MortalFiles(self.files, self.fate)
        self.bare = engine

    def doomed(self, at: Literal["before", "after"], number: int) -> None:
        """The process dies there, counted from now."""
        self.fate.__init__(at, number)  # type: ignore[misc]  # all of it anew

    def survive(self) -> None:
        """Another process goes on."""
        self.fate.__init__()  # type: ignore[misc]  # all of it anew
        self._at_work = False
        # What the dead one remembered is gone with it.
        self.clock.advance(LEASE)

    def rest(self, rounds: int = 12) -> None:
        """Until nothing falls due: each time another minute passes, and the sweep comes."""
        for _ in range(rounds):
            self.work()
            self.pass_time(61)

    def items(self) -> list[Item]:
        """All items of the table, as they stand there."""
        found: list[Item] = []
        cursor: str | None = None
        while True:
            page = self.bare.scan(cursor=cursor)
            found += page.items
            cursor = page.cursor
            if cursor is None:
                return found

    def names(self) -> list[str]:
        return [each.name for each in self.files.list("").artifacts]

    def traces(self, words: Sequence[str]) -> list[str]:
        """Where in the table or the bucket one of these words stands, but for the audit."""
        items = [
            f"{item.key}"
            for item in self.items()
            if not item.key.pk.startswith("AUDIT#") and _says(item, words)
        ]
        return items + [name for name in self.names() if any(word in name for word in words)]


def _says(item: Item, words: Sequence[str]) -> bool:
    text = json.dumps([*item.key, item.attrs], default=str)
    return any(word in text for word in words)


@dataclass(frozen=True)
class Lived:
    """A conversation that has lived: its id, its sessions, and the ids of what waits in it."""

    conversation: str
    sessions: tuple[str, ...]
    turn: str
    approval: str

    @property
    def words(self) -> tuple[str, ...]:
        return (self.conversation, *self.sessions)

    @property
    def box(self) -> BoxKey:
        return box_key("acme", self.conversation)


def lived(house: House, person: Person = ANN) -> Lived:
    """A conversation that has left something everywhere, and waits for an approval."""
    asked = house.asked(person)
    approval = asked["prompt"]["approval_id"]
    house.decide(person, approval, True)
    house.work()
    first = house.turn_of(person, asked["turn_id"])
    assert first["status"] == "completed", first
    session = asked["session_id"]
    waiting = house.asked(person, session_id=session)
    table = house.deployment.table
    item = table.get([session_key(session)])[0]
    assert item is not None
    conversation = str((item.body or {})["conversation"])
    box = box_key(person.tenant, conversation)
    _fill(house, box)
    return Lived(conversation, (session,), waiting["turn_id"], waiting["prompt"]["approval_id"])


def _fill(house: House, box: BoxKey) -> None:
    """Files, long bodies, and the mailboxes beside it, which still have something to do."""
    table, files = house.deployment.table, house.files
    noise = "".join(random.Random(1).choices("abcdefghij0123456789", k=4 * SPILL_BYTES))
    for number in range(2):
        # Twice: what the first one spilled stands beside it then.
        for _ in range(2):
            table.write([Put(Item(Key(box.partition, f"OLD#{number}"), {}, {"text": noise}))])
    table.write([Put(Item(Key(box.partition, "SUMMARY"), {}, {"text": "of it"}))])
    for kind in KINDS:
        beside = BoxKey(kind, box.tenant, box.id)
        old = house.clock.now() + 10 * 24 * 3600 * 1000
        refs = [f"JOB#{number}" for number in range(3)]
        jobs = [Put(Item(beside.job(ref), {"state": "queued", "not_before": old})) for ref in refs]
        filled = Update(beside.item, [Assign(("jobs",), refs)])
        table.write([new_box(beside, house.clock)] if table.get([beside.item])[0] is None else [])
        table.write([filled, *jobs])
    folder = conversation_folder(box.tenant, box.id)
    for name in ("results/0-0.txt", "files/notes/a.md"):
        files.put(folder + name, b"kept")
    files.put(upload_name(box.tenant, box.id, "0" * 32), b"sent")


def assert_absent(house: House, lived: Lived, person: Person = ANN) -> None:
    """For its owner it is as if it had never been."""
    conversation = f"/conversations/{lived.conversation}"
    for method, path, body in _asked(lived, conversation):
        answered = house.by(person, method, path, body)
        assert answered.status == 404, (method, path, answered.text)
    for path in ("/conversations", "/approvals", "/approvals?state=decided"):
        assert house.by(person, "GET", path).body == [], path


def _asked(lived: Lived, conversation: str) -> Iterator[tuple[str, str, Any]]:
    yield "GET", conversation, None
    yield "GET", f"{conversation}/messages", None
    yield "GET", f"{conversation}/export", None
    yield "POST", f"{conversation}/end", {}
    yield "GET", f"/turns/{lived.turn}", None
    yield "POST", f"/turns/{lived.turn}/cancel", {}
    yield "GET", f"/approvals/{lived.approval}", None
    yield "POST", f"/approvals/{lived.approval}", {"approved": True}
    message = {"agent_id": "shop", "message": "Hi", "session_id": lived.sessions[0]}
    yield "POST", "/executor/turns", message
