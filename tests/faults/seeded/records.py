"""The records of a run, and the messages that they tell of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.mailbox.box import BoxKey
from shared.mailbox.dead_letters import WORDS
from shared.mailbox.records import CALL, END, PREFIX, SAID, record_box, record_ref
from shared.storage.table import Item

if TYPE_CHECKING:
    from tests.faults.seeded.audit import Audit

COMPLETED = "completed"
DEAD = "dead"


@dataclass(frozen=True, eq=False)
class Record:
    """One record: its item, and how it has stood, from when on."""

    conversation: str
    ref: str
    item: Item
    course: list[tuple[float, str]]

    @property
    def state(self) -> str:
        return str(self.item.attrs.get("outcome", self.item.attrs["state"]))

    @property
    def states(self) -> set[str]:
        return {state for _, state in self.course}

    def missing(self, at: float) -> bool:
        """Whether it had been given up, and not been delivered since."""
        past = [each for since, each in self.course if since <= at]
        return DEAD in past and past[-1] != COMPLETED

    @property
    def written(self) -> float:
        return self.course[0][0]

    @property
    def number(self) -> int:
        return int(self.ref.removeprefix(PREFIX).partition("#")[0])

    @property
    def is_call(self) -> bool:
        return self.ref.endswith(CALL)

    @property
    def is_said(self) -> bool:
        return self.ref.endswith(SAID)

    @property
    def is_end(self) -> bool:
        return self.ref.endswith(END)

    @property
    def word(self) -> str:
        """What dead letters call it."""
        return WORDS[self.ref.rpartition("#")[2]]

    @property
    def payload(self) -> Mapping[str, Any]:
        payload: Mapping[str, Any] = (self.item.body or {})["payload"]
        return payload

    @property
    def key(self) -> str:
        """Its idempotency key."""
        return _key(self.conversation, self.ref)

    @property
    def keys(self) -> set[str]:
        """That, and the one of its call, which it may have to begin."""
        return {self.key, _key(self.conversation, str(self.payload.get("call", self.ref)))}


def _key(conversation: str, ref: str) -> str:
    return f"{conversation}/{ref.removeprefix(PREFIX).replace('#', '/')}"


@dataclass(frozen=True)
class Entry:
    """A message of the log that people are shown, with its number there."""

    number: int
    message: Mapping[str, Any]

    @property
    def ref(self) -> str:
        return record_ref(self.number, SAID)

    @property
    def turn(self) -> str:
        return str(self.message["turn"]).rpartition("#")[2]


def read(audit: "Audit", box: BoxKey) -> dict[str, Record]:
    """The records of a conversation, in the order of their refs."""
    items = audit.stored(record_box(box), PREFIX)
    return {
        item.key.sk: Record(box.id, item.key.sk, item, audit.diary.records[item.key])
        for item in items
    }


def shown(audit: "Audit", box: BoxKey) -> list[Entry]:
    """What people see of the log."""
    entries = [
        Entry(int(item.key.sk.removeprefix("MSG#")), item.body or {})
        for item in audit.stored(box, "MSG#")
    ]
    return [
        e for e in entries if e.message["role"] in ("user", "assistant") and "text" in e.message
    ]
