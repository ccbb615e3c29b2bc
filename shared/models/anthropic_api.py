"""The model port on the Messages API, through the `anthropic` SDK.

Before the first text has been handed on, a failure that may pass is retried: with full jitter, or
when `Retry-After` says, within the caller's time. After it, a broken stream is an error and never
a shorter answer. The usage counts what broken attempts are known to have cost, too.

The SDK is imported by the first call, as it takes most of a second: only who asks a model pays.
"""

import json
import random
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt

from shared.clock import Clock
from shared.errors import ConfigurationError
from shared.models import failures
from shared.models.anthropic_client import build_client, timeouts
from shared.models.port import (
    Completed,
    ModelError,
    ModelRequest,
    ModelStream,
    StreamClosed,
    TextDelta,
    Usage,
)
from shared.models.prices import Prices
from shared.models.pump import Outlet, PumpedStream
from shared.models.reply import Malformed, Reply, ReplyError

if TYPE_CHECKING:
    import anthropic
    import httpx2


def _full_jitter(ceiling: float) -> float:
    return random.uniform(0.0, ceiling)


class AnthropicModel:
    """One client for all calls of a process. Without a key, as with the demo model, give a URL."""

    def __init__(
        self,
        *,
        clock: Clock,
        api_key: str | None = None,
        base_url: str | None = None,
        prices: Prices | None = None,
        max_retries: int = 3,
        base_backoff: float = 0.5,
        max_backoff: float = 8.0,
        jitter: Callable[[float], float] = _full_jitter,
    ) -> None:
        if not api_key and not base_url:
            raise ConfigurationError("Set ANTHROPIC_API_KEY, or ANTHROPIC_BASE_URL, or both.")
        self.clock = clock
        self.prices = prices or Prices.load()
        self.max_retries = max_retries
        self._backoff = (base_backoff, max_backoff)
        self._jitter = jitter
        self._address = (api_key, base_url)
        self._lock = threading.Lock()
        self._client: anthropic.Anthropic | None = None

    def stream(self, request: ModelRequest, *, seconds_left: float) -> ModelStream:
        """See the port. Nothing is sent before the first iteration."""
        call = _Call(self, request, self.clock.monotonic() + seconds_left)
        return PumpedStream(
            call.run, clock=self.clock, seconds_left=seconds_left, late=call.out_of_time
        )

    def client(self) -> "anthropic.Anthropic":
        """The client, made by the first who asks."""
        with self._lock:
            if self._client is None:
                self._client = build_client(*self._address)
            return self._client

    def pause(self, attempt: int) -> float:
        """How long to wait after the given attempt, counted from 1."""
        base, longest = self._backoff
        return self._jitter(min(longest, base * 2.0 ** (attempt - 1)))

    def close(self) -> None:
        """Drop all connections. For the end of a process that cares, such as a test."""
        with self._lock:
            if self._client is not None:
                self._client.close()


