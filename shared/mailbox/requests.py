"""What anybody may do to a mailbox without holding its lease: add, decide, cancel, listen.

Each write that the holder must notice rings the bell and makes the box due now, in the same
transaction: the holder lets go only if it heard every ring. Each operation recognises its own
effect, because an answer may be lost after the write was made.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from shared.ids import new_id
from shared.mailbox.box import Box, BoxKey, Job
from shared.mailbox.listeners import LIVE, MAX_LISTENERS, NOT_GONE, Listener, Listeners
from shared.storage.expressions import (
    ABSENT,
    All,
    Append,
    Assign,
    Change,
    Condition,
    Remove,
    attr,
)
from shared.storage.table import (
    ConditionFailed,
    Item,
    Operation,
    Put,
    Update,
)

log = logging.getLogger("parley")

TRIES = 4
"""How often room for a job is looked for, while others come and go."""

NOT_DONE: Condition = attr("state").eq("queued")
NOT_STOPPED: Condition = attr("stop").absent()


@dataclass(frozen=True, kw_only=True)
class NewJob:
    """A job to be added. `ref` is its sort key; `hash` tells its payload from another one's."""

    ref: str
    hash: str
    payload: Mapping[str, Any]
    attrs: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Added:
    """The job is in the mailbox. `duplicate`: it had been there before, possibly done. `behind` is
    the mailbox that it was added to, if that waited for a person just then."""

    job: Job
    duplicate: bool
    behind: Box | None = None


class DifferentPayload(Exception):
    """A job with this ref exists and asks for something else."""


class BacklogFull(Exception):
    """The mailbox holds as many jobs as it may. `waiting` counts them."""

    def __init__(self, waiting: int) -> None:
        super().__init__("the mailbox is full")
        self.waiting = waiting


class MailboxGone(Exception):
    """What the mailbox belongs to is being deleted, or has been."""


class _NoRoom(Exception):
    """`box` is the mailbox as it is, or would be if it were not `missing`."""

    def __init__(self, box: Box, *, missing: bool) -> None:
        super().__init__("no room")
        self.box = box
        self.missing = missing


class RiderFailed(Exception):
    """The condition of a write that rode along failed; nothing was added."""

    def __init__(self, failures: Mapping[int, Item | None]) -> None:
        super().__init__("a write beside the job was refused")
        self.failures = failures


Decision = Literal["decided", "same", "refused"]


