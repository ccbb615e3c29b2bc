"""Turns as jobs: what a worker does with the head of a conversation's mailbox."""

import logging
from collections.abc import Callable, Mapping
from contextlib import closing

from shared.clock import Clock
from shared.conversations.audience import Audience, Until
from shared.conversations.endings import Endings
from shared.conversations.host import LeasedTurn, Limits, Services
from shared.conversations.items import listener_name, meta_key
from shared.conversations.shown import Shown
from shared.conversations.stream import Poster, Stream
from shared.conversations.usage import Costs, Ledger
from shared.errors import ParleyError
from shared.identity.principal import Principal
from shared.mailbox.box import Box, Job
from shared.mailbox.handler import Activation, OutOfTime
from shared.mailbox.jobs import Ending
from shared.mailbox.requests import Requests
from shared.models.port import Usage
from shared.runner.events import Reply
from shared.runner.request import Equipped, TurnRequest
from shared.runner.turn import Turn, spent_by
from shared.storage.table import TransientError

log = logging.getLogger("parley")

LAST_WORD = 10.0
"""Seconds that a connection gets to take what is left, and the terminal event."""

DRAINING = 20.0
"""Seconds more for one that lags behind, if at its pace it will be done by then."""


Agents = Callable[[str, str | None], Equipped]
"""The agent with this id, and the skill with this name. Raises ParleyError if there is none."""


