"""Generating one reply: the model's stream, on its way to the clients, watched for a stop."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from shared.clock import Clock
from shared.conversations.items import listener
from shared.conversations.stream import Poster, Stream
from shared.mailbox.handler import Activation, OutOfTime
from shared.mailbox.jobs import Stopped
from shared.mailbox.leases import LeaseLost
from shared.mailbox.requests import Requests
from shared.models.port import Model, ModelError, ModelRequest, ModelStream, StreamClosed, Usage
from shared.runner.turn import Delta, Reply, run_turn
from shared.storage.table import Table

log = logging.getLogger("parley")

MAX_GENERATIONS = 3
"""How often one reply is generated when the model's stream breaks after its first text."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a turn may use. `tenant_nano_usd` is per day; None means no limit."""

    turn_seconds: float = 600
    push_window: float = 0.05
    tenant_nano_usd: int | None = None


@dataclass
class _Call:
    """One model call under way, and why it was closed, if it was."""

    stream: ModelStream
    stopped: bool = False
    lost: bool = False


def listeners(activation: Activation) -> Sequence[str]:
    """The connections of the turn's session."""
    prefix = listener(activation.job.payload["session"], "")
    names = [name for name in activation.box.conns if name.startswith(prefix)]
    return [name.removeprefix(prefix) for name in names]


class Generation:
    """Asks the model for replies."""

    def __init__(
        self,
        table: Table,
        clock: Clock,
        requests: Requests,
        model: Model,
        poster: Poster,
        limits: Limits,
    ) -> None:
        self._table = table
        self._clock = clock
        self._requests = requests
        self._model = model
        self._poster = poster
        self._limits = limits

    def reply(self, activation: Activation, request: ModelRequest) -> tuple[Reply, Usage]:
        """The reply and what all attempts cost. Text that was shown and then lost with a broken
        stream or a dead worker is not continued: a model says it differently the second time, so
        clients get no more tokens of that reply, and the whole text with the terminal event."""
        deadline = self._clock.monotonic() + self._limits.turn_seconds
        spent = Usage()
        muted = activation.box.crashes > 0
        for generation in range(MAX_GENERATIONS):
            stream = self._stream(activation, muted=muted)
            try:
                reply = self._call(activation, request, stream, deadline, muted=muted)
                stream.close()
                return reply, spent + reply.usage
            except ModelError as fault:
                spent += fault.usage
                fault.usage = spent
                if not stream.used or generation == MAX_GENERATIONS - 1 or not fault.is_retryable:
                    raise
                log.warning("model stream broke; generating anew", exc_info=True)
                muted = True
            finally:
                stream.abandon()
                self.forget(activation, stream.gone)
        raise AssertionError("unreachable")

    def _stream(self, activation: Activation, *, muted: bool) -> Stream:
        return Stream(
            self._poster,
            self._clock,
            [] if muted else listeners(activation),
            request_id=activation.job.payload["request_id"],
            check=activation.keeper.check,
            window=self._limits.push_window,
            settle_until=activation.settle_until,
        )

    def _call(
        self,
        activation: Activation,
        request: ModelRequest,
        stream: Stream,
        deadline: float,
        *,
        muted: bool,
    ) -> Reply:
        left = min(deadline - self._clock.monotonic(), activation.seconds_left)
        if left <= 0:
            self._give_up(deadline, cut=stream.used or muted)
        activation.keeper.check()
        call = _Call(self._model.stream(request, seconds_left=left))
        try:
            with activation.keeper.listening(lambda: self._look(activation, call), deadline):
                for event in run_turn(call.stream):
                    if isinstance(event, Delta):
                        stream.text(event.text)
                    else:
                        return event
        except StreamClosed:
            if call.stopped:
                raise Stopped from None
            raise LeaseLost from None
        except ModelError as fault:
            if self._clock.monotonic() >= deadline or activation.seconds_left <= 0:
                self._give_up(deadline, cut=True, spent=fault.usage)
            raise
        finally:
            call.stream.close()
        raise ModelError("The model's answer has no end.", code="LLM_UNAVAILABLE", retryable=True)

    def _give_up(self, deadline: float, *, cut: bool, spent: Usage | None = None) -> None:
        """Time is over: the worker's, or the turn's."""
        if self._clock.monotonic() < deadline:
            raise OutOfTime(cut=cut)
        raise ModelError(
            "The turn took too long.", code="TURN_TIMEOUT", retryable=False, usage=spent
        )

    def _look(self, activation: Activation, call: _Call) -> None:
        """The bell rang during the model call: was it a stop, or the loss of the lease? A store
        that does not answer is asked again at the next tick."""
        job = activation.job
        try:
            activation.keeper.check()
            item = self._table.get([job.key.job(job.ref)])[0]
            call.stopped = item is None or "stop" in item.attrs
        except LeaseLost:
            call.lost = True
        if call.stopped or call.lost:
            call.stream.close()

    def forget(self, activation: Activation, gone: Sequence[str]) -> None:
        """Stream no more to connections that are gone."""
        session = activation.job.payload["session"]
        for connection in gone:
            self._requests.detach(activation.box.key, listener(session, connection))
