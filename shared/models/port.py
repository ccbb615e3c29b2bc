"""The model port: one request, a stream of events, and what it cost.

A stream is closed by its caller, from any thread; closing ends the provider's work.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from shared.errors import ParleyError


@dataclass(frozen=True)
class Usage:
    """Tokens of one or several calls; `cost_nano_usd` is None when no price is known."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_nano_usd: int | None = 0

    def __add__(self, other: "Usage") -> "Usage":
        known = self.cost_nano_usd is not None and other.cost_nano_usd is not None
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cache_read_tokens + other.cache_read_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
            (self.cost_nano_usd or 0) + (other.cost_nano_usd or 0) if known else None,
        )


@dataclass(frozen=True, kw_only=True)
class ModelRequest:
    """What a model is asked. `messages` are in the shape of the Messages API.

    `thinking` lets the model think before it answers: as much as it finds right, or for so many of
    the `max_tokens`; None leaves that to the provider's default for the model.

    With `tool_choice` "none" the model must answer in words. The tools are named all the same, as
    earlier messages may hold calls of them. With "any" it must call one of them; providers take
    that only without `thinking`.
    """

    model: str
    system: str
    messages: Sequence[Mapping[str, Any]]
    max_tokens: int
    tools: Sequence[Mapping[str, Any]] = field(default_factory=list[Mapping[str, Any]])
    tool_choice: Literal["auto", "none", "any"] = "auto"
    thinking: Literal["adaptive"] | int | None = None


@dataclass(frozen=True)
class TextDelta:
    """A piece of the answer."""

    text: str


@dataclass(frozen=True)
class ReasoningDelta:
    """A piece of what the model thinks before it answers. It is no part of the answer."""

    text: str


@dataclass(frozen=True)
class Completed:
    """The end of a stream: the reply's content blocks as the Messages API shapes them.

    They are what the next request may repeat, to the letter; there may be none.
    """

    content: Sequence[Mapping[str, Any]]
    stop_reason: (
        Literal["end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal"]
        | str
    )
    usage: Usage


ModelEvent = TextDelta | ReasoningDelta | Completed


class ModelError(ParleyError):
    """The model could not answer.

    `code` is one of LLM_UNAVAILABLE (bad key, unknown model, cannot be reached), MODEL_OVERLOADED,
    RATE_LIMITED, CONTEXT_TOO_LONG, MODEL_REFUSED (the request was refused as invalid).
    `usage` is what the failed call is known to have cost.
    """

    code = "LLM_UNAVAILABLE"
    status = 502

    def __init__(
        self,
        message: str | None = None,
        *,
        code: str | None = None,
        retryable: bool | None = None,
        details: Mapping[str, Any] | None = None,
        usage: Usage | None = None,
    ) -> None:
        super().__init__(message, code=code, retryable=retryable, details=details)
        self.usage = usage or Usage()


class StreamClosed(Exception):
    """The stream was iterated after `close()`, or closed while it was: nothing more will come.
    `usage` is what the call is known to have cost."""

    def __init__(self, usage: Usage | None = None) -> None:
        super().__init__("the stream was closed")
        self.usage = usage or Usage()


class ModelStream(Protocol):
    """An answer under way: deltas, then exactly one `Completed` as the last event."""

    def __iter__(self) -> Iterator[ModelEvent]:
        """Raises ModelError; after the first delta it means that the answer was cut.

        After `close()`, and at once when that comes while it waits, it raises StreamClosed.
        """
        ...

    def close(self) -> None:
        """Stop the provider's work. Safe from any thread, and more than once."""
        ...


class Model(Protocol):
    def stream(self, request: ModelRequest, *, seconds_left: float) -> ModelStream:
        """Ask. Failures before the first delta, of either kind, are retried in `seconds_left`."""
        ...
