"""Everything that only the holder of a mailbox's lease may do: `Leases`, `Jobs`, and waiting."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from shared.mailbox.box import Box, Job
from shared.mailbox.jobs import Jobs, Scheduled
from shared.mailbox.leases import Lease, LeaseLost
from shared.mailbox.requests import NOT_DONE, NOT_STOPPED
from shared.storage.expressions import Assign, Change, Extend, Remove, attr
from shared.storage.table import Check, ConditionFailed, Operation, Update


class Holder(Jobs):
    """The holder's operations, over one table."""

    # -- waiting for a person -------------------------------------------------------------

    def park(
        self,
        lease: Lease,
        job: Job,
        *,
        call: str,
        digest: str,
        body: Mapping[str, Any],
        waits: str = "",
        attrs: Mapping[str, Any] | None = None,
        beside: Sequence[Operation] = (),
    ) -> None:
        """Wait for the decision on a call. The lease is kept: the prompt is pushed next.

        `body` replaces the job's body and holds what is needed to push the prompt again; `attrs`
        are noted with the job, and `beside` is written in the same transaction, unconditionally.

        Raises:
            LeaseLost, Stopped, Stale: see the module's text.
        """
        other = attr("pending").absent() | attr("pending", "call").ne(call)
        condition = NOT_DONE & NOT_STOPPED & other
        pending = {**self.pending(call, digest), "waits": waits}
        noted = [Assign((name,), value) for name, value in (attrs or {}).items()]
        changes = [Assign(("pending",), pending), *noted]
        parked = Update(job.key.job(job.ref), changes, condition, body=body)
        try:
            self._table.write([Check(lease.box.item, lease.fence), parked, *beside])
        except ConditionFailed as failed:
            item = failed.failures.get(1)
            if item is None or item.attrs.get("pending", {}).get("call") != call:
                self._explain(lease, failed)

    def pending(self, call: str, digest: str) -> Mapping[str, Any]:
        """Not prompted, no expiry: whoever takes over pushes the prompt again, and the time to
        decide begins when a person could see it."""
        return {"call": call, "hash": digest}

    def show(self, lease: Lease, job: Job, call: str) -> bool:
        """The prompt is pushed next: from now on somebody may have seen it. False if there is
        nothing to ask any more.

        Raises:
            LeaseLost: it was lost.
        """
        open_still = NOT_DONE & NOT_STOPPED & attr("decisions", call).absent()
        condition = open_still & attr("pending", "call").eq(call)
        shown = Assign(("pending", "shown_at"), self._clock.now())
        noted = Update(job.key.job(job.ref), [shown], condition)
        try:
            self._table.write([Check(lease.box.item, lease.fence), noted])
        except ConditionFailed as failed:
            if 0 in failed.failures:
                raise LeaseLost from failed
            return False
        return True

    def prompted(
        self,
        lease: Lease,
        job: Job,
        call: str,
        seen: int,
        expires_at: int,
        next_at: int | None,
        beside: Sequence[Operation] = (),
    ) -> bool:
        """The prompt was pushed: note it and give the lease back until `expires_at`; False if
        the bell rang since `seen` was read (then nothing is noted either). `beside` as in `park`.

        Raises:
            LeaseLost: it was lost.
        """
        shown = {"prompted_at": self._clock.now(), "expires_at": expires_at}
        changes: list[Change] = [Assign(("pending", k), v) for k, v in shown.items()]
        noted = Update(job.key.job(job.ref), changes, attr("pending", "call").eq(call))
        release = [
            Assign(("head_at",), expires_at),
            Assign(("waits",), job.pending.waits if job.pending else ""),
            Assign(("crashes",), 0),
            *self.release(self.due_at(expires_at, next_at)),
        ]
        let_go = Update(lease.box.item, release, lease.fence & self.heard(seen))
        try:
            self._table.write([let_go, noted, *beside])
        except ConditionFailed as failed:
            return not lease.held(failed.failures.get(0))
        return True

    def expire(self, lease: Lease, job: Job, call: str, beside: Sequence[Operation] = ()) -> None:
        """Decide that nobody decided. The first to write counts, so read the job again. `beside`
        as in `park`.

        Raises:
            LeaseLost: it was lost.
        """
        now = self._clock.now()
        decision = {"what": "expired", "who": "", "at": now, "by": lease.owner}
        overdue = attr("pending", "expires_at").le(now) & attr("pending", "call").eq(call)
        condition = NOT_DONE & attr("decisions", call).absent() & overdue
        expired = Update(job.key.job(job.ref), [Assign(("decisions", call), decision)], condition)
        try:
            answered = Update(lease.box.item, [Remove(("waits",))], lease.fence)
            self._table.write([answered, expired, *beside])
        except ConditionFailed as failed:
            if 0 in failed.failures:
                raise LeaseLost from failed

    # -- schedules ------------------------------------------------------------------------

    def schedule(self, lease: Lease, box: Box, scheduled: Scheduled) -> Box:
        """Give the mailbox what its handler has scheduled, unless somebody has rung since it was
        read; the mailbox as it is then.

        Raises:
            LeaseLost: it was lost.
        """
        next_at: Change = Remove(("next_at",))
        if scheduled.next_at is not None:
            next_at = Assign(("next_at",), scheduled.next_at)
        changes = [next_at, *scheduled.changes]
        if scheduled.refs:
            changes.append(Extend(("jobs",), tuple(scheduled.refs)))
        given = Update(lease.box.item, changes, lease.fence & self.heard(box.bell))
        try:
            self._table.write([given, *scheduled.items])
        except ConditionFailed as failed:
            if not lease.held(failed.failures.get(0)):
                raise LeaseLost from failed
        return self.read(lease)

    def note(self, lease: Lease, job: Job, attrs: Mapping[str, Any]) -> Job:
        """Note something of the head, before what depends on it; the job with it.

        Raises:
            LeaseLost, Stale: see the module's text.
        """
        changes: list[Change] = [Assign((name,), value) for name, value in attrs.items()]
        noted = Update(job.key.job(job.ref), changes, NOT_DONE)
        try:
            self._table.write([Check(lease.box.item, lease.fence), noted])
        except ConditionFailed as failed:
            self._explain(lease, failed)
        return replace(job, attrs={**job.attrs, **attrs})

    # -- deliveries -----------------------------------------------------------------------

    def wait(self, lease: Lease, job: Job, not_before: int) -> None:
        """Nobody tried: look at the delivery again at `not_before`.

        Raises:
            LeaseLost, Stale: see the module's text.
        """
        box = Update(lease.box.item, [Assign(("crashes",), 0)], lease.fence)
        again = [Assign(("not_before",), not_before)]
        try:
            self._table.write([box, Update(job.key.job(job.ref), again, NOT_DONE)])
        except ConditionFailed as failed:
            self._explain(lease, failed)

    def postpone(
        self,
        lease: Lease,
        job: Job,
        not_before: int,
        error: str,
        attrs: Mapping[str, Any] | None = None,
    ) -> None:
        """A delivery failed: count the attempt and try again at `not_before`. `attrs` are noted
        with it.

        Raises:
            LeaseLost, Stale: see the module's text.
        """
        attempts = job.attempts + 1
        condition = NOT_DONE & (attr("attempts").absent() | attr("attempts").lt(attempts))
        again = {"attempts": attempts, "not_before": not_before, "error": error, **(attrs or {})}
        changes: list[Change] = [Assign((name,), value) for name, value in again.items()]
        box = Update(lease.box.item, [Assign(("crashes",), 0)], lease.fence)
        try:
            self._table.write([box, Update(job.key.job(job.ref), changes, condition)])
        except ConditionFailed as failed:
            item = failed.failures.get(1)
            if item is None or item.attrs.get("attempts") != attempts:
                self._explain(lease, failed)
