"""The runner over mailboxes: turns are queued for the workers, and what they note is followed.

The turn goes on without its caller, who may come back for it through the HTTP API. Text comes in
the pieces in which it is noted: one for each reply of the model.
"""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from shared.clock import Clock
from shared.conversations.items import Session
from shared.conversations.options import Configured, TurnOptions
from shared.conversations.sessions import Named, Sessions
from shared.conversations.turns import TurnRequests
from shared.errors import ConflictError, NotFound, TurnFailed, ValidationError
from shared.identity.principal import Principal
from shared.ids import SESSION_NAMESPACE, new_id
from shared.mailbox.box import Job, key_part
from shared.mailbox.jobs import message_key
from shared.models.port import Usage
from shared.protocol.fields import MAX_MESSAGE_CHARACTERS
from shared.runner.calls import calls_of
from shared.runner.events import Delta, Reply, ToolEnded, ToolStarted, TurnEvent
from shared.runner.port import (
    BacklogFull,
    NoAgent,
    RunnerStopped,
    RuntimeMissing,
    TurnCancelled,
)
from shared.runner.request import Message
from shared.runner.turn import joined
from shared.storage.table import Table

POLL = (0.05, 0.5)
"""Seconds between two looks at a turn: at first, and at most."""


class Agent(Named, Configured, Protocol):
    """An agent, as far as asking it a question needs to know it."""


@dataclass
class _Followed:
    """What of a turn has been passed on: the text, and up to which number of the log."""

    next: int
    text: str = ""


class MailboxRunner:
    """See `Runner`. `agent_id` is who answers; `agents` gives its configuration."""

    def __init__(
        self,
        *,
        agent_id: str,
        agents: Callable[[str], Agent],
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
        try:
            self._agent = agents(agent_id)
        except NotFound as fault:
            raise NoAgent from fault
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
    ) -> Iterator[TurnEvent]:
        """See `Runner.run`. A caller who stops iterating leaves the turn to the workers."""
        if self._stopping.is_set():
            raise RunnerStopped
        if not message.strip() or len(message) > MAX_MESSAGE_CHARACTERS:
            raise ValidationError(f"A message has 1 to {MAX_MESSAGE_CHARACTERS} characters.")
        options = TurnOptions(model=model, skill=skill)
        options.check(self._agent)
        session = self._session(principal, session_id)
        yield from self._follow(self._add(principal, session, message, options))

    def stop(self) -> None:
        """See `Runner.stop`. The turns themselves go on."""
        self._stopping.set()

    def _session(self, principal: Principal, session_id: str) -> Session:
        whose = "#".join(map(key_part, (principal.tenant, principal.user, self._agent.id)))
        known = str(uuid.uuid5(SESSION_NAMESPACE, f"{whose}#{session_id}"))
        return self._sessions.find(principal, known) or self._sessions.open(
            principal, self._agent, session_id=known
        )

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
                raise TurnCancelled
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
        """Where this turn's notes begin: after the user's message, which is its first entry."""
        newest = int(job.log_length or 0)
        while newest > 0:
            keys = [message_key(job.key, number) for number in range(max(0, newest - 100), newest)]
            for item in reversed(self._table.get(keys)):
                if item and (item.body or {}).get("id") == job.payload["message_id"]:
                    return _Followed(int(item.key.sk.removeprefix("MSG#")) + 1)
            newest -= 100
        raise TurnCancelled

    def _noted(self, job: Job, followed: _Followed) -> Iterator[TurnEvent]:
        """What has been noted since the last look, but for the answer itself."""
        length = int(job.log_length or 0)
        while followed.next < length:
            numbers = range(followed.next, min(length, followed.next + 100))
            items = self._table.get([message_key(job.key, number) for number in numbers])
            for number, item in zip(numbers, items, strict=True):
                yield from _events(number, (item.body or {}) if item else {}, followed)
            followed.next = numbers.stop


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
        raise TurnFailed(error["message"], code=error["code"], retryable=error["retryable"])
    text = str(result["text"])
    if text != shown:
        yield Delta(text[len(shown) :])
    yield Reply(
        text=text,
        said=result["said"],
        usage=Usage(**result["spent"]),
        stop_reason=result["stop_reason"],
        suggestions=tuple(result["suggestions"]),
    )