class _Call:
    """One request with its attempts, on the pump's thread."""

    def __init__(self, model: AnthropicModel, request: ModelRequest, deadline: float) -> None:
        self._model = model
        self._request = request
        self._deadline = deadline
        self._spoken = False
        self._spent = Usage()
        self._reply = Reply()

    def run(self, outlet: Outlet) -> None:
        retrying = Retrying(
            sleep=self._model.clock.sleep,
            stop=self._is_last,
            wait=self._pause,
            retry=retry_if_exception(self._may_pass),
            reraise=True,
        )
        retrying(self._attempt, outlet)

    def out_of_time(self) -> ModelError:
        return self._costly(failures.out_of_time())

    def _attempt(self, outlet: Outlet) -> None:
        import anthropic
        import httpx2

        if outlet.is_closed():
            raise StreamClosed
        if self._seconds_left() <= 0:
            raise self.out_of_time()
        self._spent, self._reply = self._total(), Reply()
        try:
            self._ask(outlet)
        except anthropic.APIStatusError as error:
            raise self._costly(self._refused(error)) from error
        except (anthropic.APIConnectionError, httpx2.HTTPError) as error:
            raise self._costly(failures.unreachable()) from error
        finally:
            outlet.detach()

    def _ask(self, outlet: Outlet) -> None:
        request = self._request
        body: dict[str, Any] = {
            "model": request.model,
            "messages": list(request.messages),
            "max_tokens": request.max_tokens,
        }
        if request.system:
            body["system"] = request.system
        if request.tools:
            body["tools"] = list(request.tools)
        with self._model.client().messages.create(
            **body, stream=True, timeout=timeouts(self._seconds_left())
        ) as stream:
            outlet.attach(partial(_cut, stream.response))
            self._read(stream.response, outlet)

    def _read(self, response: "httpx2.Response", outlet: Outlet) -> None:
        import httpx2

        try:
            events = _events(response)
            for event in events:
                self._hand_on(event, outlet)
                if self._reply.done:
                    break
            else:
                raise self._costly(failures.cut_off())
            completed = self._completed()
        except ReplyError as error:
            raise self._costly(failures.gave_up(error.kind, error.said)) from error
        except (httpx2.HTTPError, httpx2.StreamError, OSError, ValueError) as error:
            raise self._costly(failures.cut_off()) from error
        # Detached first: the rest of the body sets the connection free for another call.
        outlet.detach()
        outlet.put(completed)
        with suppress(httpx2.HTTPError, httpx2.StreamError, OSError, ValueError):
            for _ in events:
                pass

    def _hand_on(self, event: dict[str, Any], outlet: Outlet) -> None:
        if text := self._reply.feed(event):
            self._spoken = True
            outlet.put(TextDelta(text))

    def _completed(self) -> Completed:
        return Completed(self._reply.content(), self._reply.stop_reason, self._total())

    def _refused(self, error: "anthropic.APIStatusError") -> ModelError:
        return failures.refused(
            error.status_code,
            error.type or "",
            error.api_message or "",
            retry_after=failures.seconds_to_wait(
                error.response.headers.get("retry-after"), self._model.clock.now()
            ),
        )

    def _total(self) -> Usage:
        """What all attempts so far are known to have cost, by the prices of who answered."""
        usage, prices = self._reply.usage, self._model.prices
        if usage == Usage():
            return self._spent
        cost = prices.cost_nano_usd(self._reply.model, usage)
        if cost is None:
            cost = prices.cost_nano_usd(self._request.model, usage)
        return self._spent + replace(usage, cost_nano_usd=cost)

    def _costly(self, error: ModelError) -> ModelError:
        error.usage = self._total()
        return error

    def _may_pass(self, error: BaseException) -> bool:
        return isinstance(error, ModelError) and error.is_retryable and not self._spoken

    def _pause(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        wanted = error.details.get("retryAfter") if isinstance(error, ModelError) else None
        return self._model.pause(state.attempt_number) if wanted is None else float(wanted)

    def _is_last(self, state: RetryCallState) -> bool:
        if stop_after_attempt(self._model.max_retries + 1)(state):
            return True
        return state.upcoming_sleep >= self._seconds_left()

    def _seconds_left(self) -> float:
        return self._deadline - self._model.clock.monotonic()


def _events(response: "httpx2.Response") -> Iterator[dict[str, Any]]:
    import anthropic

    for event in anthropic.Stream.raw_events(response):
        if event.data:
            said = json.loads(event.data)
            if not isinstance(said, dict):
                raise Malformed("event")
            yield said


def _cut(response: "httpx2.Response") -> None:
    """Wake whoever reads from this response, on another thread, with the end of the connection."""
    connection = response.extensions.get("network_stream")
    if connection is None:
        return
    with suppress(OSError):
        # Not `SSLSocket.shutdown`, which takes the TLS state away under its reader's feet.
        socket.socket.shutdown(connection.get_extra_info("socket"), socket.SHUT_RDWR)
