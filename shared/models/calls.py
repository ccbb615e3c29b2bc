"""A model that is asked through the Messages API, wherever that is spoken. No SDK.

Before the first delta has been handed on, a failure that may pass is retried: with full jitter, or
when `Retry-After` says, within the caller's time. After it, a broken stream is an error and never
a shorter answer. The usage counts what broken attempts are known to have cost, too.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, Protocol

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt

from shared.clock import Clock
from shared.models import failures
from shared.models.caching import with_breakpoints
from shared.models.call_log import CallLog
from shared.models.port import (
    Completed,
    ModelError,
    ModelRequest,
    ModelStream,
    StreamClosed,
    Usage,
)
from shared.models.prices import Prices
from shared.models.pump import Outlet, PumpedStream
from shared.models.reply import Malformed, Reply, ReplyError


class Answer(Protocol):
    """An answer that has begun. It belongs to one thread, but for `cut`."""

    def events(self) -> Iterator[Mapping[str, Any]]:
        """What is still to come, as the API's events. Raises ModelError, or ReplyError if the
        provider gave up."""
        ...

    def cut(self) -> None:
        """Wake whoever waits for the next event, from another thread, with an error."""
        ...

    def close(self) -> None: ...


class Endpoint(Protocol):
    """Where the Messages API is spoken. Safe for many threads."""

    def ask(self, body: Mapping[str, Any], *, seconds_left: float) -> Answer:
        """Send one request, once. Raises ModelError."""
        ...

    def close(self) -> None:
        """Drop all connections."""
        ...


def full_jitter(ceiling: float) -> float:
    """Seconds: any number up to the ceiling."""
    return random.uniform(0.0, ceiling)


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How often and how soon a failed attempt is repeated; waits in seconds."""

    max_retries: int = 3
    base_backoff: float = 0.5
    max_backoff: float = 8.0
    jitter: Callable[[float], float] = full_jitter

    def pause(self, attempt: int) -> float:
        """How long to wait after the given attempt, counted from 1."""
        return self.jitter(min(self.max_backoff, self.base_backoff * 2.0 ** (attempt - 1)))


class MessagesModel:
    """The model port over an endpoint. An adapter says which."""

    provider = "anthropic"
    """What OpenTelemetry's conventions call whoever is asked (`gen_ai.provider.name`)."""

    def __init__(
        self, endpoint: Endpoint, *, clock: Clock, prices: Prices | None, patience: Patience
    ) -> None:
        self.endpoint = endpoint
        self.clock = clock
        self.prices = prices or Prices.load()
        self.patience = patience

    def stream(self, request: ModelRequest, *, seconds_left: float) -> ModelStream:
        """See the port. Nothing is sent before the first iteration."""
        call = _Call(self, request, self.clock.monotonic() + seconds_left)
        return PumpedStream(
            call.run, clock=self.clock, seconds_left=seconds_left, late=call.out_of_time
        )

    def close(self) -> None:
        """Drop all connections. For the end of a process that cares, such as a test."""
        self.endpoint.close()


class _Call:
    """One request with its attempts, on the pump's thread."""

    def __init__(self, model: MessagesModel, request: ModelRequest, deadline: float) -> None:
        self._model = model
        self._request = request
        self._body = _body(request)
        self._deadline = deadline
        self._spoken = False
        self._spent = Usage()
        self._reply = Reply()
        self._log = CallLog(model.provider, request.model, model.clock)

    def run(self, outlet: Outlet) -> None:
        retrying = Retrying(
            sleep=self._model.clock.sleep,
            stop=self._is_last,
            wait=self._pause,
            retry=retry_if_exception(self._may_pass),
            reraise=True,
        )
        try:
            retrying(self._attempt, outlet)
        except BaseException as fault:
            closed = StreamClosed() if outlet.is_closed() else fault
            self._log.ended(self._total(), fault=closed)
            raise

    def out_of_time(self) -> ModelError:
        return self._costly(failures.out_of_time())

    def _attempt(self, outlet: Outlet) -> None:
        if outlet.is_closed():
            raise StreamClosed
        if self._seconds_left() <= 0:
            raise self.out_of_time()
        self._log.attempts += 1
        self._spent, self._reply = self._total(), Reply()
        try:
            answer = self._model.endpoint.ask(self._body, seconds_left=self._seconds_left())
            with closing(answer):
                outlet.attach(answer.cut)
                self._read(answer, outlet)
        except ModelError as error:
            self._costly(error)
            raise
        except ReplyError as error:
            raise self._costly(failures.gave_up(error.kind, error.said)) from error
        except Malformed as error:
            raise self._costly(failures.cut_off()) from error
        finally:
            outlet.detach()

    def _read(self, answer: Answer, outlet: Outlet) -> None:
        events = answer.events()
        for event in events:
            if delta := self._reply.feed(event):
                self._spoken = True
                self._log.spoke()
                outlet.put(delta)
            if self._reply.done:
                break
        else:
            raise failures.cut_off()
        completed = Completed(self._reply.content(), self._reply.stop_reason, self._total())
        self._log.ended(completed.usage, stop_reason=completed.stop_reason)
        # Detached first: the rest of the body sets the connection free for another call.
        outlet.detach()
        outlet.put(completed)
        _drain(events)

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
        if wanted is None:
            return self._model.patience.pause(state.attempt_number)
        return float(wanted)

    def _is_last(self, state: RetryCallState) -> bool:
        if stop_after_attempt(self._model.patience.max_retries + 1)(state):
            return True
        return state.upcoming_sleep >= self._seconds_left()

    def _seconds_left(self) -> float:
        return self._deadline - self._model.clock.monotonic()


def _body(request: ModelRequest) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": request.model,
        "messages": list(request.messages),
        "max_tokens": request.max_tokens,
    }
    if request.system.strip():
        body["system"] = request.system
    if request.thinking == "adaptive":
        body["thinking"] = {"type": "adaptive"}
    elif request.thinking is not None:
        body["thinking"] = {"type": "enabled", "budget_tokens": request.thinking}
    if request.tools:
        body["tools"] = list(request.tools)
        if request.tool_choice != "auto":
            body["tool_choice"] = {"type": request.tool_choice}
    return with_breakpoints(body)


def _drain(events: Iterator[Mapping[str, Any]]) -> None:
    """Read to the end. What goes wrong there concerns nobody any more: the answer is whole."""
    try:
        for _ in events:
            pass
    except (ModelError, ReplyError):
        return
