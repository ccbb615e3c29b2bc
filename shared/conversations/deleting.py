"""Asking for the deletion of conversations.

From the accepted request on a conversation is nobody's any more: META has `deleting`, which every
read of it looks at, its mailbox is `gone` and takes nothing in, and its sessions are no sessions.
Its turns are cancelled, and behind them stands the job that removes everything
(`removing.py`). The request and that job are one write, so none is without the other.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from shared.clock import Clock
from shared.conversations.audit import Deletion
from shared.conversations.items import (
    DELETING,
    SESSION,
    STANDS,
    meta_key,
    session_key,
    turn_session,
)
from shared.ids import time_ordered_id
from shared.mailbox.box import Box, BoxKey
from shared.mailbox.listeners import NOT_GONE
from shared.mailbox.requests import NOT_DONE, NOT_STOPPED, Requests
from shared.messaging.wakes import Wake, Wakes
from shared.storage.expressions import EXISTS, Append, Assign, Condition, Remove, attr
from shared.storage.table import ConditionFailed, Item, Operation, Put, Table, Update

REF = "DELETE#"
"""The one such job of a mailbox."""

RETENTION = "retention"
REQUEST = "request"

PAGE = 100
"""Sessions that are read at once."""


def is_removal(ref: str) -> bool:
    """Whether a job of a conversation's mailbox is its removal."""
    return ref.startswith(REF)


@dataclass(frozen=True)
class Begun:
    """The writes by which a deletion begins: of META, which must stand, and beside it; and its
    id."""

    id: str
    meta: Update
    beside: Sequence[Operation]


class Deleting:
    """Begins deletions. It asks nobody whether they may."""

    def __init__(self, table: Table, clock: Clock, requests: Requests, wakes: Wakes) -> None:
        self._table = table
        self._clock = clock
        self._requests = requests
        self._wakes = wakes

    def ask(
        self, box: BoxKey, meta: Item, *, by: str, reason: str = REQUEST, idle: bool = False
    ) -> str | None:
        """Have the conversation removed, of which META is this; the deletion's id. Again while it
        is under way is the same. `idle`: only if nobody has used it since META was read, and
        nothing waits in it. None: it is not to be removed, or has gone meanwhile."""
        known = meta.attrs.get(DELETING)
        if known is None:
            begun = self.begun(box, by=by, reason=reason)
            gone = [Assign(("gone",), True), Append(("jobs",), REF), *self._requests.ring(box)]
            begin, closable = begun.meta, NOT_GONE
            if idle:
                begin = replace(begin, condition=STANDS & _unused_since(meta))
                closable &= attr("jobs").absent() | attr("jobs").size_below(1)
            try:
                self._table.write([begin, Update(box.item, gone, closable), *begun.beside])
            except ConditionFailed as failed:
                found = failed.failures.get(0) or self._table.get([meta_key(box)])[0]
                if found is None or DELETING not in found.attrs:
                    return None
                known = found.attrs[DELETING]
            else:
                known = {"id": begun.id}
        self._stop(box, by)
        # Nobody adds one any more: each is written with a condition on META.
        self._forget_sessions(box)
        self._wakes.send([Wake(box.pk, box.tenant)])
        return str(known["id"])

    def begun(self, box: BoxKey, *, by: str, reason: str) -> Begun:
        """The writes beside those of the mailbox."""
        now = self._clock.now()
        deletion = Deletion(
            id=time_ordered_id(now),
            kind="conversation",
            target=box.id,
            by=by,
            reason=reason,
            asked_at=now,
        )
        noted = {"id": deletion.id, "at": now}
        # Out of the lists, too.
        unlisted = [Remove(("owned_by",)), Remove(("listed_at",))]
        meta = Update(meta_key(box), [Assign((DELETING,), noted), *unlisted], STANDS)
        return Begun(
            deletion.id, meta, [removal(box, deletion.id, now), deletion.begun(box.tenant)]
        )

    def leave(self, box: BoxKey, session: str, *, by: str) -> bool:
        """Have the turns of one session of it cancelled; whether there are none in its queue."""
        item = self._table.get([box.item])[0]
        jobs = Box.read(box, item).jobs if item else ()
        turns = [ref for ref in jobs if turn_session(ref) == session]
        for ref in turns:
            self._requests.cancel(box, ref, who=by)
        if turns:
            self._wakes.send([Wake(box.pk, box.tenant)])
        return not turns

    def _stop(self, box: BoxKey, by: str) -> None:
        """The turn that runs ends in no reply any more; those behind it have not begun."""
        item = self._table.get([box.item])[0]
        head = Box.read(box, item).head if item else None
        if head is None or not turn_session(head):
            return
        stop = Assign(("stop",), {"who": by, "at": self._clock.now()})
        with suppress(ConditionFailed):  # it has ended, or was stopped before
            self._table.update(Update(box.job(head), [stop], NOT_DONE & NOT_STOPPED))

    def _forget_sessions(self, box: BoxKey) -> None:
        """From now on they are nobody's. Whoever removes the rest removes them."""
        cursor: str | None = SESSION
        while cursor is not None:
            page = self._table.query(box.partition, prefix=SESSION, limit=PAGE, cursor=cursor)
            for item in page.items:
                session = session_key(item.key.sk.removeprefix(SESSION))
                with suppress(ConditionFailed):  # it is gone already
                    self._table.update(Update(session, [Assign(("tenant",), "")], EXISTS))
            cursor = page.cursor


def _unused_since(meta: Item) -> Condition:
    """Nobody has used the conversation since META was read."""
    used, known = attr("listed_at"), meta.attrs.get("listed_at")
    return used.absent() if known is None else used.eq(known)


def removal(box: BoxKey, deletion: str, now: int) -> Put:
    """The item of the job."""
    attrs = {
        "state": "queued",
        "hash": REF,
        "added_at": now,
        "deletion": deletion,
        "decisions": {},
        "marks": {},
    }
    return Put(Item(box.job(REF), attrs))
