"""Time, waiting and background work, as one port: a simulation owns all three.

The core never calls `time` or `threading` by itself. Wall-clock times are integers in
milliseconds since the epoch; the monotonic clock and all durations are seconds.
"""

import contextvars
import threading
import time
from collections.abc import Callable
from typing import Protocol


class Event(Protocol):
    """A flag that somebody waits for."""

    def set(self) -> None: ...

    def is_set(self) -> bool: ...

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the flag is set or `timeout` seconds have passed; say whether it is set."""
        ...


class Task(Protocol):
    """Work that runs beside the caller."""

    def join(self, timeout: float | None = None) -> None:
        """Wait until the work has ended, or `timeout` seconds."""
        ...


class Clock(Protocol):
    """What the core knows of time."""

    def now(self) -> int:
        """The wall clock in milliseconds; may jump, and differs between machines."""
        ...

    def monotonic(self) -> float:
        """Seconds that never jump back; stands still while a machine is frozen."""
        ...

    def sleep(self, seconds: float) -> None: ...

    def event(self) -> Event: ...

    def spawn(self, work: Callable[[], None], name: str) -> Task:
        """Run `work` beside the caller. It must not raise."""
        ...


class SystemClock:
    """The real clock, with threads for background work."""

    def now(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def event(self) -> Event:
        return threading.Event()

    def spawn(self, work: Callable[[], None], name: str) -> Task:
        # The ids that log records carry belong to the caller's work, wherever it runs.
        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(work,), name=name, daemon=True)
        thread.start()
        return thread
