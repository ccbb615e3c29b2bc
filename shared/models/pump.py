"""A model stream that is produced on one thread, read on another and closed from any.

A thread that waits for bytes, or for a connection, cannot be woken by closing what it waits for.
So the waiting is done by a thread of its own, and the reader waits for that thread, for the end
of its time, or for `close()`, whichever comes first.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Protocol

from shared.clock import Clock
from shared.models.port import Completed, ModelError, ModelEvent, StreamClosed


class Outlet(Protocol):
    """Where the producing thread puts what it has, and learns whether anybody still wants it."""

    def put(self, event: ModelEvent) -> None: ...

    def is_closed(self) -> bool: ...

    def attach(self, cut: Callable[[], None]) -> None:
        """From now on `close()` calls `cut`, from another thread; if it came first, now."""
        ...

    def detach(self) -> None:
        """Once this has returned, `cut` is not called any more."""
        ...


class PumpedStream:
    """The stream. `produce` runs once, from the first iteration on, and ends with `Completed` or
    an error; `late` makes the error for a reader whose time is over.
    """

    def __init__(
        self,
        produce: Callable[[Outlet], None],
        *,
        clock: Clock,
        seconds_left: float,
        late: Callable[[], ModelError],
    ) -> None:
        self._produce = produce
        self._clock = clock
        self._deadline = clock.monotonic() + seconds_left
        self._late = late
        self._arrived: deque[ModelEvent | Exception] = deque()
        self._news = clock.event()
        self._lock = threading.Lock()
        self._cut: Callable[[], None] | None = None
        self._closed = False
        self._abandoned = False
        self._started = False
        self._ended = False

    def __iter__(self) -> Iterator[ModelEvent]:
        if self._closed:
            raise StreamClosed
        while not self._ended:
            yield self._next()

    def close(self) -> None:
        self._closed = True
        self._abandon()
        self._add(StreamClosed())

    def put(self, event: ModelEvent) -> None:
        self._add(event)

    def is_closed(self) -> bool:
        return self._abandoned

    def attach(self, cut: Callable[[], None]) -> None:
        with self._lock:
            if self._abandoned:
                cut()
            else:
                self._cut = cut

    def detach(self) -> None:
        with self._lock:
            self._cut = None

    def _next(self) -> ModelEvent:
        if not self._started:
            self._started = True
            self._clock.spawn(self._run, "model-stream")
        event = self._wait()
        if self._closed:
            raise StreamClosed(self._late().usage)
        self._ended = isinstance(event, Completed | Exception)
        if isinstance(event, Exception):
            raise event
        return event

    def _add(self, arrived: ModelEvent | Exception) -> None:
        with self._lock:
            self._arrived.append(arrived)
            self._news.set()

    def _wait(self) -> ModelEvent | Exception:
        with self._lock:
            if self._arrived:
                return self._arrived.popleft()
            news = self._news = self._clock.event()
        left = self._deadline - self._clock.monotonic()
        news.wait(min(max(left, 0.0), threading.TIMEOUT_MAX))
        with self._lock:
            if self._arrived:
                return self._arrived.popleft()
        self._abandon()
        return self._late()

    def _abandon(self) -> None:
        # `cut` runs under the lock: once it is detached, the connection may serve somebody else.
        with self._lock:
            self._abandoned = True
            cut, self._cut = self._cut, None
            if cut:
                cut()

    def _run(self) -> None:
        try:
            self._produce(self)
        except Exception as error:  # noqa: BLE001 - it is raised again where the reader waits
            self._add(error)
