"""Until when the connections of a turn may hear it."""

from collections.abc import Callable

from shared.clock import Clock
from shared.storage.table import TransientError

Until = Callable[[str], int | None]
"""Until when (ms) a connection is authenticated as its item says now; None: as long as it is open.
0 for one that is gone. Raises TransientError."""


class Audience:
    """The connections that a stream was opened for. Safe for one thread each."""

    def __init__(self, heard: dict[str, int | None], clock: Clock, until: Until) -> None:
        """`heard` says until when each may; whoever adds to it lets others in."""
        self._heard = heard
        self._clock = clock
        self._until = until

    def may_hear(self, connection: str) -> bool:
        """Whether its credential still holds. That it has been renewed is read when the time that
        was known is over, and not before."""
        if self._holds(connection):
            return True
        try:
            self._heard[connection] = self._until(connection)
        except TransientError:
            return False
        return self._holds(connection)

    def _holds(self, connection: str) -> bool:
        until = self._heard[connection]
        return until is None or self._clock.now() <= until
