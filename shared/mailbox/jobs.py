"""What the holder of a mailbox's lease does to a job and its log: append, mark, finish, pop.

    LeaseLost       the fence failed: stop everything, write nothing
    Stopped         somebody asked to stop this job: read it again
    Stale           the job or its log is not as it was read: read it again
    Rang            somebody rang the bell meanwhile

The small methods that return a condition or a change are the rules themselves, one each; the
simulation replaces them one at a time to prove that each is needed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.ids import new_id
from shared.mailbox.box import Box, BoxKey, Job
from shared.mailbox.leases import Lease, LeaseLost, Leases
from shared.mailbox.requests import NOT_DONE, NOT_STOPPED
from shared.storage.expressions import ABSENT, Assign, Change, Condition, Remove, attr
from shared.storage.table import (
    Check,
    ConditionFailed,
    Item,
    Key,
    Operation,
    Put,
    Update,
)

DONE_TTL_SECONDS = 7 * 24 * 3600
"""How long a finished job is kept, so that a late repeat of its request is still recognised."""


class Stopped(Exception):
    """The job has been asked to stop."""


class Stale(Exception):
    """The job is not as it was read."""


class Rang(Exception):
    """The bell rang; `box` is as it was at that moment."""

    def __init__(self, box: Box) -> None:
        super().__init__("the bell rang")
        self.box = box


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a job ends: its outcome, its terminal event, and what is written with it.

    `terminal` is the event's text, stored as it will be sent; empty if there is none. `log` are
    messages for the log from `log_from` on. `beside` are writes of the same transaction, `wakes`
    the mailboxes that they gave something to do. `keep_seconds` is how long the job is kept.
    """

    outcome: str
    terminal: str
    log: Sequence[Mapping[str, Any]] = ()
    log_from: int = 0
    beside: Sequence[Operation] = ()
    wakes: Sequence[BoxKey] = ()
    keep_seconds: int | None = DONE_TTL_SECONDS
    attrs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    body: Mapping[str, Any] = field(default_factory=dict[str, Any])


def message_key(box: BoxKey, number: int) -> Key:
    """The key of one message of the log; numbers start at 0."""
    return Key(box.partition, f"MSG#{number:012d}")


