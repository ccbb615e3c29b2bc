"""The runner over mailboxes: turns are queued for the workers, and what they note is followed.

The turn goes on without its caller, who may come back for the session through the HTTP API. Text
comes in the pieces in which it is noted: one for each reply of the model. What is not noted, what
the model thinks and text that it took back, does not come at all.
"""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from shared.clock import Clock
from shared.conversations.items import Session
from shared.conversations.options import Configured, TurnOptions
from shared.conversations.sessions import Begun, Sessions
from shared.conversations.turns import TurnRequests
from shared.errors import ConflictError, NotFound, ServiceUnavailable, TurnFailed
from shared.identity.principal import Principal
from shared.ids import SESSION_NAMESPACE, new_id
from shared.mailbox.box import Job, key_part
from shared.mailbox.jobs import message_key
from shared.models.port import Usage
from shared.runner.calls import calls_of
from shared.runner.events import Delta, Reply, ToolEnded, ToolStarted, TurnEvent
from shared.runner.history import Message
from shared.runner.overrides import read_overrides
from shared.runner.port import (
    BacklogFull,
    NoAgent,
    RunnerStopped,
    RuntimeMissing,
    TurnCancelled,
    check_said,
)
from shared.runner.turn import joined
from shared.runner.variables import read_variables
from shared.storage.table import MAX_GET_KEYS, Item, Table, TransientError

POLL = (0.05, 0.5)
"""Seconds between two looks at a turn: at first, and at most."""

LOOK_BACK = 8
"""Messages among which the beginning of a turn is looked for at first: it is looked for as soon
as the turn has noted anything."""


class Agent(Begun, Configured, Protocol):
    """An agent, as far as asking it a question needs to know it."""


Agents = Callable[[str, str], Agent]
"""The agent with this id, of this tenant. Raises NotFound."""


@dataclass
class _Followed:
    """What of a turn has been passed on: the text, and up to which number of the log."""

    next: int
    text: str = ""


