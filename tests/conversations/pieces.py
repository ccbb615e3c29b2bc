"""The parts of conversations on the real SQLite table, with the calls of its engine counted."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shared.conversations.connections import Connections
from shared.conversations.endings import Endings
from shared.conversations.items import Connection, Session, meta_key
from shared.conversations.messages import Messages, wire_message
from shared.conversations.notices import Notices
from shared.conversations.sessions import Sessions
from shared.conversations.turns import TurnRequests
from shared.conversations.usage import Ledger
from shared.identity.limits import RateLimits
from shared.identity.principal import Credential, Principal
from shared.mailbox.box import Box, BoxKey, Job, Timing
from shared.mailbox.holder import Holder
from shared.mailbox.jobs import Ending
from shared.mailbox.leases import Lease
from shared.mailbox.log import message_key
from shared.mailbox.requests import Requests
from shared.messaging.wakes import Wake
from shared.protocol.replies import Reply, messages_page
from shared.storage.expressions import Assign
from shared.storage.folder import FolderArtifacts
from shared.storage.sqlite import SqliteTable
from shared.storage.table import Item, Operation, Put, Table, Update
from shared.storage.wrapper import ResilientTable
from tests.support.clock import FakeClock
from tests.support.faults import Call, FaultyTable

ANNA = Principal("acme", "anna", frozenset({"user"}))
BEN = Principal("acme", "ben", frozenset({"user"}))
SERVICE = Principal("acme", "backend", frozenset({"service"}))
STRANGER = Principal("other", "anna", frozenset({"user", "service"}))


class Support:
    """An agent, as far as sessions need to know it."""

    id = "support"
    name = "Support"
    shared_conversations = False
    instructions = "Help."
    greeting = None
    model = "m"
    models_allowed = ()
    skills = ()
    overrides = ()


class Wakes:
    """A queue that nobody empties."""

    def __init__(self) -> None:
        self.sent: list[Wake] = []

    def send(self, wakes: Sequence[Wake]) -> None:
        self.sent += wakes


class Pieces:
    """One table and what stands on it."""

    def __init__(
        self, folder: Path, *, per_minute: int = 60, per_principal: int = 0, backlog: int = 32
    ) -> None:
        self.clock = FakeClock()
        self.calls: list[Call] = []
        self.engine = SqliteTable(folder / "parley.db")
        counted = FaultyTable(self.engine, self.calls.append)
        self.table: Table = ResilientTable(counted, FolderArtifacts(folder), self.clock)
        self.requests = Requests(self.table, self.clock)
        self.connections = Connections(
            self.table,
            self.clock,
            self.requests,
            RateLimits(self.table, self.clock, per_principal=per_principal, per_address=0),
            per_minute=per_minute,
            grace=60,
        )
        self.sessions = Sessions(self.table, self.clock, self.requests, self.connections)
        self.messages = Messages(self.table)
        self.wakes = Wakes()
        self.turns = TurnRequests(
            self.table, self.clock, self.requests, self.wakes, backlog=backlog
        )
        self.ledger = Ledger(self.clock)
        self.endings = Endings(self.clock, self.ledger, Notices(self.clock, self.requests))
        self.holder = Holder(self.table, self.clock, Timing())

    def connect(self, name: str, principal: Principal = ANNA) -> Connection:
        self.write(self.connections.opened(name, Credential(principal=principal)))
        return self.connection(name)

    def connection(self, name: str) -> Connection:
        found = self.connections.get(name)
        assert found is not None
        return found

    def session(self, principal: Principal = ANNA, **options: Any) -> Session:
        return self.sessions.open(principal, Support(), **options)

    def write(self, *operations: Operation) -> None:
        self.table.write(operations)

    def item(self, key: Any) -> Item:
        found = self.table.get([key])[0]
        assert found is not None
        return found

    def box(self, key: BoxKey) -> Box:
        return Box.read(key, self.item(key.item))

    def ask(
        self, session: Session, request_id: str, text: str = "Hello", url: str | None = None
    ) -> Job:
        """Queue a message; the turn as a worker loads it."""
        added = self.turns.add(ANNA, session, request_id=request_id, message=text, callback_url=url)
        return self.job(session, added.job.ref)

    def job(self, session: Session, ref: str) -> Job:
        turn, meta = self.item(session.box.job(ref)), self.item(meta_key(session.box))
        count = meta.attrs["count"]
        messages = meta.attrs.get("messages", count)
        known = {
            "count": count,
            "messages": messages,
            "owner": meta.attrs["owner"],
            "titled": meta.attrs.get("titled", False),
        }
        return Job(session.box, ref, {**turn.attrs, **known}, turn.body or {})

    def take(self, session: Session) -> Lease:
        taken = self.holder.take(session.box, "me/1")
        assert isinstance(taken, tuple)
        return taken[0]

    def end(self, lease: Lease, job: Job, ending: Ending) -> Job:
        """Write the end of the turn at the head; the turn as it is then."""
        self.holder.finish(lease, job, ending)
        return Job.read(job.key, job.ref, self.item(job.key.job(job.ref)))

    def pop(self, lease: Lease) -> None:
        self.holder.pop(lease, self.box(lease.box))

    def log(self, session: Session) -> list[dict[str, Any]]:
        page = self.table.query(session.box.partition, prefix="MSG#")
        return [dict(item.body or {}) for item in page.items]

    def page(self, session: Session, limit: int, cursor: str | None) -> Reply:
        """A page as a client gets it."""
        page = self.messages.page(session.box, limit, cursor)
        return messages_page([wire_message(each) for each in page.messages], page.next_cursor)

    def fill(self, session: Session, texts: Sequence[str]) -> None:
        """A log with these messages."""
        puts = [
            Put(Item(message_key(session.box, number), {"by": "t"}, message(number, text)))
            for number, text in enumerate(texts)
        ]
        for start in range(0, len(puts), 100):
            self.table.write(puts[start : start + 100])
        self.write(Update(meta_key(session.box), [Assign(("count",), len(texts))]))


@contextmanager
def pieces_in(folder: Path, **options: int) -> Iterator[Pieces]:
    made = Pieces(folder, **options)
    try:
        yield made
    finally:
        made.engine.close()


def message(number: int, text: str) -> dict[str, Any]:
    """A message of a log."""
    return {
        "id": f"00000000-0000-7000-8000-{number:012d}",
        "role": "assistant" if number % 2 else "user",
        "text": text,
        "at": 1_700_000_000_000 + number,
        "turn": "t",
    }
