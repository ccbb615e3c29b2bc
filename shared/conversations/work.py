"""Turns as jobs: what a worker does with the head of a conversation's mailbox."""

import logging
from collections.abc import Callable
from typing import Protocol

from shared.clock import Clock
from shared.conversations.endings import Endings
from shared.conversations.generation import Generation, Limits, listeners
from shared.conversations.items import meta_key
from shared.conversations.messages import Memory
from shared.conversations.stream import Poster
from shared.conversations.usage import Ledger
from shared.errors import ParleyError, TurnFailed
from shared.identity.principal import Principal
from shared.mailbox.box import Box, Job
from shared.mailbox.handler import Activation
from shared.mailbox.jobs import Ending
from shared.mailbox.requests import Requests
from shared.models.port import Model, ModelError, ModelRequest, Usage
from shared.runner.turn import TurnRequest, model_request
from shared.storage.table import Table

log = logging.getLogger("parley")


class Agent(Protocol):
    """What a turn needs of an agent's configuration."""

    @property
    def instructions(self) -> str: ...

    @property
    def greeting(self) -> str | None: ...

    @property
    def model(self) -> str: ...

    @property
    def max_tokens(self) -> int: ...


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
        self._memory = memory
        self._ledger = ledger
        self._poster = poster
        self._limits = limits
        self._endings = Endings(clock, ledger, requests)
        self._generation = Generation(table, clock, requests, model, poster, limits)

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
            reply, spent = self._generation.reply(activation, request)
        except ModelError as fault:
            log.warning("model failed", extra={"code": fault.error_code}, exc_info=True)
            return self._endings.failed(job, fault, fault.usage)
        except ParleyError as fault:
            log.warning("turn failed", extra={"code": fault.error_code}, exc_info=True)
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
                greeting=agent.greeting,
                model=agent.model,
                max_tokens=agent.max_tokens,
                history=self._memory.recall(job.key, int(job.attrs["count"])),
                message=job.payload["message"],
            )
        )

    def cancelled(self, activation: Activation) -> Ending:
        at_head = activation.box.head == activation.job.ref
        return self._endings.cancelled(activation.job, at_head=at_head)

    def failed(self, activation: Activation, reason: Exception | None) -> Ending:
        return self._endings.failed(activation.job, reason, Usage())

    def publish(self, activation: Activation) -> None:
        self._remember(activation)
        self._settle(activation)
        data = activation.job.terminal.encode()
        new = [name for name in listeners(activation) if name not in activation.told]
        activation.told.update(new)
        check = activation.keeper.check
        gone = [name for name in new if not self._poster.post(name, data, check)]
        self._generation.forget(activation, gone)

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
