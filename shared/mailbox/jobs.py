"""How a job ends and leaves its mailbox: finish, then push, then pop."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from shared.ids import new_id
from shared.mailbox.box import Box, BoxKey, Job
from shared.mailbox.leases import Lease, LeaseLost
from shared.mailbox.log import Log, Rang, Stale, Stopped, message_key
from shared.mailbox.requests import NOT_DONE, NOT_STOPPED
from shared.storage.expressions import Assign, Change, Condition, Remove, attr
from shared.storage.table import (
    Check,
    ConditionFailed,
    Item,
    Operation,
    Update,
)

log = logging.getLogger("parley")

DONE_TTL_SECONDS = 7 * 24 * 3600
"""How long a finished job is kept, so that a late repeat of its request is still recognised."""


@dataclass(frozen=True)
class Queued:
    """Writes that give another mailbox something to do, for the transaction of what it follows
    from. `overflow` is unconditional: what is written where there is no room."""

    writes: Sequence[Operation]
    overflow: Sequence[Operation]


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a job ends: its outcome, its terminal event, and what is written with it.

    `terminal` is the event's text, stored as it will be sent; empty if there is none. `log` are
    messages for the log from `log_from` on. `beside` are writes of the same transaction, `wakes`
    the mailboxes that they gave something to do. Where a condition of one of `queued` fails, its
    `overflow` is written in its place: nothing beside a job may keep it from ending. `next_at`: the
    mailbox is looked at then, whatever else comes (ms; 0: at no set time any more). `keep_seconds`
    is how long the job is kept.
    """

    outcome: str
    terminal: str
    log: Sequence[Mapping[str, Any]] = ()
    log_from: int = 0
    beside: Sequence[Operation] = ()
    queued: Sequence[Queued] = ()
    next_at: int | None = None
    wakes: Sequence[BoxKey] = ()
    keep_seconds: int | None = DONE_TTL_SECONDS
    attrs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    body: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def queuing(self) -> Sequence[Operation]:
        return [write for queued in self.queued for write in queued.writes]

    def overflowing(self, failed: int) -> Self | None:
        """The same with the overflow of that one of `queued` to which the write with this number
        belongs; None if it belongs to none."""
        end = 0
        for index, queued in enumerate(self.queued):
            end += len(queued.writes)
            if 0 <= failed < end:
                full = Queued(queued.overflow, ())
                return replace(self, queued=[*self.queued[:index], full, *self.queued[index + 1 :]])
        return None


@dataclass(frozen=True, kw_only=True)
class Scheduled:
    """What a mailbox is given because it is empty or its time has come: `refs` of further jobs,
    with the writes of their items (unconditional), and when to look again (ms; None: at no set
    time). `changes` are of the mailbox itself."""

    refs: Sequence[str] = ()
    items: Sequence[Operation] = ()
    next_at: int | None = None
    changes: Sequence[Change] = ()


