"""Records: what a conversation's mailbox tells another system, in order and without a gap.

The records of a conversation are the jobs of a mailbox of its own. Their refs sort in the order in
which they were written, so the items themselves are the queue: `jobs` lists no more of them than
the box has room for, the rest stand unlisted behind them, and are listed when there is room.

A ref is the number of the first message of the log that comes after it or is it, and a word:

    END        the call that ended before that message
    CALL       the call that begins with it
    SAID       the message
    ESCALATED  that a person was asked for with it
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.clock import Clock
from shared.mailbox.box import Box, BoxKey
from shared.mailbox.jobs import Queued, Scheduled
from shared.mailbox.requests import Requests
from shared.storage.expressions import ABSENT, Assign, Change, Extend, Remove, attr
from shared.storage.table import Item, Key, Put, Table, Update

KIND = "history"
PREFIX = "REC#"
END = "1-end"
CALL = "2-call"
SAID = "3-said"
ESCALATED = "4-escalated"

MAX_LISTED = 256
PAGE = 64
"""Records that are listed at once when there is room again."""


def record_ref(number: int, word: str) -> str:
    return f"{PREFIX}{number:012d}#{word}"


def count_key(box: BoxKey) -> Key:
    """The item that counts (`missing`) the records of a mailbox that were given up."""
    return Key(box.partition, "COUNT")


@dataclass(frozen=True)
class Record:
    """One record: its ref, and what its handler needs to know."""

    ref: str
    payload: Mapping[str, Any]


def record_box(conversation: BoxKey) -> BoxKey:
    """The mailbox of a conversation's records."""
    return BoxKey(KIND, conversation.tenant, conversation.id)


class Records:
    """Queues records, of which a mailbox lists at most `bound`."""

    def __init__(self, table: Table, requests: Requests, clock: Clock, *, bound: int) -> None:
        self._table = table
        self._requests = requests
        self._clock = clock
        self._bound = min(bound, MAX_LISTED)

    def queue(self, box: BoxKey, records: Sequence[Record]) -> Queued:
        """The writes that add records behind all earlier ones, for the transaction of what they
        tell. The caller wakes `box` afterwards."""
        items = [self._item(box, record) for record in records]
        refs = tuple(record.ref for record in records)
        ring = self._requests.ring(box)
        space = max(1, self._bound - len(refs) + 1)
        room = attr("jobs").absent() | attr("jobs").size_below(space)
        listed = [Extend(("jobs",), refs), Assign(("listed",), refs[-1]), *ring]
        unlisted: list[Change] = [Assign(("unlisted",), True), *ring]
        return Queued(
            [
                *(Put(item, ABSENT) for item in items),
                # What is listed must not overtake what is not.
                Update(box.item, listed, room & attr("unlisted").absent()),
            ],
            [*map(Put, items), Update(box.item, unlisted)],
        )

    def more(self, box: Box) -> Scheduled | None:
        """For an empty mailbox: the next records that are not listed yet."""
        if not box.unlisted:
            return None
        cursor = box.listed or PREFIX
        limit = min(PAGE, self._bound)
        page = self._table.query(box.key.partition, prefix=PREFIX, limit=limit, cursor=cursor)
        refs = [item.key.sk for item in page.items]
        changes: list[Change] = [Assign(("listed",), refs[-1])] if refs else []
        if page.cursor is None:
            changes.append(Remove(("unlisted",)))
        return Scheduled(refs=refs, next_at=box.next_at, changes=changes)

    def _item(self, box: BoxKey, record: Record) -> Item:
        attrs = {"state": "queued", "added_at": self._clock.now(), "decisions": {}, "marks": {}}
        return Item(box.job(record.ref), attrs, {"payload": record.payload})