class Jobs(Leases):
    """Running and ending jobs, over one table."""

    # -- the log --------------------------------------------------------------------------

    def append(
        self,
        lease: Lease,
        job: Job,
        number: int,
        messages: Sequence[Mapping[str, Any]],
        *,
        result: bool = False,
        next_mark: str | None = None,
    ) -> str | None:
        """Write messages to the log from `number` on, and the mark of the call that starts next.

        The results of a call are written even if a stop was asked for meanwhile. Returns the
        attempt that the mark names.

        Raises:
            LeaseLost, Stopped, Stale: see the module's text.
        """
        by = new_id()
        changes: list[Change] = [Assign(("log_len",), number + len(messages))]
        if next_mark is not None:
            changes += self.mark_changes(next_mark, by)
        condition = NOT_DONE if result else NOT_DONE & NOT_STOPPED
        writes: list[Operation] = [
            Update(lease.box.item, [Assign(("crashes",), 0)], lease.fence),
            Update(job.key.job(job.ref), changes, condition),
            *self._messages(lease.box, number, messages, by),
        ]
        try:
            self._table.write(writes)
        except ConditionFailed as failed:
            self._explain(lease, failed, mine=by)
        return by if next_mark else None

    def _messages(
        self, box: BoxKey, number: int, messages: Sequence[Mapping[str, Any]], by: str
    ) -> list[Put]:
        return [
            Put(Item(message_key(box, number + i), {"by": by}, message), ABSENT)
            for i, message in enumerate(messages)
        ]

    def _explain(self, lease: Lease, failed: ConditionFailed, mine: str | None = None) -> None:
        """Say why a write on (box, job, messages…) was refused; return if it was made by us."""
        box, job = failed.failures.get(0), failed.failures.get(1)
        for position, old in failed.failures.items():
            if position > 1 and old is not None and mine and old.attrs.get("by") == mine:
                return
        if 0 in failed.failures and not lease.held(box):
            raise LeaseLost from failed
        attrs: Mapping[str, Any] = job.attrs if job else {}
        if attrs.get("state") == "queued" and "stop" in attrs:
            raise Stopped from failed
        raise Stale from failed

    def mark(self, lease: Lease, job: Job, call: str, digest: str | None = None) -> str:
        """Note that the call starts now; returns the attempt. With `digest` the call needs an
        approval of exactly these arguments.

        Raises:
            LeaseLost, Stopped, Stale: see the module's text; the call must not start.
        """
        by = new_id()
        before = job.mark(call)
        unchanged = (
            attr("marks", call).absent() if before is None else attr("marks", call).eq(before)
        )
        condition = NOT_DONE & NOT_STOPPED & unchanged
        if digest is not None:
            condition &= attr("decisions", call, "what").eq("approved")
            condition &= attr("decisions", call, "hash").eq(digest)
        try:
            self._table.write(
                [
                    Check(lease.box.item, lease.fence),
                    Update(job.key.job(job.ref), self.mark_changes(call, by), condition),
                ]
            )
        except ConditionFailed as failed:
            item = failed.failures.get(1)
            if item is None or item.attrs.get("marks", {}).get(call) != by:
                self._explain(lease, failed)
        return by

    def mark_changes(self, call: str, attempt: str) -> list[Change]:
        """Without a mark nobody can tell a call that never started from an interrupted one."""
        return [Assign(("marks", call), attempt)]

    # -- the end --------------------------------------------------------------------------

    def finish(self, lease: Lease, job: Job, ending: Ending) -> None:
        """Write how the job ended, once. The job stays at the head and the lease is kept: the
        terminal event is pushed next, and whoever takes over pushes it again.

        Raises:
            LeaseLost, Stopped, Stale: see the module's text.
        """
        by = new_id()
        now = self._clock.now()
        done = {"state": "done", "outcome": ending.outcome, "done_at": now, **ending.attrs}
        changes: list[Change] = [Assign((name,), value) for name, value in done.items()]
        condition = NOT_DONE if ending.outcome == "cancelled" else NOT_DONE & self.not_stopped()
        box_changes: list[Change] = [Assign(("crashes",), 0), *self.outbox_changes()]
        writes: list[Operation] = [
            Update(lease.box.item, box_changes, lease.fence),
            Update(
                job.key.job(job.ref),
                changes,
                condition,
                body={**job.body, **ending.body, "terminal": ending.terminal},
                ttl=now // 1000 + ending.keep_seconds if ending.keep_seconds else None,
            ),
            *self._messages(lease.box, ending.log_from, ending.log, by),
            *ending.beside,
        ]
        try:
            self._table.write(writes)
        except ConditionFailed as failed:
            self._explain(lease, failed, mine=by)

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
        changes = [Remove(("jobs", 0)), Remove(("head_at",)), *self._unstop(box, ref)]
        last = len(box.jobs) == 1 and set(box.stops) <= {ref}
        if last:
            changes += self.release(self.due_at(None, box.next_at))
        condition = lease.fence & attr("jobs", 0).eq(ref) & self.heard(box.bell)
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
        """Only the holder removes from `stops` and others append, so positions stand."""
        return [Remove(("stops", box.stops.index(ref)))] if ref in box.stops else []

    def drop(self, lease: Lease, box: Box, ref: str) -> Box:
        """Remove a stopped and finished job that is not the head, or the note that a job which
        has left meanwhile was asked to stop.

        Raises:
            LeaseLost: it was lost.
        """
        condition, changes = lease.fence, self._unstop(box, ref)
        if ref in box.stops:
            condition &= attr("stops", box.stops.index(ref)).eq(ref)
        if ref in box.jobs:
            position = box.jobs.index(ref)
            condition &= attr("jobs", position).eq(ref)
            changes.append(Remove(("jobs", position)))
        try:
            return Box.read(
                lease.box, self._table.update(Update(lease.box.item, changes, condition))
            )
        except ConditionFailed as failed:
            if not lease.held(failed.failures.get(0)):
                raise LeaseLost from failed
            return self.read(lease)
