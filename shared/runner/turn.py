"""One turn: from what was said so far to a reply, as a generator of events.

It has no input or output of its own: the model is a port, and the caller streams, stores and
decides what to do about errors. What stands here is what the model is asked, and in which order.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.identity.principal import Principal
from shared.models.port import Completed, ModelRequest, ModelStream, TextDelta, Usage


@dataclass(frozen=True, kw_only=True)
class TurnRequest:
    """Everything that a turn depends on. `access` has no default, so that it cannot be dropped.

    `history` are `{role, text}` messages, oldest first; `message` is what the user says now.
    `greeting` is what clients show before the first message.
    """

    access: Principal
    instructions: str
    model: str
    max_tokens: int
    greeting: str | None = None
    history: Sequence[Mapping[str, Any]]
    message: str


@dataclass(frozen=True)
class Delta:
    """A piece of the reply."""

    text: str


@dataclass(frozen=True)
class Reply:
    """The end: the whole text, what it cost, and why the model stopped."""

    text: str
    usage: Usage
    stop_reason: str


TurnEvent = Delta | Reply


def model_request(request: TurnRequest) -> ModelRequest:
    """What the model is asked. Messages of one role in a row, as an interrupted or failed turn
    leaves them, are joined, because the roles must alternate and nothing may be lost."""
    said = [*request.history, {"role": "user", "text": request.message}]
    messages: list[dict[str, Any]] = []
    for entry in said:
        text = str(entry["text"])
        if not text.strip():
            continue
        if messages and messages[-1]["role"] == entry["role"]:
            messages[-1]["content"] += f"\n\n{text}"
        else:
            messages.append({"role": entry["role"], "content": text})
    if messages[0]["role"] != "user":
        messages = messages[1:]
    return ModelRequest(
        model=request.model,
        system=_system(request),
        messages=messages,
        max_tokens=request.max_tokens,
    )


def _system(request: TurnRequest) -> str:
    """The instructions; at the first message also what the agent seems to have said before it."""
    if not request.greeting or request.history:
        return request.instructions
    return f"{request.instructions}\n\nYou began the conversation with: {request.greeting}"


def run_turn(stream: ModelStream) -> Iterator[TurnEvent]:
    """The events of a turn, from the model's answer to `model_request`.

    Raises:
        ModelError: the model could not answer, or its answer broke off.
        StreamClosed: the caller closed the stream.
    """
    for event in stream:
        if isinstance(event, TextDelta):
            yield Delta(_clean(event.text))
        else:
            yield Reply(_text(event), event.usage, event.stop_reason)
            return


def _text(completed: Completed) -> str:
    parts = [block["text"] for block in completed.content if block.get("type") == "text"]
    return _clean("".join(str(part) for part in parts))


def _clean(text: str) -> str:
    """JSON can carry half of a surrogate pair; UTF-8 cannot, and neither can anything after us."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
