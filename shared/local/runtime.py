"""The Lambda service of a laptop: runs handlers, drains the wakes, sweeps."""

import json
import logging
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from shared.clock import Clock, SystemClock
from shared.ids import new_id
from shared.local.events import ACCOUNT, REGION, Event, scheduled_event, sqs_event
from shared.local.threads import HandlerThreads
from shared.messaging.wakes import Wake

log = logging.getLogger("parley")

POLL_SECONDS = 20.0
"""How long a worker thread waits for a wake before it asks again, as with SQS."""


class HandlerFailed(Exception):
    """A handler raised, or returned something that is not JSON. The log says what and where."""


@dataclass(frozen=True, kw_only=True)
class LambdaContext:
    """What Lambda passes to a handler beside the event."""

    function_name: str
    deadline: float
    clock: Clock
    aws_request_id: str = field(default_factory=new_id)
    function_version: str = "$LATEST"
    memory_limit_in_mb: int = 1024
    identity: None = None
    client_context: None = None

    @property
    def invoked_function_arn(self) -> str:
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.function_name}"

    @property
    def log_group_name(self) -> str:
        return f"/aws/lambda/{self.function_name}"

    @property
    def log_stream_name(self) -> str:
        return f"local/[{self.function_version}]"

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda would kill the function; here nothing is killed."""
        return max(0, int((self.deadline - self.clock.monotonic()) * 1000))


Handler = Callable[[Event, Any], Any]


class WakeSource(Protocol):
    """The consumer's side of a queue of wakes."""

    def next(self, timeout: float) -> Wake | None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class RuntimeSettings:
    """Times are in seconds. `concurrency` bounds what the gateway may run at once."""

    workers: int = 32
    worker_seconds: float = 900.0
    sweep_every: float = 2.0
    sweep_seconds: float = 60.0
    concurrency: int = 64


class LambdaRuntime:
    """Calls Lambda handlers in threads of this process, the way Lambda would.

    Handlers run on threads that have an event loop, with a real-looking context, and must return
    JSON. What a handler raises is logged and never ends a thread. Unlike SQS, a wake whose worker
    failed is not delivered again: wakes are hints, and the sweep finds what they missed.
    """

    def __init__(
        self,
        *,
        wakes: WakeSource | None = None,
        worker: Handler | None = None,
        sweep: Handler | None = None,
        clock: Clock | None = None,
        settings: RuntimeSettings | None = None,
    ) -> None:
        self._wakes = wakes
        self._worker = worker
        self._sweep = sweep
        self._clock = clock or SystemClock()
        self._settings = settings or RuntimeSettings()
        self._threads = HandlerThreads(self._clock, self._settings.concurrency)
        self._background = HandlerThreads(self._clock, self._settings.workers + 1)
        self._stopping = self._clock.event()

    def invoke(self, name: str, handler: Handler, event: Event, seconds: float) -> Future[Any]:
        """Start a handler on a thread; invocations start in the order of these calls.

        `seconds` is what its context tells it. The future fails with HandlerFailed, or with
        RuntimeError once the runtime has stopped.
        """
        return self._threads.submit(lambda: self._call(name, handler, event, seconds))

    def start(self) -> None:
        """Begin to take wakes, and to sweep: once now, then at every interval."""
        if self._wakes is not None and self._worker is not None:
            wakes, worker = self._wakes, self._worker
            for _ in range(self._settings.workers):
                self._background.submit(lambda: self._drain_wakes(wakes, worker))
        if self._sweep is not None:
            sweep = self._sweep
            self._background.submit(lambda: self._keep_sweeping(sweep))

    def drain(self, seconds: float) -> bool:
        """Take no more wakes, and wait up to `seconds` for running workers and a running sweep.

        Says whether all have ended. `invoke` goes on working, so that the gateway can serve the
        posts of the workers in the meantime.
        """
        self._stopping.set()
        if self._wakes is not None:
            self._wakes.close()
        return self._background.stop(seconds)

    def stop(self, drain_seconds: float) -> bool:
        """`drain`, then refuse and wait for everything else, all in `drain_seconds`."""
        give_up = self._clock.monotonic() + drain_seconds
        drained = self.drain(drain_seconds)
        return self._threads.stop(max(0.0, give_up - self._clock.monotonic())) and drained

    def _drain_wakes(self, wakes: WakeSource, worker: Handler) -> None:
        while not self._stopping.is_set():
            wake = wakes.next(POLL_SECONDS)
            if wake is not None:
                event = sqs_event(wake, self._clock.now())
                with suppress(HandlerFailed):
                    self._call("worker", worker, event, self._settings.worker_seconds)

    def _keep_sweeping(self, sweep: Handler) -> None:
        while not self._stopping.is_set():
            event = scheduled_event(self._clock.now())
            with suppress(HandlerFailed):
                self._call("sweep", sweep, event, self._settings.sweep_seconds)
            self._stopping.wait(self._settings.sweep_every)

    def _call(self, name: str, handler: Handler, event: Event, seconds: float) -> Any:
        deadline = self._clock.monotonic() + seconds
        context = LambdaContext(
            function_name=f"parley-{name}", deadline=deadline, clock=self._clock
        )
        try:
            # Lambda carries results as JSON: what would break there must break here.
            return json.loads(json.dumps(handler(event, context)))
        except BaseException as fault:
            log.exception("%s failed, request %s", name, context.aws_request_id)
            raise HandlerFailed(name) from fault
