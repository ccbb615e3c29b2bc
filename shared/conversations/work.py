"""Turns as jobs: what a worker does with the head of a conversation's mailbox."""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import Any

from shared.clock import Clock
from shared.conversations import approval_items, observing
from shared.conversations.audience import Until
from shared.conversations.background import background_of
from shared.conversations.endings import Endings
from shared.conversations.host import LeasedTurn
from shared.conversations.items import meta_key
from shared.conversations.leaving import left_by
from shared.conversations.messages import Message
from shared.conversations.prompts import prompt_of
from shared.conversations.recent import Recent
from shared.conversations.services import Limits, Services
from shared.conversations.spending import AT_HAND_MS
from shared.conversations.stream import Poster, Stream
from shared.conversations.telling import Telling
from shared.conversations.transcript import Transcript
from shared.conversations.usage import Costs, Ledger, most, noted
from shared.conversations.variables import given_to
from shared.errors import ParleyError, for_log
from shared.identity.principal import Principal
from shared.mailbox.box import Box, Job
from shared.mailbox.handler import Activation, OutOfTime
from shared.mailbox.jobs import Ending, Scheduled, Stopped
from shared.mailbox.requests import Requests
from shared.models.port import Usage
from shared.runner.events import Reply
from shared.runner.prompts import APPROVAL, Parked
from shared.runner.request import Equipped, TurnRequest
from shared.runner.turn import Turn, answer_of, spent_by
from shared.storage.table import Operation

log = logging.getLogger("parley")

FLUSH_PROMPT = 10.0
"""Seconds for what a turn has said before it asks somebody."""

FLUSH = 0.3
"""Seconds for what a turn had said when it was stopped."""

Agents = Callable[[str, str | None, str], Equipped]
"""The agent of this tenant with this id, and the skill with this name. Raises ParleyError: there is
none."""

Recorded = Callable[[Mapping[str, Any]], Equipped]
"""The same from what a turn that waited has kept. Raises ParleyError: it cannot be read."""


