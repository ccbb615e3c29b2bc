"""A runner at work, and what tests of any runner do with it."""

import itertools
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from shared.identity.principal import USER, Principal
from shared.runner.events import Delta, Reasoning, Reply, Restarted, TurnEvent
from shared.runner.port import Runner
from tests.contracts.runner_tools import GATES, Gate
from tests.support.manual_clock import PATIENCE, in_thread
from tests.support.messages_api import ScriptedMessagesApi

ANN = Principal("acme", "ann", frozenset({USER}))
BOB = Principal("acme", "bob", frozenset({USER}))
ELSEWHERE = Principal("other", "ann", frozenset({USER}))

_names = itertools.count()


People = Callable[[bool], "Future[str]"]
"""`people(True)`: the next call that needs it is approved. What they were told of it."""


@dataclass(frozen=True)
class Stage:
    """A runner, the model's books, and the people who are asked."""

    runner: Runner
    api: ScriptedMessagesApi
    people: People

    def say(self, text: str, session: str = "s", *, who: Principal = ANN, **more: Any) -> Reply:
        """One turn to its end."""
        return reply(list(self.runner.run(session, text, principal=who, **more)))

    def saying(self, text: str, session: str = "s") -> "Future[Reply]":
        """The same on a thread of its own."""
        future: Future[Reply] = in_thread(lambda: self.say(text, session))
        return future

    def asked(self) -> list[Any]:
        """The messages of the last request to the model."""
        messages: list[Any] = self.api.requests[-1]["messages"]
        return messages

    def words(self) -> list[Any]:
        """What each of these messages says."""
        return [message["content"] for message in self.asked()]


Open = Callable[..., AbstractContextManager[Stage]]
"""`opened(backlog=32)` gives a stage with a runner that nobody has used."""


def gate() -> tuple[str, Gate]:
    """A gate, and its name."""
    name = f"gate-{next(_names)}-{uuid.uuid4().hex}"
    return name, GATES[name]


def reply(events: Sequence[TurnEvent]) -> Reply:
    """The end of a turn: there is one, and it says what the pieces have said."""
    *others, last = events
    assert isinstance(last, Reply)
    assert not any(isinstance(event, Reply) for event in others)
    text = ""
    for event in others:
        match event:
            case Delta(piece):
                assert piece
                text += piece
            case Restarted(kept):
                text = text[:kept]
    assert text == last.text
    return last


def without_reasoning(events: Sequence[TurnEvent]) -> list[TurnEvent]:
    return [event for event in events if not isinstance(event, Reasoning)]


def result(future: "Future[Reply]") -> Reply:
    return future.result(PATIENCE)


def fault(future: "Future[Reply]") -> BaseException | None:
    return future.exception(PATIENCE)


def alternate(messages: Sequence[Any]) -> bool:
    """Whether the roles of these messages alternate, beginning and ending with the user."""
    roles = [message["role"] for message in messages]
    return roles == [("user", "assistant")[index % 2] for index in range(len(roles))] and (
        len(roles) % 2 == 1
    )
