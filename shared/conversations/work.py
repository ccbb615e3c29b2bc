"""Turns as jobs: what a worker does with the head of a conversation's mailbox."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from shared.clock import Clock
from shared.conversations.endings import Endings
from shared.conversations.items import listener, meta_key
from shared.conversations.messages import Memory
from shared.conversations.stream import Poster, Stream
from shared.conversations.usage import Ledger
from shared.errors import ParleyError, TurnFailed
from shared.identity.principal import Principal
from shared.mailbox.box import Box, Job
from shared.mailbox.handler import Activation, OutOfTime
from shared.mailbox.jobs import Ending, Stopped
from shared.mailbox.leases import LeaseLost
from shared.mailbox.requests import Requests
from shared.models.port import Model, ModelError, ModelRequest, ModelStream, StreamClosed, Usage
from shared.runner.turn import Delta, Reply, TurnRequest, model_request, run_turn
from shared.storage.table import Table, TransientError

log = logging.getLogger("parley")

MAX_GENERATIONS = 3
"""How often one reply is generated when the model's stream breaks after its first text."""


class Agent(Protocol):
    """What a turn needs of an agent's configuration."""

    @property
    def instructions(self) -> str: ...

    @property
    def model(self) -> str: ...

    @property
    def max_tokens(self) -> int: ...


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
    spent: Usage = field(default_factory=Usage)


