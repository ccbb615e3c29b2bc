"""Turns that wait: run until they do, and taken up again by another worker."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from shared.runner.events import ToolEnded, TurnEvent
from shared.runner.gates import Approval, Gate
from shared.runner.prompts import APPROVED, Answer, Parked, Prompt
from shared.tools.port import Tool
from tests.runner.paper import Paper, run, turn
from tests.runner.said import SaidModel, answer

ASK = Gate(approval=Approval())
KNOWN = Gate(verified=True)
BOTH = Gate(approval=Approval(), verified=True)


def approved(prompt: Prompt) -> Answer:
    return Answer(what=APPROVED, digest=prompt.digest)


def host_of(*blocks: Any, then: Sequence[Any] = ("Done",)) -> Paper:
    """A host whose model calls tools once, and then answers."""
    return Paper(SaidModel(answer(*blocks), answer(*then)))


def parked(host: Paper, *tools: Tool, **more: Any) -> list[TurnEvent]:
    """The events of a turn until it waits."""
    seen: list[TurnEvent] = []
    with pytest.raises(Parked):
        seen.extend(turn(host, *tools, **more).run())
    return seen


def taken_up(
    host: Paper, *tools: Tool, answers: Mapping[str, Answer] | None = None, **more: Any
) -> tuple[Paper, list[TurnEvent]]:
    """The same turn on another worker, with these answers; its events to the end."""
    other = successor(host, answers)
    return other, run(other, *tools, progress=tuple(host.notes), **more)


def successor(host: Paper, answers: Mapping[str, Answer] | None = None) -> Paper:
    """The host of the worker that goes on: it knows what was noted, asked and answered."""
    other = Paper(host.model, marks=sorted(host.marks))
    other.answers = {**host.answers, **(answers or {})}
    # Only the last prompt is known to have been shown.
    other.prompted = {host.prompts[-1].key} if host.prompts else set()
    other.is_known = host.is_known
    return other


def results(events: Sequence[TurnEvent]) -> dict[str, tuple[str, bool]]:
    """What the calls came to."""
    ended = [event for event in events if isinstance(event, ToolEnded)]
    return {event.call: (event.content, event.is_error) for event in ended}
