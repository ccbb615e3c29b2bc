"""The events of a turn, as the terminal shows them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.cli.chat.clean import clean, one_line, visible
from shared.cli.chat.handover import handed_over
from shared.cli.chat.sent import sent_files
from shared.cli.chat.shapes import count, mapping, rows, string, strings
from shared.cli.chat.sources import sources

MAX_SUGGESTIONS = 9
_SECONDS = (int, float)
_WAITED_FOR = {"approval": "an approval", "input": "an answer of its user"}


@dataclass(frozen=True)
class Token:
    """A piece of the reply; a preview of it."""

    text: str


@dataclass(frozen=True)
class Restarted:
    """Only this much of the reply stands; the rest is said anew."""

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
    """The turn waits for a person, who cannot be asked here. `who` says who decides, "" if nobody
    knows."""

    what: str
    who: str = ""


@dataclass(frozen=True)
class Asked:
    """The person is asked; these lines say what about."""

    lines: Sequence[str]


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
    sources: Sequence[str] = ()
    files: Sequence[str] = ()


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


@dataclass(frozen=True)
class Unattended:
    """The turn waits for a person, and there is none here; it goes on waiting. `approval` is the
    id of what is to be decided, "" if a code is waited for, or the server does not say. `who` says
    who decides when the user of the turn may not. `conversation` is where the turn belongs."""

    what: str
    approval: str
    who: str = ""
    conversation: str = ""


Ending = Finished | Stopped | Failed | Left | Unattended
Said = Token | Restarted | Thought | ToolCalled | ToolAnswered
TurnEvent = Said | Waiting | Asked | Notice | Missed | Ending


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
        case "eventual_response":
            return [*map(Notice, handed_over(data)), _finished(mapping(data, "data"))]
        case "cancelled":
            return [Stopped()]
        case "error":
            return [Failed(*error_of(event))]
    return []


def streamed(event: Mapping[str, Any]) -> str:
    """What of the reply an event brings, as the server counts it."""
    return string(mapping(event, "data"), "token") if event.get("type") == "stream_token" else ""


def kept(event: Mapping[str, Any]) -> int | None:
    """How many code points of the reply still stand, if the event says that others do not."""
    state = mapping(mapping(event, "data"), "state")
    is_chunk = event.get("type") == "stream_chunk"
    return count(mapping(state, "rawResponse"), "truncate") if is_chunk else None


def back(event: Mapping[str, Any]) -> tuple[int, str] | None:
    """The answer to `resume_turn`: from which code point of the reply on the server goes on, and
    the text from there; None for every other event."""
    begin = count(data := mapping(event, "data"), "begin")
    if event.get("type") != "immediate_response" or begin is None:
        return None
    return begin, string(data, "text")


def is_queued(event: Mapping[str, Any]) -> bool:
    """Whether this is the answer to `resume_turn` of a turn that has not begun: where it goes on is
    said when it begins."""
    data = mapping(event, "data")
    waits = data.get("status") == "queued" and "begin" not in data
    return event.get("type") == "immediate_response" and waits


def waits_behind(event: Mapping[str, Any]) -> str:
    """What an accepted message waits for, when a turn before it waits for a person; else ""."""
    data = mapping(event, "data")
    behind, what = count(data, "queued"), _WAITED_FOR.get(string(data, "waitingFor"))
    if event.get("type") != "immediate_response" or not behind or what is None:
        return ""
    turns = "a turn that" if behind == 1 else f"{behind} turns, the first of which"
    return f"Waits behind {turns} waits for {what}."


def error_of(event: Mapping[str, Any]) -> tuple[str, str]:
    """The code and the text of an `error` event, and when to come back if it says so."""
    data = mapping(event, "data")
    error = mapping(data, "error") or mapping(event, "error")
    message = one_line(string(error, "message")) or "The server gave no reason."
    if isinstance(after := mapping(data, "details").get("retryAfter"), _SECONDS):
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


def _tools(raw: Mapping[str, Any]) -> Sequence[TurnEvent]:
    said: list[TurnEvent] = []
    if call := mapping(raw, "toolCall"):
        said.append(ToolCalled(visible(string(call, "name")), _compact(call.get("arguments"))))
    if result := mapping(raw, "toolResult"):
        name, failed = visible(string(result, "name")), result.get("isError") is True
        said.append(ToolAnswered(name, failed, _compact(result.get("result"))))
    return said


def _finished(data: Mapping[str, Any]) -> Finished:
    response, usage = mapping(data, "response"), mapping(data, "usage")
    suggested = map(one_line, strings(response, "suggestedNextActions"))
    return Finished(
        text=clean("".join(strings(response, "responseParts"))),
        message_id=string(data, "messageId"),
        suggestions=list(filter(None, suggested))[:MAX_SUGGESTIONS],
        prompt_tokens=count(usage, "promptTokens"),
        completion_tokens=count(usage, "completionTokens"),
        cost_usd=float(cost) if isinstance(cost := usage.get("costUsd"), _SECONDS) else None,
        sources=sources(data),
        files=sent_files(data),
    )


def _compact(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "" if value is None else visible(text)
