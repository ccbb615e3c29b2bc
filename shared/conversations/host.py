"""A turn's host under a lease: its notes are fenced, and somebody listens for a stop."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from shared.conversations.asking import Asking
from shared.conversations.items import living, meta_key, turn_id
from shared.conversations.messages import Message, question
from shared.conversations.services import Limits, Rates, Services
from shared.conversations.spending import Spending
from shared.identity.principal import Principal
from shared.ids import time_ordered_id
from shared.mailbox.handler import Activation, OutOfTime
from shared.mailbox.jobs import Stopped, message_key
from shared.mailbox.leases import LeaseLost
from shared.models.port import ModelError, ModelRequest, ModelStream, StreamClosed
from shared.runner.history import estimate_tokens
from shared.runner.limits import Limits as Agreed
from shared.runner.turn import REPLY_SECONDS
from shared.storage.artifacts import ArtifactsUnavailable
from shared.tools.port import ToolContext

log = logging.getLogger("parley")


@dataclass
class _Watched:
    """Something under way, and why it was closed, if it was."""

    close: Callable[[], None]
    stopped: bool = False
    lost: bool = False


class LeasedTurn(Asking):
    """The host of one turn in one activation. `activation.job` is kept as it was last written."""

    def __init__(self, activation: Activation, services: Services, limits: Limits) -> None:
        super().__init__(activation, services.table, services.people)
        self._services = services
        self._seconds = activation.seconds_left
        self._ran = float(activation.job.attrs.get("ran", 0)) / 1000
        self._began = activation.clock.monotonic()
        self._deadline = self._began + limits.turn_seconds - self._ran
        self._stopped = False
        self._watched: _Watched | None = None
        self.cut: Callable[[], int | None] = lambda: None
        """From where on something was said that does not stand any more; kept with the notes."""
        self.spending = Spending(services)

    def within(self, limits: Agreed) -> None:
        """The turn keeps to these too, its agent's; of two times the shorter one counts."""
        self.spending.limits = limits
        if limits.turn_seconds is not None:
            self._deadline = min(self._deadline, self._began + limits.turn_seconds - self._ran)

    # -- what was noted -------------------------------------------------------------------

    def progress(self) -> list[Message]:
        """What earlier activations noted of this turn, after the user's message."""
        job = self._activation.job
        first, length = int(job.attrs["count"]), job.log_length
        if length is None:
            return []
        found: list[Message] = []
        # A cursor is the last key before the page; the first one is that of the user's message.
        cursor: str | None = message_key(job.key, first).sk
        while cursor is not None:
            page = self._services.table.query(job.key.partition, prefix="MSG#", cursor=cursor)
            found += [item.body or {} for item in page.items]
            cursor = page.cursor
        return found

    def next_number(self) -> int:
        job = self._activation.job
        return int(job.attrs["count"]) + 1 if job.log_length is None else job.log_length

    def started(self, call: str) -> bool:
        return self._activation.job.mark(call) is not None

    # -- noting ---------------------------------------------------------------------------

    def note(
        self, messages: Sequence[Mapping[str, Any]], *, starting: Sequence[str], result: bool
    ) -> None:
        if result and starting:
            try:
                self._append(messages, starting, result=False)
            except Stopped:
                # The result is noted all the same; the calls after it do not begin.
                self._append(messages, (), result=True)
                raise
        else:
            self._append(messages, starting, result=result)

    def _append(
        self, messages: Sequence[Mapping[str, Any]], starting: Sequence[str], *, result: bool
    ) -> None:
        activation = self._activation
        job, now = activation.job, activation.clock.now()
        noted: list[Message] = [
            {"id": time_ordered_id(now), "at": now, "turn": job.ref, **message}
            for message in messages
        ]
        number = job.log_length
        if number is None:
            number, noted = int(job.attrs["count"]), [question(job), *noted]
        standing = job.attrs.get("marks", {})
        ended = [message["call"] for message in messages if message.get("call") in standing]
        weight = int(job.attrs.get("weight", 0)) + sum(map(estimate_tokens, noted))
        kept: dict[str, Any] = {"ran": self.ran(), "weight": weight, **self.spending.kept()}
        if (cut := self.cut()) is not None:
            kept["cut"] = cut
        by = activation.holder.append(
            activation.lease,
            job,
            number,
            noted,
            result=result,
            marks=starting,
            ended=ended,
            attrs=kept,
            beside=self.spending.beside(job),
        )
        marks = {call: mark for call, mark in standing.items() if call not in ended}
        marks |= dict.fromkeys(starting, by)
        attrs = {**job.attrs, "log_len": number + len(noted), "marks": marks, **kept}
        activation.job = replace(job, attrs=attrs)
        self._services.memory.add(job.key, number, noted)

    def ran(self) -> int:
        return int((self._ran + self._activation.clock.monotonic() - self._began) * 1000)

    def starting(self, call: str, approved: str | None = None) -> None:
        activation = self._activation
        job = activation.job
        by = activation.holder.mark(activation.lease, job, call, approved)
        marks = {**job.attrs.get("marks", {}), call: by}
        activation.job = replace(job, attrs={**job.attrs, "marks": marks})

    def keep(self, call: str, text: str) -> str:
        job = self._activation.job
        name = f"conversations/{quote(job.key.tenant, safe='')}/{job.key.id}/results/{call}.txt"
        self.held()
        try:
            self._services.artifacts.put(name, text.encode(), content_type="text/plain")
        except ArtifactsUnavailable:
            # Its beginning is at hand; that the rest cannot be kept must not lose the call.
            log.warning("long result not kept", exc_info=True)
            return ""
        return name

    # -- time, stops, the lease -----------------------------------------------------------

    def held(self) -> None:
        """Right before a write outside the store, which no condition guards. Raises LeaseLost."""
        self._activation.keeper.check()

    def ready(self, seconds: float, *, begun: bool = False) -> float:
        activation = self._activation
        activation.keeper.check()
        if self._stopped:
            raise Stopped
        turn = self._deadline - activation.clock.monotonic()
        if turn <= 0:
            raise _took_too_long()
        left = activation.seconds_left
        # Another worker has more time; but not if this one has hardly used any of its own.
        if left <= 0 or (left < seconds and left < self._seconds / 2):
            raise OutOfTime(cut=begun)
        return min(turn, left)

    @contextmanager
    def watching(self, close: Callable[[], None]) -> Iterator[None]:
        watched = self._watched = _Watched(close)
        keeper = self._activation.keeper
        try:
            with keeper.listening(self._look, self._deadline):
                if self._stopped:
                    raise Stopped
                yield
        except StreamClosed:
            raise (Stopped if watched.stopped else LeaseLost) from None
        except ModelError as fault:
            self._blame_time(fault)
            raise

    def _blame_time(self, fault: ModelError) -> None:
        """If a call failed because there was no time left for it, say that instead."""
        if self._activation.clock.monotonic() >= self._deadline:
            raise _took_too_long(fault) from fault
        if self._activation.seconds_left <= 0:
            raise OutOfTime(cut=True) from fault

    def _look(self) -> None:
        """The bell rang: was it a stop, or the loss of the lease? A store that does not answer is
        asked again at the next tick."""
        job = self._activation.job
        lost = False
        try:
            self._activation.keeper.check()
            item, meta = self._services.table.get([job.key.job(job.ref), meta_key(job.key)])
            self._stopped = item is None or "stop" in item.attrs or living(meta) is None
        except LeaseLost:
            lost = True
        # While that was read another call may have begun.
        watched = self._watched
        if watched is not None and (self._stopped or lost):
            watched.stopped, watched.lost = self._stopped, lost
            watched.close()

    # -- the outside ----------------------------------------------------------------------

    def ask(self, request: ModelRequest, *, seconds_left: float) -> ModelStream:
        job, rates = self._activation.job, self._services.rates
        if rates is not None:
            seconds_left = self._allowed(rates, job.key.tenant, request.model, seconds_left)
        self.spending.check(job, request.model)
        return self._services.model.stream(request, seconds_left=seconds_left)

    def _allowed(self, rates: Rates, tenant: str, model: str, seconds_left: float) -> float:
        """Wait for the rate where a turn would break off in its middle; the time that is left."""
        while True:
            try:
                rates.take(tenant, model)
                return seconds_left
            except ModelError as limited:
                wait = float(limited.details.get("retryAfter", 1))
                left = self._deadline - self._activation.clock.monotonic()
                if self._activation.job.log_length is None or wait >= left:
                    raise
                if wait >= seconds_left:
                    raise OutOfTime from limited
            over = self._activation.clock.event()
            with self.watching(over.set):
                if over.wait(wait):
                    raise StreamClosed
            seconds_left = self.ready(REPLY_SECONDS)

    def context(self, call: str, *, seconds: float) -> ToolContext:
        job = self._activation.job
        principal = Principal.from_dict(job.payload["principal"])
        turn = turn_id(job.key.id, job.ref)
        return ToolContext(
            tenant=principal.tenant,
            user=principal.user,
            email=principal.email,
            roles=principal.roles,
            groups=principal.groups,
            conversation=job.key.id,
            session=job.payload["session"],
            turn=turn,
            call=call,
            idempotency_key=f"{turn}.{call}",
            deadline=self._activation.clock.monotonic() + seconds,
            verified_email=self.verified.get(call),
        )


def _took_too_long(fault: ModelError | None = None) -> ModelError:
    spent = fault.usage if fault else None
    return ModelError("The turn took too long.", code="TURN_TIMEOUT", retryable=False, usage=spent)
