"""A runner without anything around it: the turn runs where its caller iterates.

Conversations are kept in memory, for as long as the process lives and there are not too many; of
each, what the model is reminded of.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass, field, replace

from shared.clock import Clock, Event, SystemClock
from shared.errors import ConfigurationError
from shared.identity.principal import Principal
from shared.ids import new_id
from shared.models.port import Model
from shared.runner.agent import Agent as Agent
from shared.runner.background import Background
from shared.runner.events import Reply, ToolStarted, TurnEvent
from shared.runner.history import Message, newest
from shared.runner.knowledge import passages_for
from shared.runner.memo import Approve, Memo
from shared.runner.own import Brought, Own
from shared.runner.port import (
    BacklogFull,
    NoAgent,
    RunnerStopped,
    RuntimeMissing,
    check_said,
)
from shared.runner.request import Equipped, TurnRequest
from shared.runner.turn import Turn
from shared.runner.variables import built_in
from shared.tools.port import Tool

AT_LEAST = {"backlog": 0, "turn_seconds": 1, "history_token_budget": 1, "sessions": 1}


@dataclass
class _Session:
    """One conversation: what it has of its own, what the model is reminded of, and who waits for
    their turn, the running one first."""

    own: Own
    id: str = field(default_factory=new_id)
    history: list[Message] = field(default_factory=list[Message])
    queue: deque[Event] = field(default_factory=deque[Event])


class InProcessRunner:
    """See `Runner`. `backlog` turns of one session may wait; of `sessions`, the least recently
    used are forgotten. A turn whose iteration is given up ends there. `turn_seconds` bounds what
    a turn takes, but not how long it waits. `approve` is asked, on the caller's thread, about the
    calls that need an approval by the agent's `gates`; without it none is approved."""

    def __init__(
        self,
        *,
        agent: Agent | None,
        model: Model | None,
        tools: Sequence[Tool] = (),
        clock: Clock | None = None,
        backlog: int = 32,
        turn_seconds: float = 600,
        history_token_budget: int = 100_000,
        sessions: int = 1000,
        approve: Approve | None = None,
    ) -> None:
        """
        Raises:
            NoAgent: `agent` is None.
            RuntimeMissing: `model` is None.
            ConfigurationError: a number is too small, or two tools have the same name.
        """
        if agent is None:
            raise NoAgent("Name the agent that shall answer.")
        if model is None:
            raise RuntimeMissing("Give the runner a model that can be asked.")
        given = {
            "backlog": backlog,
            "turn_seconds": turn_seconds,
            "history_token_budget": history_token_budget,
            "sessions": sessions,
        }
        _check(given, tools)
        self._agent = agent
        self._model = model
        self._tools = tuple(tools)
        self._clock = clock or SystemClock()
        self._backlog = backlog
        self._seconds = turn_seconds
        self._budget = history_token_budget
        self._most = sessions
        self._approve = approve
        self._sessions: OrderedDict[tuple[str, str, str], _Session] = OrderedDict()
        self._lock = threading.Lock()
        self._stopped = False
        self._running: set[Memo] = set()

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
        """See `Runner.run`."""
        if self._stopped:
            raise RunnerStopped
        check_said(session_id, message)
        equipped = self._agent.equipped(self._tools, model, skill)
        texts = self._agent.skills.values()
        brought = Brought.read(variables, overrides, skill=equipped.skill, skills=texts)
        session, place = self._arrive((principal.tenant, principal.user, session_id), brought)
        ours = built_in(self._clock.now(), conversation=session.id, user=principal.user)
        values = {**ours, **session.own.variables, **(brought.variables or {})}
        try:
            place.wait()
            yield from self._turn(session, equipped, principal, message, model, values)
        finally:
            self._leave(session, place)

    def stop(self) -> None:
        """See `Runner.stop`. Calls of tools that are under way go on without anybody waiting."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
            for session in self._sessions.values():
                for place in session.queue:
                    place.set()
        for memo in running:
            memo.close()

    def _arrive(self, key: tuple[str, str, str], brought: Brought) -> tuple[_Session, Event]:
        place = self._clock.event()
        with self._lock:
            if self._stopped:
                raise RunnerStopped
            session = self._sessions.get(key)
            if session is None:
                session = self._sessions[key] = _Session(Own().begin(self._agent, brought))
            else:
                session.own.check(self._agent, brought)
            self._sessions.move_to_end(key)
            if len(session.queue) > self._backlog:
                raise BacklogFull
            session.queue.append(place)
            if len(session.queue) == 1:
                place.set()
            self._forget()
        return session, place

    def _forget(self) -> None:
        surplus = len(self._sessions) - self._most
        if surplus > 0:
            idle = [key for key, session in self._sessions.items() if not session.queue]
            for key in idle[:surplus]:
                del self._sessions[key]

    def _leave(self, session: _Session, place: Event) -> None:
        with self._lock:
            session.queue.remove(place)
            if session.queue:
                session.queue[0].set()

    def _turn(
        self,
        session: _Session,
        equipped: Equipped,
        principal: Principal,
        message: str,
        model: str | None,
        values: Mapping[str, str],
    ) -> Iterator[TurnEvent]:
        approve, own = self._approve, equipped.limits.turn_seconds
        seconds = self._seconds if own is None else min(self._seconds, own)
        memo = Memo(self._clock, self._model, principal, session.id, seconds, approve)
        with self._lock:
            if self._stopped:
                raise RunnerStopped
            self._running.add(memo)
        history = tuple(session.history)
        session.history.append({"role": "user", "text": message})
        try:
            request = TurnRequest.of(
                equipped,
                principal,
                message,
                model=model,
                history=history,
                variables=values,
                overrides=session.own.overrides,
                background=_background(equipped, principal, message),
            )
            with closing(Turn(request, memo, self._clock).run()) as events:
                for event in events:
                    yield _passed_on(event, memo)
        finally:
            with self._lock:
                self._running.discard(memo)
            session.history = list(newest([*session.history, *memo.notes], self._budget))


def _background(equipped: Equipped, principal: Principal, message: str) -> Background:
    found = passages_for(equipped.knowledge, message, principal, equipped.top_k)
    return Background(passages=found)


def _passed_on(event: TurnEvent, memo: Memo) -> TurnEvent:
    """The event as the caller gets it; a reply is noted first."""
    match event:
        case Reply(text=text, said=said, asks=asks):
            note = {"role": "assistant", "text": text, "said": said}
            memo.notes.append({**note, "asks": asks} if asks else note)
        case ToolStarted(arguments=arguments):
            # The tool works with the very same ones, perhaps while the caller looks at these.
            return replace(event, arguments=deepcopy(arguments))
    return event


def _check(given: Mapping[str, float], tools: Sequence[Tool]) -> None:
    for name, number in given.items():
        if number < AT_LEAST[name]:
            raise ConfigurationError(f"{name} is {number:g}. Set it to {AT_LEAST[name]} or more.")
    names = [tool.name for tool in tools]
    for name in names:
        if names.count(name) > 1:
            raise ConfigurationError(f"Two tools are named {name}. Give one another name.")
