"""A model whose mood depends on what it is told, in virtual time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from shared.models.port import (
    Completed,
    ModelError,
    ModelEvent,
    ModelRequest,
    ReasoningDelta,
    StreamClosed,
    TextDelta,
    Usage,
)
from tests.fuzz.people import CALLS
from tests.simulation.hub import SimClock

RAW = "Traceback (most recent call last): pydantic /shared/models/reply.py"
SPENT = Usage(10, 2, cost_nano_usd=1000)


@dataclass
class Moody:
    """`fail` and `burst` bring a ModelError, before and after the first word; `crash` a fault that
    nobody foresaw; the words of `CALLS` these calls."""

    clock: SimClock

    def stream(self, request: ModelRequest, *, seconds_left: float) -> Speech:
        said = request.messages[-1]["content"]
        return Speech(self.clock, said if isinstance(said, str) else str(said[-1]))


class Speech:
    def __init__(self, clock: SimClock, said: str) -> None:
        self._clock = clock
        self._said = said
        self._closed = False

    def __iter__(self) -> Iterator[ModelEvent]:
        word = self._said.rpartition("\n")[2]
        if word in CALLS:
            yield TextDelta("I will.")
            yield Completed(_calling(word), "tool_use", SPENT)
            return
        match word:
            case "fail":
                raise ModelError("The model said no.", code="MODEL_OVERLOADED", retryable=True)
            case "burst":
                yield TextDelta("Half an")
                raise ModelError("The model's answer broke off.", retryable=True, usage=SPENT)
            case "crash":
                raise RuntimeError(RAW)
            case "think":
                yield ReasoningDelta("Hm.")
            case "half":
                yield TextDelta("\ud83d")
        for word in ("Yes", ", ", "indeed"):
            self._clock.sleep(0.1)
            if self._closed:
                raise StreamClosed
            yield TextDelta(word)
        content: list[dict[str, Any]] = [{"type": "text", "text": "Yes, indeed"}]
        if self._said == "half":
            content = [{"type": "text", "text": "\ud83dYes, indeed"}]
        yield Completed(content, "end_turn", SPENT)

    def close(self) -> None:
        self._closed = True


def _calling(word: str) -> list[dict[str, Any]]:
    calls = [
        {"type": "tool_use", "id": f"toolu_{number}", **call}
        for number, call in enumerate(CALLS[word])
    ]
    return [{"type": "text", "text": "I will."}, *calls]
