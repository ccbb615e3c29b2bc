"""A clock that stands still until a test moves it, also for threads that wait on its events."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from shared.clock import Event, Task
from shared.local.threads import settle

PATIENCE = 30.0
"""Real seconds after which a test that waits for threads gives up."""


class ManualClock:
    """Waits end when the event is set, or when `advance` reaches their time."""

    def __init__(self, now: int = 1_700_000_000_000) -> None:
        self._start = now
        self._elapsed = 0.0
        self._deadlines: list[float] = []
        self.changed = threading.Condition()

    def now(self) -> int:
        return self._start + round(self._elapsed * 1000)

    def monotonic(self) -> float:
        return self._elapsed

    def advance(self, seconds: float) -> None:
        with self.changed:
            self._elapsed += seconds
            self.changed.notify_all()

    def await_sleepers(self, count: int) -> None:
        """Return once at least `count` threads wait for a time that has not come."""
        with self.changed:
            asleep = self.changed.wait_for(lambda: self._asleep() >= count, PATIENCE)
        assert asleep, f"only {self._asleep()} of {count} threads went to sleep"

    def sleep(self, seconds: float) -> None:
        self.event().wait(seconds)

    def event(self) -> Event:
        return _Event(self)

    def spawn(self, work: Callable[[], None], name: str) -> Task:
        thread = threading.Thread(target=work, name=name, daemon=True)
        thread.start()
        return thread

    def wait(self, ready: Callable[[], bool], timeout: float | None) -> bool:
        deadline = float("inf") if timeout is None else self._elapsed + timeout
        with self.changed:
            self._deadlines.append(deadline)
            self.changed.notify_all()
            self.changed.wait_for(lambda: ready() or self._elapsed >= deadline)
            self._deadlines.remove(deadline)
        return ready()

    def _asleep(self) -> int:
        return sum(deadline > self._elapsed for deadline in self._deadlines)


class _Event:
    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._flag = False

    def set(self) -> None:
        with self._clock.changed:
            self._flag = True
            self._clock.changed.notify_all()

    def is_set(self) -> bool:
        return self._flag

    def wait(self, timeout: float | None = None) -> bool:
        return self._clock.wait(self.is_set, timeout)


def in_thread(work: Callable[[], Any]) -> Future[Any]:
    """Run it on a thread of its own; the future has what it returns or raises."""
    future: Future[Any] = Future()
    threading.Thread(target=settle, args=(future, work), daemon=True).start()
    return future