class Turns:
    """The handler of the turns in conversations' mailboxes."""

    def __init__(
        self,
        *,
        clock: Clock,
        requests: Requests,
        agents: Agents,
        recorded: Recorded,
        services: Services,
        ledger: Ledger,
        endings: Endings,
        poster: Poster,
        limits: Limits,
        until: Until,
    ) -> None:
        self._clock = clock
        self._agents = agents
        self._recorded = recorded
        self._services = services
        self._ledger = ledger
        self._endings = endings
        self._limits = limits
        self._telling = Telling(clock, requests, poster, limits, until)
        self._costs = Costs()
        self._said: Recent[tuple[int, Transcript]] = Recent(64)

    def load(self, box: Box, ref: str) -> Job | None:
        tenant = box.key.tenant
        counters = self._ledger.keys(tenant)
        keys = [box.key.job(ref), meta_key(box.key), *counters]
        turn, meta, *read = self._services.table.get(keys)
        self._ledger.note(tenant, read)
        if turn is None or meta is None:
            return None
        count = meta.attrs["count"]
        known = {
            "count": count,
            "messages": meta.attrs.get("messages", count),
            "owner": meta.attrs["owner"],
            "titled": meta.attrs.get("titled", False),
            "history": meta.attrs.get("history", {}),
            "meta": meta.attrs,
        }
        return Job(box.key, ref, {**turn.attrs, **known}, turn.body or {})

    def scheduled(self, box: Box) -> Scheduled | None:
        """Nothing: people bring the turns."""
        return None

    def run(self, activation: Activation) -> Ending | None:
        observing.taken(activation)
        stream = self._telling.open(activation)
        try:
            return self._follow(activation, stream)
        except Parked:
            # What was said goes before what is asked.
            stream.close(FLUSH_PROMPT)
            return None
        except OutOfTime as over:
            # What was noted is not said again: whoever goes on begins after it.
            stream.close()
            # Text taken back is noted with the next reply; without one, whoever goes on must know.
            unknown = stream.said.cut != activation.job.attrs.get("cut")
            raise OutOfTime(cut=over.cut or (unknown and not activation.box.crashes)) from over
        except Stopped:
            stream.flush(FLUSH)
            raise

    def heard(self, activation: Activation, box: Box) -> None:
        self._telling.heard(activation, box)

    def _follow(self, activation: Activation, stream: Stream) -> Ending:
        """Run the turn, showing what happens, to its end."""
        turn: Turn | None = None
        try:
            host = LeasedTurn(activation, self._services, self._limits)
            equipped = self._equipped(activation.job)
            activation.job = self._services.attachments.bring(activation.job, host)
            turn = Turn(self._request(activation.job, host, equipped), host, self._clock)
            turn.spent = self._spent(activation, turn.spent)
            host.spending.so_far = partial(getattr, turn, "spent")
            shown = self._telling.begin(activation, stream, turn.answer)
            host.cut = lambda: stream.said.cut
            reply: Reply | None = None
            with closing(turn.run()) as running:
                for event in running:
                    if isinstance(event, Reply):
                        reply = event
                    else:
                        observing.spoke(activation, event)
                        shown.show(event)
            assert reply is not None  # noqa: S101 - a turn that raises nothing ends with it
        except ParleyError as fault:
            log.warning("turn failed", **for_log(fault))
            progress = self._progress(activation)
            spent = turn.spent if turn else self._spent(activation, spent_by(progress))
            job = activation.job
            return self._endings.failed(job, fault, spent, left_by(job, progress))
        finally:
            if turn is not None:
                self._costs.note(activation.job, turn.spent)
                self._said.note(activation.job, (activation.lease.epoch, stream.said))
        cut = stream.said.cut
        return self._endings.completed(activation.job, reply, cut=cut, equipped=equipped)

    def _progress(self, activation: Activation) -> Sequence[Message]:
        return LeasedTurn(activation, self._services, self._limits).progress()

    def _spent(self, activation: Activation, steps: Usage) -> Usage:
        """What a turn has cost so far whose noted steps cost this: by what this process knows of
        it, and by what was noted with the last one."""
        # Another worker may have gone on meanwhile; what it has not noted nobody knows.
        return most(steps, self._costs.of(activation.job), noted(activation.job))

    def _equipped(self, job: Job) -> Equipped:
        """The agent of the turn, as it began with it.

        Raises:
            ParleyError: there is no such agent any more, or no money left.
        """
        self._services.may_spend(job.key.tenant, max_age=AT_HAND_MS)
        recorded = job.body.get("recorded")
        if recorded:
            return self._recorded(recorded)
        return self._agents(job.payload["agent"], job.payload.get("skill"), job.key.tenant)

    def _request(self, job: Job, host: LeasedTurn, equipped: Equipped) -> TurnRequest:
        """What the turn depends on. Raises ParleyError."""
        host.recorded = equipped.recorded
        host.within(equipped.limits)
        principal = Principal.from_dict(job.payload["principal"])
        past = self._services.memory.recall(job.key, int(job.attrs["count"]), job.attrs["meta"])
        return TurnRequest.of(
            equipped,
            principal,
            job.payload["message"],
            model=job.payload.get("model"),
            history=past.messages,
            progress=host.progress(),
            renders=frozenset(job.payload.get("renders", ())),
            background=background_of(
                job, equipped, principal, past.summary, self._services.pictures, past.messages
            ),
            spent_before=int(job.attrs.get("meta", {}).get("cost", 0)),
            **given_to(job),
        )

    def cancelled(self, activation: Activation) -> Ending:
        job = activation.job
        at_head = activation.box.head == job.ref
        progress = self._progress(activation)
        noted = answer_of(progress)
        # What this process has shown of it goes beyond its notes.
        epoch, shown = self._said.of(job) or (0, Transcript())
        said = Transcript(noted, job.attrs.get("cut"))
        # Unless another one has held the mailbox since: then it does not stand any more.
        if shown.length > said.length and activation.lease.epoch - epoch <= 1:
            said = shown
        return self._endings.cancelled(
            job,
            self._spent(activation, spent_by(progress)),
            at_head=at_head,
            said=said,
            noted=noted,
            left=left_by(job, progress),
        )

    def failed(self, activation: Activation, reason: Exception | None) -> Ending:
        progress = self._progress(activation)
        spent = self._spent(activation, spent_by(progress))
        return self._endings.failed(
            activation.job, reason, spent, left_by(activation.job, progress)
        )

    def publish(self, activation: Activation) -> None:
        observing.ended(activation)
        ending = activation.ending
        if ending is not None:
            self._services.memory.add(activation.job.key, ending.log_from, ending.log)
        self._telling.publish(activation)

    def prompt(self, activation: Activation, expires_at: int) -> None:
        observing.waits(activation)
        self._ask(activation, expires_at, to_all=True)

    def waiting(self, activation: Activation, expires_at: int) -> None:
        self._ask(activation, expires_at, to_all=False)

    def _ask(self, activation: Activation, expires_at: int, *, to_all: bool) -> None:
        job = activation.job
        prompt = prompt_of(job)
        if prompt is None:
            return

        def said() -> Transcript:
            return Transcript(answer_of(self._progress(activation)), job.attrs.get("cut"))

        self._telling.prompt(activation, prompt, expires_at, said, to_all=to_all)

    def prompt_timeout(self, job: Job) -> int:
        return int(job.body["prompt"]["seconds"] * 1000)

    def beside_wait(self, job: Job, expires_at: int | None) -> Sequence[Operation]:
        prompt = job.body["prompt"]
        if prompt["kind"] != APPROVAL:
            return ()
        if expires_at is None:
            return [approval_items.expired(job, prompt, self._clock.now())]
        return [approval_items.shown_until(job, prompt, expires_at)]
