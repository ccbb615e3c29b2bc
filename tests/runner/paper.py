"""A turn's host that writes everything down, and lets a test decide about time and stops."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from shared.clock import Clock, SystemClock
from shared.identity.credentials import LOCAL
from shared.models.port import ModelRequest, ModelStream, StreamClosed
from shared.runner.events import Delta, Reply, TurnEvent
from shared.runner.prompts import Answer, Parked, Prompt
from shared.runner.request import TurnRequest
from shared.runner.turn import Turn
from shared.tools.port import Tool, ToolContext, ToolFault
from tests.runner.said import SaidModel


class Enough(Exception):
    """The host does not let the turn go on."""


class Paper:
    """See `Host`. `diary` has every note and beginning in order; `left` is the time that `ready`
    gives, and raises when there is less than is asked for."""

    def __init__(
        self,
        model: SaidModel,
        *,
        first: int = 1,
        marks: Sequence[str] = (),
        clock: Clock | None = None,
    ) -> None:
        self.model = model
        self.clock = clock or SystemClock()
        self.notes: list[Mapping[str, Any]] = []
        self.diary: list[Any] = []
        self.kept: dict[str, str] = {}
        self.left = 1000.0
        self.first = first
        self.closing: Callable[[], None] | None = None
        self.marks = set(marks)
        self.approved: dict[str, str] = {}
        self.answers: dict[str, Answer] = {}
        self.prompts: list[Prompt] = []
        self.prompted: set[str] = set()
        self.is_known = False
        self.verified: set[str] = set()
        self.contact: dict[str, str] = {}
        self.no_code: str | None = None

    def ready(self, seconds: float, *, begun: bool = False) -> float:
        self.diary.append(("ready", seconds, begun))
        if self.left < seconds or self.left <= 0:
            raise Enough
        return self.left

    def ask(self, request: ModelRequest, *, seconds_left: float) -> ModelStream:
        return self.model.stream(request, seconds_left=seconds_left)

    @contextmanager
    def watching(self, close: Callable[[], None]) -> Iterator[None]:
        self.closing = close
        try:
            yield
        except StreamClosed:
            raise Enough from None
        finally:
            self.closing = None

    def stop(self) -> None:
        assert self.closing is not None
        self.closing()

    def note(
        self, messages: Sequence[Mapping[str, Any]], *, starting: Sequence[str], result: bool
    ) -> None:
        self.notes += messages
        for message in messages:
            self.diary.append(("result", message["call"]) if result else ("reply", message["said"]))
        self._begin(starting)

    def starting(self, call: str, approved: str | None = None) -> None:
        self._begin([call])
        if approved is not None:
            self.approved[call] = approved

    def _begin(self, calls: Sequence[str]) -> None:
        self.marks |= set(calls)
        if calls:
            self.diary.append(("begin", *calls))

    def started(self, call: str) -> bool:
        return call in self.marks

    def next_number(self) -> int:
        return self.first + len(self.notes)

    def keep(self, call: str, text: str) -> str:
        self.kept[call] = text
        return f"kept/{call}"

    def answer(self, key: str) -> Answer | None:
        return self.answers.get(key)

    def park(self, prompt: Prompt) -> Answer:
        self.prompts.append(prompt)
        self.prompted.add(prompt.key)
        raise Parked

    def shown(self, key: str) -> bool:
        return key in self.prompted

    def is_verified(self, call: str) -> bool:
        if self.is_known:
            self.verified.add(call)
        return self.is_known

    def offer_code(self, description: str) -> Mapping[str, Any]:
        if self.no_code is not None:
            raise ToolFault(self.no_code)
        return {"description": description}

    def keep_contact(self, contact: Mapping[str, str]) -> None:
        self.contact |= contact

    def context(self, call: str, *, seconds: float) -> ToolContext:
        return ToolContext(
            tenant="t",
            user="u",
            conversation="c",
            session="s",
            turn="turn",
            call=call,
            idempotency_key=f"turn.{call}",
            deadline=seconds,
            verified_email="ann@example.com" if call in self.verified else None,
        )

    @property
    def steps(self) -> list[Any]:
        """The diary without the questions whether there is time."""
        return [entry for entry in self.diary if entry[0] != "ready"]


def turn(
    host: Paper, *tools: Tool, progress: Sequence[Mapping[str, Any]] = (), **more: Any
) -> Turn:
    """A turn on this host, that goes on after `progress`."""
    host.notes += progress
    request = TurnRequest(
        access=LOCAL,
        instructions="Be kind.",
        model="m",
        max_tokens=100,
        message="now",
        tools=tools,
        progress=progress,
        **more,
    )
    return Turn(request, host, host.clock)


def run(host: Paper, *tools: Tool, **more: Any) -> list[TurnEvent]:
    """All events of the turn."""
    return list(turn(host, *tools, **more).run())


def reply(events: Sequence[TurnEvent]) -> Reply:
    """The end, which says what the pieces have said."""
    *others, last = events
    assert isinstance(last, Reply)
    assert "".join(event.text for event in others if isinstance(event, Delta)) == last.text
    return last
