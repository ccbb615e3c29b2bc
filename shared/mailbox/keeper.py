"""Keeping a lease alive, and hearing the bell, while the worker is busy with something else.

One background task beats the heart of the lease and, while a call runs, looks at the box once a
second. It never writes anything but the heartbeat.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shared.clock import Clock, Task
from shared.mailbox.box import Box, Timing
from shared.mailbox.holder import Holder
from shared.mailbox.leases import Lease, LeaseLost
from shared.messaging.wakes import Wake, Wakes
from shared.storage.table import TransientError

log = logging.getLogger("parley")


class Keeper:
    """Holds one lease from now until `stop`. When the bell has moved it calls whoever listens, and
    `tend` with the box, which sees to the rest of the mailbox."""

    def __init__(
        self,
        holder: Holder,
        lease: Lease,
        box: Box,
        wakes: Wakes,
        clock: Clock,
        timing: Timing,
        tend: Callable[[Box], None],
    ) -> None:
        self._holder = holder
        self._lease = lease
        self._wakes = wakes
        self._clock = clock
        self._timing = timing
        self._until = box.until
        self._beaten_at = clock.monotonic()
        self._heard = box.bell
        self._tended = box.bell
        self._tending: Task | None = None
        self._busy = False
        self._lost = False
        self._stopping = clock.event()
        self._tend = tend
        self._on_ring: Callable[[], None] | None = None
        self._listening_since: float | None = None
        self._busy_since = 0.0
        self._busy_until: float | None = None
        self._unheard = False
        self._deadline: float | None = None
        self._task = clock.spawn(self._run, f"lease {lease.box.pk}")

    def stop(self) -> None:
        """Stop beating. Returns when nothing more will be written."""
        self._stopping.set()
        self._task.join()
        if self._tending is not None:
            self._tending.join()

    def check(self) -> None:
        """Right before any effect outside the store: is the lease surely still held?

        Both clocks are asked, because a frozen machine's monotonic clock stands still and a wall
        clock may jump.

        Raises:
            LeaseLost: it was lost, or ends within the margin.
        """
        margin = self._timing.margin
        wall = self._until - margin - self._clock.now()
        held = (self._clock.monotonic() - self._beaten_at) * 1000
        if self._lost or wall <= 0 or held >= self._timing.lease - margin:
            self._lost = True
            raise LeaseLost

    @contextmanager
    def listening(self, on_ring: Callable[[], None], deadline: float | None) -> Iterator[None]:
        """While a call runs: `on_ring` is called (from the background) when the bell has moved,
        or when the lease is lost; at once if it moved since the last call. The heart stops beating
        at `deadline` (monotonic), so that a call that hangs for ever does not keep the mailbox for
        ever."""
        self._on_ring, self._deadline = on_ring, deadline
        now = self._clock.monotonic()
        if self._busy_until is None or now - self._busy_until >= self._timing.tick:
            self._busy_since = now
        # Calls right after each other are one, or many short ones would never be looked up from.
        self._listening_since = self._busy_since
        try:
            if self._unheard:
                self._ring()
            yield
        finally:
            self._on_ring = self._listening_since = self._deadline = None
            self._busy_until = self._clock.monotonic()

    def _run(self) -> None:
        self._wakes.send([self._watch(self._timing.lease + self._timing.grace)])
        while not self._stopping.wait(self._timing.tick):
            try:
                self._tick()
            except LeaseLost:
                self._lost = True
                self._ring()
                return
            except TransientError:
                continue  # the next beat may go through; `check` knows when it is too late

    @property
    def _first_look(self) -> float:
        """A call that begins with the lease, but for the reads before it, is looked up from at the
        first tick."""
        return 0.9 * self._timing.tick

    def _watch(self, after: int) -> Wake:
        """A wake that finds this activation dead, if it dies."""
        seconds = -(-after // 1000) + 1
        return Wake(self._lease.box.pk, self._lease.box.tenant, seconds, self._lease.epoch)

    def _tick(self) -> None:
        now = self._clock.monotonic()
        if self._deadline is not None and now > self._deadline:
            return
        if (now - self._beaten_at) * 1000 >= self._timing.heartbeat:
            box = self._holder.heartbeat(self._lease)
            self._until, self._beaten_at = box.until, now
        elif self._listening_since is not None and now - self._listening_since >= self._first_look:
            box = self._holder.glance(self._lease)
            if box.epoch > self._lease.epoch:
                raise LeaseLost
        else:
            return
        if box.bell > self._heard:
            self._ring()
            # Only now: if looking failed, the next tick looks again.
            self._heard = box.bell
        if box.bell > self._tended and not self._busy:
            # Beside the heart, which must go on beating however long it takes.
            self._busy = True
            self._tending = self._clock.spawn(lambda: self._see_to(box), "mailbox")

    def _see_to(self, box: Box) -> None:
        try:
            self._tend(box)
            self._tended = box.bell
        except LeaseLost:
            self._lost = True
            self._ring()
        except TransientError:
            log.warning("store unavailable", extra={"box": box.key.pk}, exc_info=True)
        finally:
            self._busy = False

    def _ring(self) -> None:
        self._unheard = True
        listener = self._on_ring
        if listener is not None:
            self._unheard = False
            listener()