class Turns:
    """The handler of conversations' mailboxes."""

    def __init__(
        self,
        *,
        table: Table,
        clock: Clock,
        requests: Requests,
        agents: Callable[[str], Agent],
        model: Model,
        memory: Memory,
        ledger: Ledger,
        poster: Poster,
        limits: Limits,
    ) -> None:
        self._table = table
        self._clock = clock
        self._requests = requests
        self._agents = agents
        self._model = model
        self._memory = memory
        self._ledger = ledger
        self._poster = poster
        self._limits = limits
        self._endings = Endings(clock, ledger, requests)

    def load(self, box: Box, ref: str) -> Job | None:
        tenant = box.key.tenant
        counters = self._ledger.keys(tenant)
        turn, meta, *read = self._table.get([box.key.job(ref), meta_key(box.key), *counters])
        self._ledger.note(tenant, read)
        if turn is None or meta is None:
            return None
        known = {"count": meta.attrs["count"], "owner": meta.attrs["owner"]}
        return Job(box.key, ref, {**turn.attrs, **known}, turn.body or {})

    def run(self, activation: Activation) -> Ending | None:
        job = activation.job
        spent = Usage()
        try:
            request = self._request(job)
            reply, spent = self._generate(activation, request)
        except ModelError as fault:
            log.warning("model failed", extra={"code": fault.error_code}, exc_info=True)
            return self._endings.failed(job, fault, fault.usage)
        except ParleyError as fault:
            return self._endings.failed(job, fault, spent)
        if not reply.text and reply.stop_reason == "refusal":
            refused = TurnFailed("The model declined to answer.", code="MODEL_REFUSED")
            return self._endings.failed(job, refused, spent)
        return self._endings.completed(job, reply, spent)

    def _request(self, job: Job) -> ModelRequest:
        """What the model is asked.

        Raises:
            ParleyError: there is no such agent any more, or no money left.
        """
        limit = self._limits.tenant_nano_usd
        if limit is not None and self._ledger.spent(job.key.tenant) >= limit:
            raise TurnFailed("Today's budget is used up.", code="BUDGET_EXCEEDED")
        agent = self._agents(job.payload["agent"])
        return model_request(
            TurnRequest(
                access=Principal.from_dict(job.payload["principal"]),
                instructions=agent.instructions,
                model=agent.model,
                max_tokens=agent.max_tokens,
                history=self._memory.recall(job.key, int(job.attrs["count"])),
                message=job.payload["message"],
            )
        )

    def _generate(self, activation: Activation, request: ModelRequest) -> tuple[Reply, Usage]:
        """The reply and what all attempts cost. Text that was shown and then lost with a broken
        stream or a dead worker is not continued: a model says it differently the second time, so
        clients get no more tokens of that reply, and the whole text with the terminal event."""
        deadline = self._clock.monotonic() + self._limits.turn_seconds
        spent = Usage()
        muted = activation.box.crashes > 0
        for generation in range(MAX_GENERATIONS):
            stream = self._stream(activation, muted=muted)
            try:
                reply = self._call(activation, request, stream, deadline)
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
                self._forget(activation, stream.gone)
        raise AssertionError("unreachable")

    def _stream(self, activation: Activation, *, muted: bool) -> Stream:
        return Stream(
            self._poster,
            self._clock,
            [] if muted else self._listeners(activation),
            request_id=activation.job.payload["request_id"],
            check=activation.keeper.check,
            window=self._limits.push_window,
            settle_until=activation.settle_until,
        )

    def _listeners(self, activation: Activation) -> Sequence[str]:
        """The connections of the turn's session."""
        prefix = listener(activation.job.payload["session"], "")
        names = [name for name in activation.box.conns if name.startswith(prefix)]
        return [name.removeprefix(prefix) for name in names]

    def _call(
        self, activation: Activation, request: ModelRequest, stream: Stream, deadline: float
    ) -> Reply:
        left = min(deadline - self._clock.monotonic(), activation.seconds_left)
        if left <= 0:
            self._give_up(deadline, cut=stream.used)
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
        except ModelError:
            if activation.seconds_left <= 0:
                self._give_up(deadline, cut=True)
            raise
        finally:
            call.stream.close()
        raise ModelError("The model's answer has no end.", code="LLM_UNAVAILABLE", retryable=True)

    def _give_up(self, deadline: float, *, cut: bool) -> None:
        """Time is over: the worker's, or the turn's."""
        if self._clock.monotonic() < deadline:
            raise OutOfTime(cut=cut)
        raise TurnFailed("The turn took too long.", code="TURN_TIMEOUT")

    def _look(self, activation: Activation, call: _Call) -> None:
        """The bell rang during the model call: was it a stop, or the loss of the lease?"""
        job = activation.job
        try:
            activation.keeper.check()
            item = self._table.get([job.key.job(job.ref)])[0]
            call.stopped = item is None or "stop" in item.attrs
        except LeaseLost:
            call.lost = True
        except TransientError:
            log.warning("could not look at the turn", exc_info=True)
        if call.stopped or call.lost:
            call.stream.close()

    def _forget(self, activation: Activation, gone: Sequence[str]) -> None:
        session = activation.job.payload["session"]
        for connection in gone:
            self._requests.detach(activation.box.key, listener(session, connection))

    def cancelled(self, activation: Activation) -> Ending:
        at_head = activation.box.head == activation.job.ref
        return self._endings.cancelled(activation.job, at_head=at_head)

    def failed(self, activation: Activation, reason: Exception | None) -> Ending:
        return self._endings.failed(activation.job, reason, Usage())

    def publish(self, activation: Activation) -> None:
        self._remember(activation)
        self._settle(activation)
        data = activation.job.terminal.encode()
        new = [name for name in self._listeners(activation) if name not in activation.told]
        activation.told.update(new)
        check = activation.keeper.check
        gone = [name for name in new if not self._poster.post(name, data, check)]
        self._forget(activation, gone)

    def _settle(self, activation: Activation) -> None:
        wait = (activation.settle_until - self._clock.now()) / 1000
        if wait > 0:
            self._clock.sleep(wait)

    def _remember(self, activation: Activation) -> None:
        job = activation.job
        if activation.ending is not None:
            self._memory.add(job.key, int(job.attrs["count"]), activation.ending.log)

    def prompt(self, activation: Activation) -> None:
        """A plain turn asks nobody."""

    def prompt_timeout(self, job: Job) -> int:
        return 0
