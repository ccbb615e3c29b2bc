"""Sending a turn's events to its connections without slowing the model down.

One background task posts. The first piece of text goes out at once; while a post is under way,
and for a short window after it, what arrives is gathered into the next one. Order is kept. A
connection that is gone is left out from then on; one that cannot take more text after patient
retries is closed, because a hole in the text would be worse than a reconnect.
"""

import logging
from collections.abc import Callable, Sequence
from threading import Lock

from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_attempt
from tenacity import wait_random_exponential as jitter

from shared.clock import Clock
from shared.mailbox.leases import LeaseLost
from shared.messaging.push import Push, PushFailed, PushThrottled
from shared.protocol.events import encode, stream_token

log = logging.getLogger("parley")

MAX_PIECE = 10_000
"""Characters of text in one event, where it stands twice. Escaped, one may take six bytes."""


class Poster:
    """Posts one message to one connection, patiently."""

    def __init__(self, push: Push, clock: Clock) -> None:
        self._push = push
        self._clock = clock

    def post(self, connection: str, data: bytes, check: Callable[[], None] | None = None) -> bool:
        """Whether the connection got it. `check` is called right before each attempt, and what
        it raises is not caught."""
        retrying = Retrying(
            retry=retry_if_exception_type((PushThrottled, PushFailed)),
            wait=jitter(multiplier=0.1, max=3),
            stop=stop_after_attempt(8),
            sleep=self._clock.sleep,
        )

        def attempt() -> bool:
            if check:
                check()
            return self._push.post(connection, data)

        try:
            return retrying(attempt)
        except RetryError:
            log.warning("connection does not take what it is sent", exc_info=True)
            self._close(connection)
            return False

    def _close(self, connection: str) -> None:
        try:
            self._push.close(connection)
        except (PushThrottled, PushFailed):
            # It is left out from now on all the same; others must not suffer for it.
            log.warning("connection could not be closed", exc_info=True)


class Stream:
    """The text of one turn, on its way to some connections."""

    def __init__(
        self,
        poster: Poster,
        clock: Clock,
        connections: Sequence[str],
        *,
        request_id: str,
        check: Callable[[], None],
        window: float,
        settle_until: int = 0,
    ) -> None:
        self._poster = poster
        self._clock = clock
        self._open = list(connections)
        self._request_id = request_id
        self._check = check
        self._window = window
        self._settle_until = settle_until
        self._lock = Lock()
        self._text = ""
        self._more = clock.event()
        self._closing = clock.event()
        self._task = clock.spawn(self._run, "stream") if self._open else None
        self.gone: list[str] = []
        self.used = False

    def text(self, piece: str) -> None:
        """Send this too. Never waits."""
        self.used = True
        with self._lock:
            self._text += piece
            self._more.set()

    def close(self) -> None:
        """Send what is left; returns when nothing more will be posted."""
        with self._lock:
            # Not while the task makes itself a new event to wait for: it would wait for ever.
            self._closing.set()
            self._more.set()
        if self._task:
            self._task.join()
            self._task = None

    def abandon(self) -> None:
        """Send nothing more; returns when a post under way has ended."""
        with self._lock:
            self._text = ""
            self._open = []
        self.close()

    def _run(self) -> None:
        wait = (self._settle_until - self._clock.now()) / 1000
        if wait > 0:
            self._clock.sleep(wait)
        while True:
            self._more.wait()
            with self._lock:
                piece, self._text = self._text[:MAX_PIECE], self._text[MAX_PIECE:]
                if not self._text and not self._closing.is_set():
                    self._more = self._clock.event()
            if not piece and self._closing.is_set():
                return
            try:
                self._send(piece)
            except LeaseLost:
                return
            if not self._closing.is_set():
                self._closing.wait(self._window)

    def _send(self, piece: str) -> None:
        event = stream_token(self._request_id, piece, at=self._clock.now())
        data = encode(event)
        for connection in list(self._open):
            if not self._poster.post(connection, data, self._check):
                self.gone.append(connection)
                with self._lock:
                    if connection in self._open:
                        self._open.remove(connection)
