"""The lease of a mailbox: the right of one worker to run it for a while.

Every write of the holder carries the fence: the box's epoch is the holder's and so is its owner.
Whoever lost the lease writes nothing. An operation whose answer was lost recognises its own
effect.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.clock import Clock
from shared.mailbox.box import Box, BoxKey, Timing
from shared.storage.expressions import (
    Assign,
    Change,
    Condition,
    Increment,
    Remove,
    attr,
)
from shared.storage.table import (
    ConditionFailed,
    Item,
    Table,
    Update,
)

log = logging.getLogger("parley")


class LeaseLost(Exception):
    """Another worker has the mailbox, or may have it soon."""


class MailboxRemoved(LeaseLost):
    """Its own job has removed the mailbox: there is nothing left to hold."""


@dataclass(frozen=True)
class Lease:
    """The right to run one mailbox, until it is lost."""

    box: BoxKey
    owner: str
    epoch: int

    @property
    def fence(self) -> Condition:
        # After a let-go whose answer was lost the epoch is still this one: the owner counts too.
        return attr("epoch").eq(self.epoch) & attr("owner").eq(self.owner)

    def held(self, item: Item | None) -> bool:
        attrs: Mapping[str, Any] = item.attrs if item else {}
        return (attrs.get("epoch"), attrs.get("owner")) == (self.epoch, self.owner)


class Leases:
    """Taking, holding and giving back, over one table."""

    def __init__(self, table: Table, clock: Clock, timing: Timing) -> None:
        self._table = table
        self._clock = clock
        self._timing = timing

    # -- the lease ------------------------------------------------------------------------

    def take(self, box: BoxKey, owner: str, watched: int | None = None) -> tuple[Lease, Box] | Box:
        """Take the lease if it is free or has expired; otherwise the box as it is.

        `owner` is unique to this activation. With `watched` it is only taken from that very
        epoch, after its lease expired. Taking an expired lease counts a crash.
        """
        if watched is None:
            free = attr("owner").absent()
            result = self._take(box, owner, attr("pk").present() & free, [])
            if not isinstance(result, Box) or not self._expired(result):
                return result
        else:
            result = self._read(box)
            if result.epoch != watched or not self._expired(result):
                return result
        same = attr("epoch").eq(result.epoch) & attr("owner").eq(result.owner)
        expired = same & attr("until").le(self._clock.now() - self._timing.grace)
        return self._take(box, owner, expired, self.crash_changes())

    def _take(
        self, box: BoxKey, owner: str, condition: Condition, changes: Sequence[Change]
    ) -> tuple[Lease, Box] | Box:
        lease = [Increment(("epoch",), 1), Assign(("owner",), owner), *self._extension()]
        try:
            item = self._table.update(Update(box.item, [*lease, *changes], condition))
        except ConditionFailed as failed:
            old = failed.failures.get(0) or Item(box.item)
            if old.attrs.get("owner") != owner:
                return Box.read(box, old)
            item = old
        taken = Box.read(box, item)
        return Lease(box, owner, taken.epoch), taken

    def _expired(self, box: Box) -> bool:
        return box.owner is not None and box.until + self._timing.grace <= self._clock.now()

    def _extension(self) -> list[Change]:
        until = self._clock.now() + self._timing.lease
        return [Assign(("until",), until), Assign(("due",), until + self._timing.grace)]

    def crash_changes(self) -> list[Change]:
        """What taking over from a dead holder adds: without a count a poison job has no end."""
        return [Increment(("crashes",), 1)]

    def _read(self, box: BoxKey) -> Box:
        return Box.read(box, self._table.get([box.item])[0] or Item(box.item))

    def read(self, lease: Lease) -> Box:
        """The box as it is now, consistently.

        Raises:
            LeaseLost: somebody else holds it.
        """
        item = self._table.get([lease.box.item])[0]
        if item is None or not lease.held(item):
            raise LeaseLost
        return Box.read(lease.box, item)

    def glance(self, lease: Lease) -> Box:
        """The box as it was a moment ago, cheaply; good for noticing, not for deciding."""
        item = self._table.get([lease.box.item], consistent=False)[0]
        return Box.read(lease.box, item or Item(lease.box.item))

    def heartbeat(self, lease: Lease) -> Box:
        """Hold the lease for its full length from now.

        Raises:
            LeaseLost: it was lost.
        """
        try:
            item = self._table.update(Update(lease.box.item, self._extension(), lease.fence))
        except ConditionFailed as failed:
            raise LeaseLost from failed
        return Box.read(lease.box, item)

    def let_go(self, lease: Lease, seen: int, head_at: int | None, next_at: int | None) -> bool:
        """Give the lease back; False if the bell rang since `seen` was read: go on then. Whoever
        comes to that has not crashed on what is left, however often others did before."""
        head: Change = Remove(("head_at",)) if head_at is None else Assign(("head_at",), head_at)
        changes = [
            head,
            Assign(("crashes",), 0),
            *self.release(self.due_at(head_at, next_at)),
        ]
        condition = lease.fence & self.heard(seen)
        return self._released(lease, Update(lease.box.item, changes, condition))

    def hand_over(self, lease: Lease, *, cut: bool = False) -> None:
        """Give the lease back with work left; the caller sends a wake afterwards. `cut` counts like
        a crash; without it the count stays, as handing over alone is no progress."""
        changes = self.release(self.hand_over_due())
        if cut:
            changes += self.crash_changes()
        self._released(lease, Update(lease.box.item, changes, lease.fence))
        log.info("handed over", extra={"box": lease.box.pk, "cut": cut})

    def _released(self, lease: Lease, update: Update) -> bool:
        try:
            self._table.update(update)
        except ConditionFailed as failed:
            # Not ours any more: either this very write was made and its answer lost, or the
            # lease was lost. There is nothing left to give back in both cases.
            return not lease.held(failed.failures.get(0))
        return True

    def release(self, due: int | None) -> list[Change]:
        """The changes that end a lease and say when the box must be looked at again."""
        again: Change = Remove(("due",)) if due is None else Assign(("due",), due)
        return [Remove(("owner",)), Remove(("until",)), again]

    def due_at(self, head_at: int | None, next_at: int | None) -> int | None:
        """`due` is derived from its sources, which are stored apart: no writer can lose one."""
        times = [at for at in (head_at, next_at) if at is not None]
        return min(times) if times else None

    def hand_over_due(self) -> int | None:
        """A wake sent before the let-go is refused and dropped; the sweep must find the work."""
        return self._clock.now()

    def heard(self, seen: int) -> Condition:
        """Nobody rang since `seen` was read, before the reads on which the holder decided."""
        return attr("bell").eq(seen)