class Jobs(Log):
    """Ending jobs, over one table."""

    def finish(self, lease: Lease, job: Job, ending: Ending, *, at_head: bool = True) -> Ending:
        """Write how the job ended, once. The job stays in its place and the lease is kept: the
        terminal event is pushed next, and whoever takes over pushes it again. That the head has
        ended sets its crashes back; a job behind it has none. Returns the ending as it was
        written.

        Raises:
            LeaseLost, Stopped, Stale: see the module's text.
        """
        by = new_id()
        now = self._clock.now()
        done = {"state": "done", "outcome": ending.outcome, "done_at": now, "done_by": by}
        done |= ending.attrs
        changes: list[Change] = [Assign((name,), value) for name, value in done.items()]
        condition = NOT_DONE if ending.outcome == "cancelled" else NOT_DONE & self.not_stopped()
        box_changes: list[Change] = [Assign(("crashes",), 0), *self.outbox_changes()]
        if at_head and ending.next_at is not None:
            next_at = Assign(("next_at",), ending.next_at)
            box_changes.append(next_at if ending.next_at else Remove(("next_at",)))
        writes: list[Operation] = [
            Update(lease.box.item, box_changes, lease.fence)
            if at_head
            else Check(lease.box.item, lease.fence),
            Update(
                job.key.job(job.ref),
                changes,
                condition,
                body={**job.body, **ending.body, "terminal": ending.terminal},
                ttl=now // 1000 + ending.keep_seconds if ending.keep_seconds else None,
            ),
            *self._messages(lease.box, ending.log_from, ending.log, by),
        ]
        try:
            self._table.write([*writes, *ending.beside, *ending.queuing])
        except ConditionFailed as failed:
            beside = len(writes) + len(ending.beside)
            again = ending.overflowing(min(failed.failures) - beside)
            if again is not None:
                log.warning("no room beside a job", extra={"box": lease.box.pk})
                return self.finish(lease, job, again, at_head=at_head)
            self._explain(lease, failed, mine=by)
        return ending

    def not_stopped(self) -> Condition:
        """An accepted stop and a reply exclude each other."""
        return NOT_STOPPED

    def outbox_changes(self) -> list[Change]:
        """None: the job leaves the mailbox only when its terminal event has been pushed."""
        return []

    def pop(self, lease: Lease, box: Box) -> Box | None:
        """Remove the finished head; with nothing behind it, give the lease back too. Returns the
        box as it is afterwards, or None when the lease has been given back.

        Raises:
            Rang: the bell rang since the box was read, and the head is still there. Whoever rang
                may have begun to listen: look who has not been told how the job ended.
            LeaseLost: it was lost.
        """
        ref = box.jobs[0]
        changes = [
            Remove(("jobs", 0)),
            Remove(("head_at",)),
            Remove(("waits",)),
            # A crash while this job was being sent is none of the next one's.
            Assign(("crashes",), 0),
            *self._unstop(box, ref),
        ]
        last = len(box.jobs) == 1 and set(box.stops) <= {ref} and not box.unlisted
        if last:
            changes += self.release(self.due_at(None, box.next_at))
        condition = lease.fence & attr("jobs", 0).eq(ref) & self.heard(box.bell)
        if ref in box.stops:
            condition &= attr("stops", box.stops.index(ref)).eq(ref)
        try:
            after = self._table.update(Update(lease.box.item, changes, condition))
            return None if last else Box.read(lease.box, after)
        except ConditionFailed as failed:
            now = Box.read(lease.box, failed.failures.get(0) or Item(lease.box.item))
            if now.epoch != lease.epoch or now.owner not in (None, lease.owner):
                raise LeaseLost from failed
            if now.head == ref and now.owner is not None:
                raise Rang(now) from failed
            return now if now.owner else None

    def _unstop(self, box: Box, ref: str) -> list[Change]:
        """Only the holder removes from `stops`, in the background too: the note must be there."""
        return [Remove(("stops", box.stops.index(ref)))] if ref in box.stops else []

    def drop(self, lease: Lease, box: Box, ref: str) -> Box:
        """Remove a stopped and finished job that is not the head, or the note that a job which
        has left meanwhile was asked to stop.

        Raises:
            Rang: as `pop` does.
            LeaseLost: it was lost.
        """
        condition, changes = lease.fence, self._unstop(box, ref)
        if ref in box.stops:
            condition &= attr("stops", box.stops.index(ref)).eq(ref)
        if ref in box.jobs:
            position = box.jobs.index(ref)
            condition &= attr("jobs", position).eq(ref) & self.heard(box.bell)
            changes.append(Remove(("jobs", position)))
        try:
            return Box.read(
                lease.box, self._table.update(Update(lease.box.item, changes, condition))
            )
        except ConditionFailed as failed:
            item = failed.failures.get(0)
            if item is None or not lease.held(item):
                raise LeaseLost from failed
            now = Box.read(lease.box, item)
            if ref in now.jobs[1:] and now.bell != box.bell:
                raise Rang(now) from failed
            return now


__all__ = ["Ending", "Jobs", "Queued", "Rang", "Scheduled", "Stale", "Stopped", "message_key"]