class Turns:
    """The handler of conversations' mailboxes."""

    def __init__(
        self,
        *,
        clock: Clock,
        requests: Requests,
        agents: Agents,
        services: Services,
        ledger: Ledger,
        endings: Endings,
        poster: Poster,
        limits: Limits,
        until: Until,
    ) -> None:
        self._clock = clock
        self._requests = requests
        self._agents = agents
        self._services = services
        self._ledger = ledger
        self._endings = endings
        self._poster = poster
        self._limits = limits
        self._until = until
        self._costs = Costs()

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
        }
        return Job(box.key, ref, {**turn.attrs, **known}, turn.body or {})

    def run(self, activation: Activation) -> Ending | None:
        streamed = activation.job.payload.get("stream", True)
        stream = self._stream(activation, listeners(activation) if streamed else {})
        activation.cleanup.callback(self._drop, activation, stream)
        activation.kept["stream"] = stream
        try:
            return self._follow(activation, stream)
        except OutOfTime:
            # What was noted is not said again: whoever goes on begins after it.
            stream.close()
            raise

    def _drop(self, activation: Activation, stream: Stream) -> None:
        stream.abandon()
        self._forget(activation, stream)

    def _follow(self, activation: Activation, stream: Stream) -> Ending:
        """Run the turn, showing what happens, to its end."""
        turn: Turn | None = None
        try:
            host = LeasedTurn(activation, self._services, self._limits)
            turn = Turn(self._request(activation.job, host), host, self._clock)
            turn.spent = max(turn.spent, self._costs.of(activation.job), key=_tokens)
            shown = Shown(stream, muted=activation.box.crashes > 0)
            reply: Reply | None = None
            with closing(turn.run()) as running:
                for event in running:
                    if isinstance(event, Reply):
                        reply = event
                    else:
                        shown.show(event)
            assert reply is not None  # noqa: S101 - a turn that raises nothing ends with it
        except ParleyError as fault:
            log.warning("turn failed", extra={"code": fault.error_code}, exc_info=True)
            spent = turn.spent if turn else self._spent(activation)
            return self._endings.failed(activation.job, fault, spent)
        finally:
            if turn is not None:
                self._costs.note(activation.job, turn.spent)
        return self._endings.completed(activation.job, reply)

    def _spent(self, activation: Activation) -> Usage:
        """What a turn that ends without its reply has cost: by what this process knows of it, or
        else by its notes."""
        noted = spent_by(LeasedTurn(activation, self._services, self._limits).progress())
        # Another worker may have gone on meanwhile; what it has not noted nobody knows.
        return max(noted, self._costs.of(activation.job), key=_tokens)

    def _request(self, job: Job, host: LeasedTurn) -> TurnRequest:
        """What the turn depends on.

        Raises:
            ParleyError: there is no such agent any more, or no money left.
        """
        self._services.may_spend(job.key.tenant)
        equipped = self._agents(job.payload["agent"], job.payload.get("skill"))
        return TurnRequest.of(
            equipped,
            Principal.from_dict(job.payload["principal"]),
            job.payload["message"],
            model=job.payload.get("model"),
            history=self._services.memory.recall(job.key, int(job.attrs["count"])),
            progress=host.progress(),
        )

    def _stream(self, activation: Activation, heard: Mapping[str, int | None]) -> Stream:
        audience = Audience(heard, self._clock, self._until)
        stream = Stream(
            self._poster,
            self._clock,
            list(heard),
            request_id=activation.job.payload["request_id"],
            check=activation.keeper.check,
            window=self._limits.push_window,
            buffer=self._limits.push_buffer,
            settle_until=activation.settle_until,
            may_hear=audience.may_hear,
        )
        activation.kept.setdefault("heard", {})[stream] = heard
        return stream

    def cancelled(self, activation: Activation) -> Ending:
        at_head = activation.box.head == activation.job.ref
        return self._endings.cancelled(activation.job, self._spent(activation), at_head=at_head)

    def failed(self, activation: Activation, reason: Exception | None) -> Ending:
        return self._endings.failed(activation.job, reason, self._spent(activation))

    def publish(self, activation: Activation) -> None:
        ending = activation.ending
        if ending is not None:
            self._services.memory.add(activation.job.key, ending.log_from, ending.log)
        # What is still on its way goes first, on the stream of the turn; whoever came to listen
        # since has none of it, and gets the end alone.
        running: Stream | None = activation.kept.pop("stream", None)
        known = set[str]()
        if running is not None:
            known = set(running.connections).difference(running.expired)
            self._note_expired(activation, running)
        new = self._to_tell(activation)
        activation.told.update(new)
        rest = {name: until for name, until in new.items() if name not in known}
        others = self._stream(activation, rest)
        for stream in (running, others):
            if stream is not None:
                stream.whole(activation.job.terminal.encode())
        settling = max(0, activation.settle_until - self._clock.now()) / 1000
        left = max(1.0, activation.seconds_left)
        for stream in (running, others):
            if stream is not None:
                draining = min(DRAINING, max(0.0, left - LAST_WORD))
                stream.close(min(LAST_WORD, left) + settling, draining=draining)
                self._note_expired(activation, stream)
                self._forget(activation, stream)

    def _to_tell(self, activation: Activation) -> Mapping[str, int | None]:
        """Who listens and has not been told how the turn ended. Whoever was told to authenticate
        instead has come back when it may hear until another time."""
        expired = activation.kept.setdefault("expired", {})
        return {
            name: until
            for name, until in listeners(activation).items()
            if name not in activation.told and (name not in expired or expired[name] != until)
        }

    def _note_expired(self, activation: Activation, stream: Stream) -> None:
        """Who was told to authenticate, and until when it could hear."""
        heard, expired = activation.kept["heard"][stream], activation.kept.setdefault("expired", {})
        for name in stream.expired:
            if expired.get(name) != heard[name]:
                expired[name] = heard[name]
                activation.told.discard(name)

    def _forget(self, activation: Activation, stream: Stream) -> None:
        """Stream no more to connections that are gone, or whose credential has run out."""
        session, box = activation.job.payload["session"], activation.box.key
        heard = activation.kept["heard"][stream]
        forgotten: set[tuple[str, int | None]] = activation.kept.setdefault("forgotten", set())
        left = dict.fromkeys(stream.gone) | {name: heard[name] for name in stream.expired}
        for connection, until in left.items() - forgotten:
            forgotten.add((connection, until))
            try:
                # One that has come back meanwhile, with a credential that lasts longer, stays.
                self._requests.detach(box, listener_name(session, connection), until=until)
            except TransientError:
                # It is found to be gone again, at the latest with the next turn.
                log.warning("listener not detached", exc_info=True)

    def prompt(self, activation: Activation) -> None:
        """A plain turn asks nobody."""

    def prompt_timeout(self, job: Job) -> int:
        return 0


def _tokens(usage: Usage) -> int:
    return usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens


def listeners(activation: Activation) -> Mapping[str, int | None]:
    """The connections of the turn's session, and until when each may hear it (ms)."""
    prefix = listener_name(activation.job.payload["session"], "")
    return {
        name.removeprefix(prefix): heard.until
        for name, heard in activation.box.conns.items()
        if name.startswith(prefix)
    }
