"""A clock that tests move: no wait of it takes real time."""

import threading
from collections.abc import Callable

from shared.clock import Event, Task


class FakeClock:
    """Sleeping moves the time on at once, and is written down in `sleeps`.

    Events and background work are real: what they wait for, really happens. `join` waits for it.
    """

    def __init__(self, now: int = 1_700_000_000_000) -> None:
        self.sleeps: list[float] = []
        self._lock = threading.Lock()
        self._start = now
        self._elapsed = 0.0
        self._spawned: list[threading.Thread] = []

    def now(self) -> int:
        return self._start + round(self._elapsed * 1000)

    def monotonic(self) -> float:
        return self._elapsed

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._elapsed += seconds

    def event(self) -> Event:
        return threading.Event()

    def spawn(self, work: Callable[[], None], name: str) -> Task:
        thread = threading.Thread(target=work, name=name, daemon=True)
        thread.start()
        self._spawned.append(thread)
        return thread

    def join(self, timeout: float = 10.0) -> None:
        """Wait until all background work so far has ended; an AssertionError if it does not."""
        for thread in self._spawned:
            thread.join(timeout)
            assert not thread.is_alive(), thread.name
