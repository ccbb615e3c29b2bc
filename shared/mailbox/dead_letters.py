"""Dead letters: what was given up, listed by tenant, and replayed.

A dead letter is the item of a job that has ended as `dead`. Replaying makes the very same job
wait again, at the end of its mailbox: what receives it knows the copy by its id.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from shared.errors import ConflictError, NotFound, ValidationError
from shared.ids import new_id, pack, unpack
from shared.mailbox import deliveries, records
from shared.mailbox.box import BoxKey
from shared.mailbox.deliveries import MAX_WAITING, dead_letters_of, delivery_id
from shared.mailbox.records import MAX_LISTED
from shared.mailbox.requests import Requests
from shared.storage.cursors import IndexPosition, index_cursor
from shared.storage.expressions import Append, Assign, Change, Condition, Remove, attr
from shared.storage.table import (
    MAX_GET_KEYS,
    OWNED,
    ConditionFailed,
    Item,
    Table,
    Update,
)

ROOM: Mapping[str, int] = {deliveries.KIND: MAX_WAITING, records.KIND: MAX_LISTED}
"""The kinds of mailboxes that have dead letters, and how much each of them holds."""

WORDS: Mapping[str, str] = {
    records.CALL: "call_record",
    records.SAID: "transcript",
    records.ESCALATED: "escalation",
    records.END: "finalize",
}
"""What records are called, by how their refs end."""

LOOKS = 6
"""Reads of the index that one page of the list may take."""

MAX_ERROR = 500
"""Characters of an error that are shown."""

CURSOR = "dead"
MAX_TIME = 10**15

_OF_DEATH = (
    *("outcome", "done_at", "done_by", "attempts", "refusals", "failing_since", "not_before"),
    *("error", "owned_by", "listed_at"),
)

DEAD: Condition = attr("state").eq("done") & attr("outcome").eq("dead")


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """One delivery that was given up, and why. `kind` is callback, call_record, transcript,
    escalation or finalize; times are milliseconds."""

    id: str
    kind: str
    conversation: str
    attempts: int
    error: str
    added_at: int
    dead_since: int


@dataclass(frozen=True)
class DeadLetterPage:
    """Some of them, the latest first. There may be more while `next_cursor` is not None."""

    letters: list[DeadLetter]
    next_cursor: str | None


class DeadLetters:
    """Lists and replays. It asks nobody whether they may: all are of the tenant as a whole."""

    def __init__(self, table: Table, requests: Requests) -> None:
        self._table = table
        self._requests = requests

    def page(self, tenant: str, limit: int, cursor: str | None = None) -> DeadLetterPage:
        """Up to `limit` dead letters of the tenant.

        Raises:
            ValidationError: the cursor is none of this list.
        """
        after = _position(tenant, cursor) if cursor else None
        found: list[DeadLetter] = []
        last = cursor
        for _ in range(LOOKS):
            entries = self._table.query_index(
                OWNED,
                dead_letters_of(tenant),
                descending=True,
                limit=min(limit + 1 - len(found), MAX_GET_KEYS),
                cursor=after,
            )
            items = self._table.get([entry.key for entry in entries.items])
            for entry, item in zip(entries.items, items, strict=True):
                box = _box(tenant, entry)
                letter = _letter(box, item) if box and item else None
                if letter is not None:
                    if len(found) == limit:
                        return DeadLetterPage(found, last)
                    found.append(letter)
                last = _cursor(box, entry) if box else last
            after = entries.cursor
            if after is None:
                return DeadLetterPage(found, None)
        return DeadLetterPage(found, last)

    def find(self, tenant: str, delivery: str) -> DeadLetter:
        """The dead letter with this id.

        Raises:
            NotFound: there is none, or it is another tenant's.
            ConflictError: DELIVERY_NOT_DEAD.
        """
        box, ref = _named(tenant, delivery)
        item = self._table.get([box.job(ref)])[0]
        letter = _letter(box, item) if item else None
        if letter is None:
            raise _not_dead(item)
        return letter

    def replay(self, tenant: str, delivery: str) -> BoxKey:
        """Let it wait again as if nobody had tried yet; the mailbox, which the caller wakes when it
        has acknowledged. One that waits already is left as it is.

        Raises:
            NotFound: there is no such delivery, or it is another tenant's.
            ConflictError: DELIVERY_NOT_DEAD: it was made, or cancelled; or MAILBOX_FULL.
        """
        box, ref = _named(tenant, delivery)
        by = new_id()
        changes: list[Change] = [Assign(("state",), "queued"), Assign(("replayed_by",), by)]
        changes += [Remove((name,)) for name in _OF_DEATH]
        # With an answer that was lost it may have died again by now: that is this replay still.
        again = Update(box.job(ref), changes, DEAD & attr("replayed_by").ne(by))
        # A ref that has not been popped yet stands there twice then, and the second copy is popped
        # without being run: the job is done by then, or it is still the first one's turn.
        arrival = [Append(("jobs",), ref), *self._requests.ring(box)]
        room = attr("jobs").absent() | attr("jobs").size_below(ROOM[box.kind])
        try:
            self._table.write([again, Update(box.item, arrival, room)])
        except ConditionFailed as failed:
            item = failed.failures.get(0) or self._table.get([box.job(ref)])[0]
            if item is None or not _waits(item, by):
                self._refuse(item)
        return box

    def _refuse(self, item: Item | None) -> None:
        if item is None or not _is_dead(item):
            raise _not_dead(item)
        raise ConflictError(
            "Too much of this conversation waits to be delivered. Try again later.",
            code="MAILBOX_FULL",
            retryable=True,
        )


def _named(tenant: str, delivery: str) -> tuple[BoxKey, str]:
    """The mailbox and the ref of an id that came from outside.

    Raises:
        NotFound: no delivery can have it.
    """
    try:
        kind, box, ref = unpack(deliveries.ID, delivery, 3)
    except NotFound as fault:
        raise _no_such_delivery() from fault
    if kind not in ROOM:
        raise _no_such_delivery()
    return BoxKey(kind, tenant, box), ref


def _is_dead(item: Item) -> bool:
    return (item.attrs.get("state"), item.attrs.get("outcome")) == ("done", "dead")


def _waits(item: Item, by: str) -> bool:
    """Whether a replay has nothing to do any more: it waits, or this very one was made."""
    return item.attrs.get("state") == "queued" or item.attrs.get("replayed_by") == by


def _letter(box: BoxKey, item: Item) -> DeadLetter | None:
    """The item as it is shown; None if it is no dead letter. An entry of the index may be one
    that has been replayed since."""
    attrs = item.attrs
    if not _is_dead(item):
        return None
    error = str(attrs.get("error", ""))
    return DeadLetter(
        id=delivery_id(box, item.key.sk),
        kind=_kind(box, item.key.sk),
        conversation=box.id,
        attempts=int(attrs.get("attempts", 0)),
        error=error if len(error) <= MAX_ERROR else f"{error[: MAX_ERROR - 1]}…",
        added_at=int(attrs["added_at"]),
        dead_since=int(attrs["listed_at"]),
    )


def _kind(box: BoxKey, ref: str) -> str:
    return "callback" if box.kind == deliveries.KIND else WORDS[ref.rpartition("#")[2]]


def _box(tenant: str, entry: Item) -> BoxKey | None:
    """The mailbox of an entry of the index; None for a kind of which nothing is listed."""
    found = BoxKey.parse(f"BOX#{entry.key.pk}")
    kind = found.kind.lower()
    return BoxKey(kind, tenant, found.id) if kind in ROOM else None


def _not_dead(item: Item | None) -> NotFound | ConflictError:
    if item is None or "state" not in item.attrs:
        return _no_such_delivery()
    return ConflictError("This delivery is no dead letter any more.", code="DELIVERY_NOT_DEAD")


def _no_such_delivery() -> NotFound:
    return NotFound("There is no such delivery.", code="DELIVERY_NOT_FOUND")


def _cursor(box: BoxKey, entry: Item) -> str:
    """What follows this entry."""
    return pack(CURSOR, str(entry.attrs["listed_at"]), box.kind, box.id, entry.key.sk)


def _position(tenant: str, cursor: str) -> str:
    """Where in the index the cursor stands, whether or not its entry is still there."""
    with suppress(NotFound, ValueError):
        at, kind, box, ref = unpack(CURSOR, cursor, 4)
        time = int(at)
        if str(time) == at and 0 <= time < MAX_TIME and kind in ROOM:
            return index_cursor(IndexPosition(time, BoxKey(kind, tenant, box).job(ref)))
    raise ValidationError(
        "cursor: is none of this list. Take it from the Link of the page before.",
        details={"field": "cursor"},
    )
