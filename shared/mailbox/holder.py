"""Everything that only the holder of a mailbox's lease may do: `Leases`, `Jobs`, and waiting."""

from collections.abc import Mapping
from typing import Any

from shared.mailbox.box import Job
from shared.mailbox.jobs import Jobs
from shared.mailbox.leases import Lease, LeaseLost
from shared.mailbox.requests import NOT_DONE, NOT_STOPPED
from shared.storage.expressions import Assign, Change, attr
from shared.storage.table import Check, ConditionFailed, Update


class Holder(Jobs):
    """The holder's operations, over one table."""

    # -- waiting for a person -------------------------------------------------------------

    def park(
        self, lease: Lease, job: Job, *, call: str, digest: str, body: Mapping[str, Any]
    ) -> None:
        """Wait for the decision on a call. The lease is kept: the prompt is pushed next.

        `body` replaces the job's body and holds what is needed to push the prompt again.

        Raises:
            LeaseLost, Stopped, Stale: see the module's text.
        """
        other = attr("pending").absent() | attr("pending", "call").ne(call)
        condition = NOT_DONE & NOT_STOPPED & other
        pending = Assign(("pending",), self.pending(call, digest))
        parked = Update(job.key.job(job.ref), [pending], condition, body=body)
        try:
            self._table.write([Check(lease.box.item, lease.fence), parked])
        except ConditionFailed as failed:
            item = failed.failures.get(1)
            if item is None or item.attrs.get("pending", {}).get("call") != call:
                self._explain(lease, failed)

    def pending(self, call: str, digest: str) -> Mapping[str, Any]:
        """Not prompted, no expiry: whoever takes over pushes the prompt again, and the time to
        decide begins when a person could see it."""
        return {"call": call, "hash": digest}

    def prompted(
        self, lease: Lease, job: Job, call: str, seen: int, expires_at: int, next_at: int | None
    ) -> bool:
        """The prompt was pushed: note it and give the lease back until `expires_at`; False if
        the bell rang since `seen` was read (then nothing is noted either).

        Raises:
            LeaseLost: it was lost.
        """
        shown = {"prompted_at": self._clock.now(), "expires_at": expires_at}
        changes: list[Change] = [Assign(("pending", k), v) for k, v in shown.items()]
        noted = Update(job.key.job(job.ref), changes, attr("pending", "call").eq(call))
        release = [
            Assign(("head_at",), expires_at),
            *self.release(self.due_at(expires_at, next_at)),
        ]
        let_go = Update(lease.box.item, release, lease.fence & self.heard(seen))
        try:
            self._table.write([let_go, noted])
        except ConditionFailed as failed:
            return not lease.held(failed.failures.get(0))
        return True

    def expire(self, lease: Lease, job: Job, call: str) -> None:
        """Decide that nobody decided. The first to write counts, so read the job again.

        Raises:
            LeaseLost: it was lost.
        """
        now = self._clock.now()
        decision = {"what": "expired", "who": "", "at": now, "by": lease.owner}
        overdue = attr("pending", "expires_at").le(now) & attr("pending", "call").eq(call)
        condition = NOT_DONE & attr("decisions", call).absent() & overdue
        expired = Update(job.key.job(job.ref), [Assign(("decisions", call), decision)], condition)
        try:
            self._table.write([Check(lease.box.item, lease.fence), expired])
        except ConditionFailed as failed:
            if 0 in failed.failures:
                raise LeaseLost from failed

    # -- deliveries -----------------------------------------------------------------------

    def postpone(self, lease: Lease, job: Job, not_before: int, error: str) -> None:
        """A delivery failed: count the attempt and try again at `not_before`.

        Raises:
            LeaseLost, Stale: see the module's text.
        """
        attempts = job.attempts + 1
        condition = NOT_DONE & (attr("attempts").absent() | attr("attempts").lt(attempts))
        again = {"attempts": attempts, "not_before": not_before, "error": error}
        changes: list[Change] = [Assign((name,), value) for name, value in again.items()]
        box = Update(lease.box.item, [Assign(("crashes",), 0)], lease.fence)
        try:
            self._table.write([box, Update(job.key.job(job.ref), changes, condition)])
        except ConditionFailed as failed:
            item = failed.failures.get(1)
            if item is None or item.attrs.get("attempts") != attempts:
                self._explain(lease, failed)