class Requests(Listeners):
    """The outside operations, over one table."""

    # -- adding ---------------------------------------------------------------------------

    def add(
        self,
        box: BoxKey,
        job: NewJob,
        *,
        bound: int | None,
        listener: Listener | None = None,
        riders: Sequence[Operation] = (),
        made: bool = False,
    ) -> Added:
        """Add the job once, in the order of arrival; `listener` hears the mailbox from now on.

        The caller acknowledges, then sends a wake. The same ref again is the same job, also
        while the mailbox is full. `made`: a mailbox that does not exist is none that may come into
        being by this.

        Raises:
            MailboxGone: it is `gone`, or (`made`) it does not exist.
            DifferentPayload: the ref is taken by a job with another hash.
            BacklogFull: `bound` jobs wait (one that is done and not yet popped does not count).
            RiderFailed: a condition of `riders` failed.
        """
        attempt = new_id()
        item = self._job_item(box, job, attempt)
        put = Put(item, ABSENT)
        arriving = self._arrival(box, job.ref, listener)
        seen = Box(box)
        live = LIVE if made else NOT_GONE
        room: tuple[list[Change], Condition | None] = ([], self._room(bound, listener))
        for _ in range(TRIES):
            condition = live if room[1] is None else room[1] & live
            arrival = Update(box.item, [*arriving, *room[0]], condition)
            try:
                added = self._add(box, job, [put, arrival, *riders], attempt)
                return replace(added, behind=seen if seen.waits is not None else None)
            except _NoRoom as full:
                # It may have changed since: what was in the way may just have left.
                if full.box.gone or (made and full.missing):
                    raise MailboxGone from full
                seen = full.box
                room = self._make_room(box, seen, bound, listener)
        raise BacklogFull(len(seen.jobs))

    def _add(self, box: BoxKey, job: NewJob, operations: list[Operation], attempt: str) -> Added:
        try:
            self._table.write(operations)
        except ConditionFailed as failed:
            # The job comes first: a retry of an accepted job must be told "the same", not "full".
            existing = failed.failures.get(0) or self._table.get([box.job(job.ref)])[0]
            if existing is not None:
                return self._existing(box, job, existing, attempt)
            if 1 in failed.failures:
                seen = failed.failures[1]
                full = Box.read(box, seen or Item(box.item))
                raise _NoRoom(full, missing=seen is None) from failed
            raise RiderFailed({i - 2: old for i, old in failed.failures.items()}) from failed
        return Added(Job.read(box, job.ref, self._job_item(box, job, attempt)), duplicate=False)

    def _job_item(self, box: BoxKey, job: NewJob, attempt: str) -> Item:
        attrs = {
            "state": "queued",
            "hash": job.hash,
            "added_at": self._clock.now(),
            "added_by": attempt,
            "decisions": {},
            "marks": {},
            **job.attrs,
        }
        return Item(box.job(job.ref), attrs, {"payload": job.payload})

    def _existing(self, box: BoxKey, job: NewJob, existing: Item, attempt: str) -> Added:
        if existing.attrs.get("hash") != job.hash:
            raise DifferentPayload
        mine = existing.attrs.get("added_by") == attempt
        return Added(Job.read(box, job.ref, existing), duplicate=not mine)

    def _arrival(self, box: BoxKey, ref: str, listener: Listener | None) -> list[Change]:
        changes: list[Change] = [Append(("jobs",), ref), *self.ring(box)]
        if listener is not None:
            changes.append(self.hears(listener))
        return changes

    def _room(
        self, bound: int | None, listener: Listener | None, *, waits: bool = False
    ) -> Condition | None:
        # Whoever adds to a mailbox that waits is told so; the box has to be seen for that.
        parts: list[Condition] = [] if waits else [attr("waits").absent()]
        if bound is not None:
            parts.append(attr("jobs").absent() | attr("jobs").size_below(bound))
        if listener is not None:
            known = attr("conns", listener.name).present()
            parts.append(known | attr("conns").size_below(MAX_LISTENERS))
        return All(tuple(parts)) if parts else None

    def _make_room(
        self, key: BoxKey, box: Box, bound: int | None, listener: Listener | None
    ) -> tuple[list[Change], Condition | None]:
        """What lets the job in after all: the oldest listener leaves; a head that is done and only
        waits to be popped does not count."""
        changes: list[Change] = []
        crowded = listener is not None and listener.name not in box.conns
        if crowded and len(box.conns) >= MAX_LISTENERS:
            changes.append(Remove(("conns", box.oldest)))
        if bound is None or len(box.jobs) < bound:
            crowd = listener if not changes else None
            return changes, self._room(bound, crowd, waits=box.waits is not None)
        done = box.head and self._table.get([key.job(box.head)])[0]
        if not done or done.attrs.get("state") != "done":
            raise BacklogFull(len(box.jobs))
        return changes, attr("jobs", 0).eq(box.head) & attr("jobs").size_below(bound + 1)

    # -- deciding and cancelling ----------------------------------------------------------

    def decide(
        self,
        box: BoxKey,
        ref: str,
        *,
        call: str,
        digest: str,
        what: str,
        who: str,
        tries: int | None = None,
        beside: Sequence[Operation] = (),
        more: Mapping[str, Any] | None = None,
    ) -> Decision:
        """Decide the outstanding prompt for exactly these arguments, once.

        "same": this principal had decided the same before. "refused": decided otherwise,
        expired, stopped, done, or not what the job waits for; or, with `tries`, another answer was
        tried meanwhile. After "decided" and "same" the caller acknowledges, then sends a wake.
        `beside` is written in the same transaction, unconditionally; `more` is kept with the
        decision.
        """
        now = self._clock.now()
        decision = {"what": what, "who": who, "at": now, "hash": digest, "by": new_id()} | dict(
            more or {}
        )
        waiting = (
            NOT_DONE
            & NOT_STOPPED
            & attr("pending", "call").eq(call)
            & attr("pending", "hash").eq(digest)
            & attr("decisions", call).absent()
            & (attr("pending", "expires_at").absent() | attr("pending", "expires_at").gt(now))
        )
        if tries is not None:
            waiting &= self._tried(tries)
        put = Update(box.job(ref), [Assign(("decisions", call), decision)], waiting)
        answered = Update(box.item, [Remove(("waits",)), *self.ring(box)], LIVE)
        try:
            self._table.write([put, answered, *beside])
        except ConditionFailed as failed:
            item = failed.failures.get(0)
            old = Job.read(box, ref, item).decision(call) if item else None
            if old is None or (old["what"], old["who"]) != (what, who):
                return "refused"
            if old["by"] != decision["by"]:
                return "same"
        log.info("decided", extra={"box": box.pk, "what": what})
        return "decided"

    def tried(self, box: BoxKey, ref: str, *, call: str, tries: int) -> bool:
        """Count a wrong answer, of which there were `tries` before; False if that is not so any
        more: read the job again."""
        condition = NOT_DONE & attr("pending", "call").eq(call) & self._tried(tries)
        by = new_id()
        count = [Assign(("pending", "tries"), tries + 1), Assign(("pending", "tried_by"), by)]
        try:
            self._table.update(Update(box.job(ref), count, condition))
        except ConditionFailed as failed:
            item = failed.failures.get(0)
            return bool(item and item.attrs.get("pending", {}).get("tried_by") == by)
        return True

    def _tried(self, tries: int) -> Condition:
        counted = attr("pending", "tries")
        return counted.eq(tries) if tries else counted.absent()

    def cancel(self, box: BoxKey, ref: str, *, who: str) -> bool:
        """Ask the holder to stop the job; True if this was the first to ask and it was not done.

        Only the holder ends a job, so the caller sends a wake and promises no more than that.
        """
        stop = {"who": who, "at": self._clock.now(), "by": new_id()}
        asked = Update(box.job(ref), [Assign(("stop",), stop)], NOT_DONE & NOT_STOPPED)
        noted = Update(box.item, [Append(("stops",), ref), *self.ring(box)], LIVE)
        try:
            self._table.write([asked, noted])
        except ConditionFailed as failed:
            old = failed.failures.get(0)
            return bool(old and old.attrs.get("stop", {}).get("by") == stop["by"])
        return True
