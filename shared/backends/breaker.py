"""Leaving a backend alone that cannot take records, so that workers are there for turns.

Each attempt may hold a worker for the whole time-out. While a backend takes what it gets, a few
attempts go on at once; after some failures in a row, of whatever conversation, one at a time, with
growing rests between them.
"""

from threading import Lock

from shared.clock import Clock

TOLERANCE = 3
"""Failures in a row after which it is left alone."""

AT_ONCE = 4
"""Attempts of one process at the same time."""

FIRST_REST = 5.0
LONGEST_REST = 60.0
SOON = 3.0
"""Seconds after which whoever found no place looks again."""


class Breaker:
    """What this process knows of one backend. Several threads may use it at once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._busy = 0
        self._failures = 0
        self._until = float("-inf")

    def enter(self) -> float:
        """0: go on, and call `leave` afterwards. Otherwise the seconds after which to ask again."""
        with self._lock:
            left = self._until - self._clock.monotonic()
            if left > 0:
                return max(left, SOON)
            if self._busy >= (1 if self._failures >= TOLERANCE else AT_ONCE):
                return SOON
            self._busy += 1
            return 0.0

    def leave(self, *, took: bool | None) -> None:
        """The attempt is over: it was answered, it was not, or (None) nobody was asked."""
        with self._lock:
            self._busy -= 1
            if took:
                self._failures = 0
                self._until = float("-inf")
            elif took is False:
                self._failures += 1
                over = self._failures - TOLERANCE
                if over >= 0:
                    rest = min(LONGEST_REST, FIRST_REST * 2 ** min(over, 10))
                    self._until = self._clock.monotonic() + rest
