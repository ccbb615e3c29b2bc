"""A model whose answers a test writes down, and tools to go with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.models.port import (
    Completed,
    ModelEvent,
    ModelRequest,
    StreamClosed,
    TextDelta,
    Usage,
)
from shared.tools.port import ToolContext

COST = Usage(input_tokens=10, output_tokens=2, cost_nano_usd=1000)


def use(name: str, _id: str = "", **arguments: Any) -> dict[str, Any]:
    """A block that calls a tool."""
    return {"type": "tool_use", "id": _id or f"toolu_{name}", "name": name, "input": arguments}


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def answer(*blocks: Mapping[str, Any] | str, stop_reason: str = "") -> list[ModelEvent | Exception]:
    """A whole answer: its text word by word, then its end."""
    content = [text(block) if isinstance(block, str) else dict(block) for block in blocks]
    words: list[ModelEvent | Exception] = [
        TextDelta(word)
        for block in content
        if block["type"] == "text"
        for word in _words(block["text"])
    ]
    calls = any(block["type"] == "tool_use" for block in content)
    reason = stop_reason or ("tool_use" if calls else "end_turn")
    return [*words, Completed(content, reason, COST)]


def _words(said: str) -> Sequence[str]:
    return [said[at : at + 3] for at in range(0, len(said), 3)]


class SaidModel:
    """Gives these answers, one after the other. A callable among the events of one is called when
    its turn comes."""

    def __init__(self, *answers: Sequence[Any]) -> None:
        self.answers = list(answers)
        self.requests: list[ModelRequest] = []
        self.closed = 0

    def stream(self, request: ModelRequest, *, seconds_left: float) -> Said:
        self.requests.append(request)
        return Said(self, self.answers.pop(0))

    @property
    def last(self) -> Sequence[Mapping[str, Any]]:
        """The messages of the last request."""
        return self.requests[-1].messages


class Said:
    """One answer, closed by its reader."""

    def __init__(self, model: SaidModel, events: Sequence[Any]) -> None:
        self._model = model
        self._events = events
        self._closed = False

    def __iter__(self) -> Iterator[ModelEvent]:
        for event in self._events:
            if callable(event):
                event()
                continue
            if self._closed:
                raise StreamClosed(COST)
            if isinstance(event, Exception):
                raise event
            yield event

    def close(self) -> None:
        if not self._closed:
            self._model.closed += 1
        self._closed = True


@dataclass
class MadeTool:
    """A tool that does what a test says, and writes down what it was called with."""

    name: str = "look_up"
    work: Callable[..., str] = lambda **_: "found"
    description: str = "Looks something up."
    parameters: Mapping[str, Any] = field(
        default_factory=lambda: {"type": "object", "properties": {}}
    )
    repeatable: bool = False
    parallel: bool = True
    timeout: float = 30.0
    calls: list[Mapping[str, Any]] = field(default_factory=list)
    contexts: list[ToolContext] = field(default_factory=list)

    def run(self, arguments: Mapping[str, Any], context: ToolContext) -> str:
        self.calls.append(arguments)
        self.contexts.append(context)
        return self.work(**arguments)
