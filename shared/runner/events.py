"""What a turn yields while it runs, in order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.models.port import Usage


@dataclass(frozen=True)
class Delta:
    """A piece of the answer. All pieces of a turn together are `Reply.text`."""

    text: str


@dataclass(frozen=True)
class Reasoning:
    """A piece of what the model thinks; no part of the answer."""

    text: str


@dataclass(frozen=True)
class Restarted:
    """The model's stream broke: of the answer, the first `kept` characters still stand, and what
    follows is said anew."""

    kept: int


@dataclass(frozen=True)
class ToolStarted:
    """A call begins. `call` is unique in the turn."""

    call: str
    tool: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class ToolEnded:
    """A call has its result, as the model sees it."""

    call: str
    tool: str
    content: str
    is_error: bool


@dataclass(frozen=True, kw_only=True)
class Reply:
    """The end: the whole answer, what all of the turn cost, and why the model stopped.

    `said` is the last reply's own part of the answer, which has the others before it. `asks`: the
    answer ends with this question, and the user's next message is the result of the call that
    asked. `citations`: see `shared.runner.citations`; `directive`, `escalation`: see `ToolResult`.
    """

    text: str
    said: str
    usage: Usage
    stop_reason: str
    suggestions: Sequence[str] = ()
    asks: str | None = None
    citations: Sequence[Mapping[str, Any]] = ()
    directive: Mapping[str, Any] | None = None
    escalation: str | None = None


TurnEvent = Delta | Reasoning | Restarted | ToolStarted | ToolEnded | Reply
