"""When a backend is left alone as a whole: one that is slow would cost its time-out again for each
thing that is asked for."""

from threading import Lock
from typing import NamedTuple

from shared.backends.bounded import BoundedCache
from shared.backends.control_plane import ControlPlaneFault, Unavailable
from shared.clock import Clock

MAX_TENANTS = 1024

SLOW = 1.0
"""Seconds after which a failure has kept somebody waiting."""

IN_A_ROW = 3
"""Quick failures, of whatever was asked for, after which it is not one thing that is out."""

LONGEST = 60.0
"""Seconds that a backend may ask to be left alone for."""


class Rest(NamedTuple):
    """Why a backend is left alone, and until when (monotonic seconds)."""

    fault: ControlPlaneFault
    until: float


class Rests:
    """The rests of a backend, by tenant. `shortest`: seconds that each takes at least."""

    def __init__(self, clock: Clock, shortest: float) -> None:
        self._clock = clock
        self._shortest = shortest
        self._rests = BoundedCache[str, Rest](MAX_TENANTS)
        self._failures = BoundedCache[str, int](MAX_TENANTS)
        self._lock = Lock()

    def now(self, tenant: str) -> Rest | None:
        """The rest, if it has not ended."""
        rest = self._rests.get(tenant)
        return rest if rest and self._clock.monotonic() < rest.until else None

    def answered(self, tenant: str) -> None:
        self._failures.pop(tenant)

    def failed(self, tenant: str, fault: ControlPlaneFault, *, took: float) -> None:
        """Note a failure, for which somebody waited `took` seconds. A quick one may be a single
        thing's own: others are asked for all the same, until it is one of several in a row."""
        with self._lock:
            failures = (self._failures.get(tenant) or 0) + isinstance(fault, Unavailable)
            self._failures.put(tenant, failures)
        if took >= SLOW or failures >= IN_A_ROW:
            until = self._clock.monotonic() + self.seconds(fault)
            self._rests.put(tenant, Rest(fault.with_traceback(None), until))

    def seconds(self, fault: ControlPlaneFault) -> float:
        """For how long what failed so is not asked for again where there is a copy."""
        asked = fault.retry_after if isinstance(fault, Unavailable) else None
        return max(self._shortest, min(asked or 0.0, LONGEST))
