"""The log of a mailbox: what a job writes while it runs, each write fenced.

    LeaseLost       the fence failed: stop everything, write nothing
    Stopped         somebody asked to stop this job: read it again
    Stale           the job or its log is not as it was read: read it again
    Rang            somebody rang the bell meanwhile

The small methods that return a condition or a change are the rules themselves, one each; the
simulation replaces them one at a time to prove that each is needed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.ids import new_id
from shared.mailbox.box import Box, BoxKey, Job
from shared.mailbox.leases import Lease, LeaseLost, Leases
from shared.mailbox.requests import NOT_DONE, NOT_STOPPED
from shared.storage.expressions import ABSENT, Assign, Change, Remove, attr
from shared.storage.table import (
    Check,
    ConditionFailed,
    Item,
    Key,
    Operation,
    Put,
    Update,
)


class Stopped(Exception):
    """The job has been asked to stop."""


class Stale(Exception):
    """The job is not as it was read."""


class Rang(Exception):
    """The bell rang; `box` is as it was at that moment."""

    def __init__(self, box: Box) -> None:
        super().__init__("the bell rang")
        self.box = box


def message_key(box: BoxKey, number: int) -> Key:
    """The key of one message of the log; numbers start at 0."""
    return Key(box.partition, f"MSG#{number:012d}")


class Log(Leases):
    """Appending and marking, over one table."""

    def append(
        self,
        lease: Lease,
        job: Job,
        number: int,
        messages: Sequence[Mapping[str, Any]],
        *,
        result: bool = False,
        marks: Sequence[str] = (),
        ended: Sequence[str] = (),
        attrs: Mapping[str, Any] | None = None,
        beside: Sequence[Operation] = (),
    ) -> str:
        """Write messages to the log from `number` on, and the marks of the calls that start next.

        The result of a call is written even if a stop was asked for meanwhile, but no mark with
        it: after a stop nothing starts. The marks of the calls that have `ended` with these
        results go. `attrs` are noted with the job, and `beside` is written in the same
        transaction, unconditionally. Returns the attempt that the marks name.

        Raises:
            LeaseLost, Stopped, Stale: see the module's text.
        """
        by = new_id()
        changes: list[Change] = [Assign(("log_len",), number + len(messages))]
        changes += [Assign((name,), value) for name, value in (attrs or {}).items()]
        changes += [Remove(("marks", call)) for call in ended]
        for call in marks:
            changes += self.mark_changes(call, by)
        condition = NOT_DONE if result and not marks else NOT_DONE & NOT_STOPPED
        writes: list[Operation] = [
            Update(lease.box.item, [Assign(("crashes",), 0)], lease.fence),
            Update(job.key.job(job.ref), changes, condition),
            *self._messages(lease.box, number, messages, by),
            *beside,
        ]
        try:
            self._table.write(writes)
        except ConditionFailed as failed:
            self._explain(lease, failed, mine=by)
        return by

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
        if mine and job is not None and job.attrs.get("done_by") == mine:
            return
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
