"""The events of a turn, as the terminal shows them. What has another shape says nothing: the
server may be newer than this client."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.cli.chat.clean import clean, one_line

MAX_SUGGESTIONS = 9
_SECONDS = (int, float)


@dataclass(frozen=True)
class Token:
    """A piece of the reply; a preview of it."""

    text: str


@dataclass(frozen=True)
class Thought:
    """A piece of what the model thinks."""

    text: str


@dataclass(frozen=True)
class ToolCalled:
    name: str
    arguments: str


@dataclass(frozen=True)
class ToolAnswered:
    name: str
    failed: bool
    result: str


@dataclass(frozen=True)
class Waiting:
    """The turn waits for a person."""

    what: str


@dataclass(frozen=True)
class Notice:
    """Something about the turn or the connection, in our words."""

    text: str


@dataclass(frozen=True)
class Message:
    """One message of the conversation."""

    id: str
    mine: bool
    text: str
    at: str


@dataclass(frozen=True)
class Missed:
    """Messages that came while there was no connection, the oldest first."""

    messages: Sequence[Message]


@dataclass(frozen=True, kw_only=True)
class Finished:
    """The end of a turn that has a reply: the whole one. A cost of None is not known."""

    text: str
    message_id: str
    suggestions: Sequence[str]
    prompt_tokens: int | None
    completion_tokens: int | None
    cost_usd: float | None


@dataclass(frozen=True)
class Stopped:
    """The end of a turn that was stopped."""


@dataclass(frozen=True)
class Failed:
    """The end of a turn without a reply."""

    code: str
    message: str


@dataclass(frozen=True)
class Left:
    """Nobody waits for the end of the turn any longer."""


Ending = Finished | Stopped | Failed | Left
TurnEvent = Token | Thought | ToolCalled | ToolAnswered | Waiting | Notice | Missed | Ending


def read(event: Mapping[str, Any]) -> Sequence[TurnEvent]:
    """What one event of a turn says; it may be nothing."""
    data = mapping(event, "data")
    match event.get("type"):
        case "stream_token":
            return [Token(clean(string(data, "token")))]
        case "stream_reasoning":
            return [Thought(clean(string(data, "token")))]
        case "stream_chunk":
            return _tools(mapping(mapping(data, "state"), "rawResponse"))
        case "write_confirmation_required":
            return [Waiting(one_line(string(mapping(data, "data"), "actionDescription")))]
        case "interaction_required":
            return [Waiting(one_line(string(mapping(data, "data"), "reason")))]
        case "eventual_response":
            return [_finished(mapping(data, "data"))]
        case "cancelled":
            return [Stopped()]
        case "error":
            return [Failed(*error_of(event))]
    return []


def streamed(event: Mapping[str, Any]) -> int:
    """The code points of the reply that an event brings, as the server counts them."""
    return (
        len(string(mapping(event, "data"), "token")) if event.get("type") == "stream_token" else 0
    )


def back(event: Mapping[str, Any]) -> tuple[int, str] | None:
    """The answer to `resume_turn`: from which code point of the reply on the server goes on, and
    the text from there; None for every other event."""
    data = mapping(event, "data")
    begin = data.get("begin")
    if event.get("type") != "immediate_response" or not isinstance(begin, int):
        return None
    return begin, string(data, "text")


def error_of(event: Mapping[str, Any]) -> tuple[str, str]:
    """The code and the text of an `error` event, and when to come back if it says so."""
    data = mapping(event, "data")
    error = mapping(data, "error") or mapping(event, "error")
    message = one_line(string(error, "message")) or "The server gave no reason."
    after = mapping(data, "details").get("retryAfter")
    if isinstance(after, _SECONDS):
        message += f" Try again in {after:g} s."
    return one_line(string(error, "code")) or "ERROR", message


def messages(data: Mapping[str, Any]) -> list[Message]:
    """The messages of a page, the newest first."""
    return [
        Message(
            id=string(item, "id"),
            mine=item.get("direction") == "inbound",
            text=clean(string(mapping(item, "content"), "text")),
            at=one_line(string(item, "createdAt")),
        )
        for item in rows(data, "messages")
    ]


def mapping(value: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The object of that name; an empty one if there is none."""
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def rows(value: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """The objects in the list of that name."""
    found = value.get(key)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def string(value: Mapping[str, Any], key: str) -> str:
    """The text of that name; an empty one if there is none."""
    found = value.get(key)
    return found if isinstance(found, str) else ""


def _tools(raw: Mapping[str, Any]) -> Sequence[TurnEvent]:
    said: list[TurnEvent] = []
    if call := mapping(raw, "toolCall"):
        said.append(ToolCalled(one_line(string(call, "name")), _compact(call.get("arguments"))))
    if result := mapping(raw, "toolResult"):
        name, failed = one_line(string(result, "name")), result.get("isError") is True
        said.append(ToolAnswered(name, failed, _compact(result.get("result"))))
    return said


def _finished(data: Mapping[str, Any]) -> Finished:
    response, usage = mapping(data, "response"), mapping(data, "usage")
    cost = usage.get("costUsd")
    return Finished(
        text=clean("".join(_strings(response, "responseParts"))),
        message_id=string(data, "messageId"),
        suggestions=[
            line for each in _strings(response, "suggestedNextActions") if (line := one_line(each))
        ][:MAX_SUGGESTIONS],
        prompt_tokens=_count(usage, "promptTokens"),
        completion_tokens=_count(usage, "completionTokens"),
        cost_usd=float(cost) if isinstance(cost, _SECONDS) else None,
    )


def _strings(value: Mapping[str, Any], key: str) -> list[str]:
    found = value.get(key)
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def _count(value: Mapping[str, Any], key: str) -> int | None:
    found = value.get(key)
    return found if isinstance(found, int) else None


def _compact(value: Any) -> str:
    if value is None:
        return ""
    return one_line(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
