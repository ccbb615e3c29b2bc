"""Posting one message to one connection: patiently, or a single time for who is patient itself."""

import logging
import random
from collections.abc import Callable

from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_attempt

from shared.clock import Clock
from shared.messaging.push import Push, PushFailed, PushThrottled

log = logging.getLogger("parley")

ATTEMPTS = 8
"""After so many failures in a row a connection is given up: that takes 4 to 10 seconds."""

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 3.0


def pause(failures: int) -> float:
    """Seconds to wait after so many failures in a row, with jitter."""
    longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** (failures - 1))
    return random.uniform(longest / 2, longest)


class Poster:
    """Posts messages to connections."""

    def __init__(self, push: Push, clock: Clock) -> None:
        self._push = push
        self._clock = clock

    def post(self, connection: str, data: bytes, check: Callable[[], None] | None = None) -> bool:
        """Whether the connection got it. `check` is called right before each attempt, and what
        it raises is not caught. A connection that takes nothing is closed in the end."""
        retrying = Retrying(
            retry=retry_if_exception_type((PushThrottled, PushFailed)),
            wait=lambda state: pause(state.attempt_number),
            stop=stop_after_attempt(ATTEMPTS),
            sleep=self._clock.sleep,
        )
        try:
            return retrying(self.attempt, connection, data, check)
        except RetryError:
            log.warning("connection does not take what it is sent", exc_info=True)
            self.close(connection)
            return False

    def attempt(
        self, connection: str, data: bytes, check: Callable[[], None] | None = None
    ) -> bool:
        """Post once, after `check`; False when the connection is gone.

        Raises:
            ValueError, PushThrottled, PushFailed: as `Push.post` does.
        """
        if check:
            check()
        there = self._push.post(connection, data)
        log.debug("posted", extra={"connection": connection, "gone": not there})
        return there

    def close(self, connection: str) -> None:
        """Close it if that can be done; it is left out from then on all the same."""
        try:
            self._push.close(connection)
        except (PushThrottled, PushFailed):
            # Others must not suffer for it.
            log.warning("connection could not be closed", exc_info=True)
