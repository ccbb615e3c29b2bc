"""Wakes inside one process: a delayed queue between the handlers and the local runtime."""

import heapq
import itertools
import threading
from collections.abc import Sequence

from shared.clock import Clock, Event
from shared.messaging.wakes import MAX_DELAY, Wake


class InProcessWakes:
    """The Wakes port without a network; any number of threads may send and take.

    Wakes that are due come out in the order in which they became due. What is still queued is
    lost with the process: the sweep finds what was not woken.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._queue: list[tuple[float, int, Wake]] = []
        self._sleepers: set[Event] = set()
        self._closed = False

    def send(self, wakes: Sequence[Wake]) -> None:
        """Queue them. Each arrives once, not before its delay; after `close` they are dropped."""
        now = self._clock.monotonic()
        with self._lock:
            if self._closed:
                return
            for wake in wakes:
                due = now + min(max(wake.delay, 0), MAX_DELAY)
                heapq.heappush(self._queue, (due, next(self._numbers), wake))
            self._stir()

    def next(self, timeout: float) -> Wake | None:
        """The next wake that is due; None when there was none for `timeout` seconds, or closed."""
        give_up = self._clock.monotonic() + timeout
        while True:
            with self._lock:
                now = self._clock.monotonic()
                if self._closed:
                    return None
                if self._queue and self._queue[0][0] <= now:
                    return heapq.heappop(self._queue)[2]
                if now >= give_up:
                    return None
                until = min(give_up, self._queue[0][0]) if self._queue else give_up
                bell = self._clock.event()
                self._sleepers.add(bell)
            bell.wait(until - now)
            with self._lock:
                self._sleepers.discard(bell)

    def close(self) -> None:
        """Hand out nothing more; whoever waits in `next` gets None at once."""
        with self._lock:
            self._closed = True
            self._queue.clear()
            self._stir()

    def _stir(self) -> None:
        # Every sleeper looks again: which of them is late enough to be served only it can tell.
        for bell in self._sleepers:
            bell.set()
