"""Threads that blocking handlers may run on: daemons, each with an asyncio event loop."""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

from shared.clock import Clock

Work = Callable[[], Any]


@contextlib.contextmanager
def event_loop() -> Iterator[None]:
    """Give this thread an event loop for the time being.

    Mangum asks for the thread's loop at every request, and only the main thread has one.
    """
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        yield
    finally:
        asyncio.set_event_loop(None)
        loop.close()


class HandlerThreads:
    """Runs work on up to `limit` threads, which are started when needed and then kept.

    Work begins in the order in which it was submitted. The threads are daemons, unlike those of
    a ThreadPoolExecutor: a handler that never returns must not keep the process alive.
    """

    def __init__(self, clock: Clock, limit: int) -> None:
        self._clock = clock
        self._limit = limit
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[tuple[Future[Any], Work] | None] = queue.SimpleQueue()
        self._unfinished = 0
        self._started = 0
        self._ended = 0
        self._all_ended = clock.event()
        self._stopped = False

    def submit(self, work: Work) -> Future[Any]:
        """Run it as soon as a thread is free. After `stop` the answer is a failed future."""
        future: Future[Any] = Future()
        with self._lock:
            if self._stopped:
                future.set_exception(RuntimeError("the runtime has stopped"))
                return future
            self._unfinished += 1
            self._queue.put((future, work))
            if self._started < min(self._unfinished, self._limit):
                self._started += 1
                self._clock.spawn(self._serve, f"handler-{self._started}")
        return future

    def stop(self, seconds: float) -> bool:
        """Take no more work, and wait up to `seconds` for what was taken; say if all has ended."""
        with self._lock:
            if not self._stopped:
                self._stopped = True
                for _ in range(self._started):
                    self._queue.put(None)
            self._note_end()
        return self._all_ended.wait(seconds)

    def _serve(self) -> None:
        with event_loop():
            while (item := self._queue.get()) is not None:
                settle(*item)
                del item
                with self._lock:
                    self._unfinished -= 1
        with self._lock:
            self._ended += 1
            self._note_end()

    def _note_end(self) -> None:
        if self._stopped and self._ended == self._started:
            self._all_ended.set()


def settle(future: Future[Any], work: Work) -> None:
    """Do the work and put its result, or whatever it raised, into the future."""
    try:
        result = work()
    except BaseException as fault:  # noqa: BLE001 - it belongs to whoever holds the future
        future.set_exception(fault)
    else:
        future.set_result(result)


def awaitable(future: Future[Any]) -> asyncio.Future[Any]:
    """A future of the running loop that follows `future`.

    Unlike `asyncio.wrap_future` it never cancels the work, stays silent when nobody looks at a
    failure, and does not mind when the loop has gone before the work ends.
    """
    loop = asyncio.get_running_loop()
    mirror: asyncio.Future[Any] = loop.create_future()

    def copy() -> None:
        if mirror.done():
            return
        fault = future.exception()
        if fault is None:
            mirror.set_result(future.result())
        else:
            mirror.set_exception(fault)
            mirror.exception()

    def hand_over(_: Future[Any]) -> None:
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(copy)

    future.add_done_callback(hand_over)
    return mirror