class MailboxRunner:
    """See `Runner`. `agent_id` is who answers; `agents` is asked for it at every turn, so that a
    changed configuration counts at once. `tenant` must have the agent at the start."""

    def __init__(
        self,
        *,
        agent_id: str,
        tenant: str,
        agents: Agents,
        table: Table | None,
        clock: Clock,
        sessions: Sessions,
        turns: TurnRequests,
    ) -> None:
        """
        Raises:
            NoAgent: there is no such agent.
            RuntimeMissing: `table` is None.
        """
        if table is None:
            raise RuntimeMissing("Give the runner the table that the workers use.")
        self._agents = agents
        self._id = agent_id
        self._id = self._agent(tenant).id
        self._table = table
        self._clock = clock
        self._sessions = sessions
        self._turns = turns
        self._stopping = clock.event()

    def run(
        self,
        session_id: str,
        message: str,
        *,
        principal: Principal,
        model: str | None = None,
        skill: str | None = None,
        variables: Mapping[str, str] | None = None,
        overrides: Mapping[str, str] | None = None,
    ) -> Iterator[TurnEvent]:
        """See `Runner.run`. A caller who stops iterating leaves the turn to the workers."""
        if self._stopping.is_set():
            raise RunnerStopped
        check_said(session_id, message)
        given = None if variables is None else read_variables(variables)
        own = None if overrides is None else read_overrides(overrides)
        options = TurnOptions(model=model, skill=skill, variables=given, overrides=own)
        agent = self._agent(principal.tenant)
        options.check(agent)
        try:
            session = self._session(principal, agent, session_id, options)
            job = self._add(principal, session, message, options)
        except TransientError as fault:
            raise ServiceUnavailable from fault
        try:
            yield from self._follow(job)
        except TransientError as fault:
            raise ServiceUnavailable(
                "The store does not answer. The turn goes on without its caller.", retryable=False
            ) from fault

    def stop(self) -> None:
        """See `Runner.stop`. The turns themselves go on."""
        self._stopping.set()

    def session_of(self, session_id: str, *, principal: Principal) -> str:
        """The id under which the HTTP and the WebSocket API know the session, once it has begun."""
        whose = "#".join(map(key_part, (principal.tenant, principal.user, self._id)))
        return str(uuid.uuid5(SESSION_NAMESPACE, f"{whose}#{session_id}"))

    def _agent(self, tenant: str) -> Agent:
        try:
            return self._agents(self._id, tenant)
        except NotFound as fault:
            raise NoAgent(fault.message) from fault

    def _session(
        self, principal: Principal, agent: Agent, session_id: str, options: TurnOptions
    ) -> Session:
        """The session, which begins with this message if there is none."""
        known = self.session_of(session_id, principal=principal)
        session = self._sessions.find(principal, known) or self._sessions.open(
            principal,
            agent,
            session_id=known,
            variables=options.variables,
            overrides=options.overrides,
            skill=options.skill,
        )
        # Another message may have begun it at the same moment.
        self._sessions.check(session, agent, options)
        return session

    def _add(
        self, principal: Principal, session: Session, message: str, options: TurnOptions
    ) -> Job:
        try:
            added = self._turns.add(
                principal, session, request_id=new_id(), message=message, options=options
            )
        except ConflictError as fault:
            raise BacklogFull(fault.message) from fault
        self._turns.wake(session.box)
        return added.job

    def _follow(self, job: Job) -> Iterator[TurnEvent]:
        followed: _Followed | None = None
        pause, longest = POLL
        while True:
            # Read before the log: a turn that is done notes nothing more.
            item = self._table.get([job.key.job(job.ref)])[0]
            if item is None:
                raise _gone()
            job = Job.read(job.key, job.ref, item)
            if job.log_length is not None:
                followed = followed or self._begin(job)
                yield from self._noted(job, followed)
            if job.done:
                yield from _ended(job, followed.text if followed else "")
                return
            if self._stopping.wait(pause):
                raise RunnerStopped
            pause = min(pause * 1.5, longest)

    def _begin(self, job: Job) -> _Followed:
        """Where this turn's notes begin: after the user's message, which is its first entry. What
        a turn notes stands together, so nothing before it is read but what lies beside it."""
        above, size = int(job.log_length or 0), LOOK_BACK
        while above > 0:
            numbers = range(max(0, above - size), above)
            found = list(zip(numbers, self._read(job, numbers), strict=True))
            for number, note in reversed(found):
                if note.get("id") == job.payload["message_id"]:
                    return _Followed(number + 1)
                if note.get("turn") != job.ref:
                    raise _gone()
            above, size = numbers.start, MAX_GET_KEYS
        raise _gone()

    def _noted(self, job: Job, followed: _Followed) -> Iterator[TurnEvent]:
        """What has been noted since the last look, but for the answer itself."""
        length = int(job.log_length or 0)
        while followed.next < length:
            numbers = range(followed.next, min(length, followed.next + MAX_GET_KEYS))
            for number, note in zip(numbers, self._read(job, numbers), strict=True):
                yield from _events(number, note, followed)
            followed.next = numbers.stop

    def _read(self, job: Job, numbers: range) -> Sequence[Message]:
        """These messages of the log; an empty one in the place of one that is not there."""
        items: Sequence[Item | None] = self._table.get([message_key(job.key, n) for n in numbers])
        return [item.body or {} if item else {} for item in items]


def _gone() -> TurnCancelled:
    return TurnCancelled("The turn is gone: its conversation was deleted.")


def _events(number: int, note: Message, followed: _Followed) -> Iterator[TurnEvent]:
    if note.get("role") == "tool":
        yield ToolEnded(note["call"], note["name"], note["text"], note["is_error"])
    elif note.get("content"):
        text = joined(followed.text, str(note["said"]))
        if text != followed.text:
            yield Delta(text[len(followed.text) :])
            followed.text = text
        for call in calls_of(number, note["content"]):
            yield ToolStarted(call.key, call.name, call.arguments)


def _ended(job: Job, shown: str) -> Iterator[TurnEvent]:
    result: dict[str, Any] = dict(job.body.get("result", {}))
    if job.outcome == "cancelled":
        raise TurnCancelled
    if "error" in result:
        error = result["error"]
        raise TurnFailed(
            error["message"],
            code=error["code"],
            retryable=error["retryable"],
            details=error.get("details"),
        )
    text = str(result["text"])
    if text != shown:
        yield Delta(text[len(shown) :])
    yield Reply(
        text=text,
        said=result["said"],
        usage=Usage(**result["spent"]),
        stop_reason=result["stop_reason"],
        suggestions=tuple(result["suggestions"]),
        asks=result.get("asks"),
        citations=tuple(result.get("citations", ())),
        directive=result.get("directive"),
        escalation=result.get("escalation"),
    )
