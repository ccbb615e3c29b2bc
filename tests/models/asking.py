"""How the tests of the model adapters ask: a model on the scripted server, a short question."""

import collections
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from shared.clock import Clock
from shared.models.anthropic_api import AnthropicModel
from shared.models.port import (
    Completed,
    Model,
    ModelError,
    ModelEvent,
    ModelRequest,
    ModelStream,
    ReasoningDelta,
    TextDelta,
)
from tests.support.clock import FakeClock

MODEL = "claude-sonnet-5"


@contextmanager
def model_at(base_url: str, clock: Clock | None = None, **options: Any) -> Iterator[AnthropicModel]:
    """A model whose waits are the longest that the jitter allows."""
    options = {"jitter": lambda ceiling: ceiling, **options}
    model = AnthropicModel(clock=clock or FakeClock(), base_url=base_url, **options)
    try:
        yield model
    finally:
        model.close()


def question(text: str = "Hello", **fields: Any) -> ModelRequest:
    asked: list[Mapping[str, Any]] = [{"role": "user", "content": text}]
    return ModelRequest(
        **{"model": MODEL, "system": "", "messages": asked, "max_tokens": 64, **fields}
    )


def ask(model: Model, request: ModelRequest | None = None, left: float = 60.0) -> ModelStream:
    return model.stream(request or question(), seconds_left=left)


def text_in(events: list[ModelEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def end_of(events: list[ModelEvent]) -> Completed:
    """The one `Completed`, which must come last."""
    *deltas, last = events
    assert isinstance(last, Completed)
    assert all(isinstance(event, TextDelta | ReasoningDelta) for event in deltas)
    return last


def failure_of(stream: ModelStream) -> tuple[list[ModelEvent], ModelError]:
    """What came before the stream failed, as it must, and how it failed."""
    seen: list[ModelEvent] = []
    with pytest.raises(ModelError) as caught:
        collections.deque(map(seen.append, stream), maxlen=0)
    return seen, caught.value
