"""Server events, in the exact shapes of the smooth-operator protocol.

The published client drops, without a word, every frame that has one key too many, so nothing
may be added here. What is not in the protocol goes where it allows anything: the `data` of
`immediate_response`, the `details` of `error`, `rawResponse` of a `stream_chunk`.

Most events say the same thing twice, at the top and in `data`, for clients that look at one of
the two. `at` is the time in milliseconds.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from shared.errors import ParleyError

Event = dict[str, Any]
Entry = TypeVar("Entry", bound=Mapping[str, Any])

MAX_EVENT_BYTES = 128 * 1024
"""API Gateway's limit for one message to a client."""

ACCEPTED = 202
FINAL = 200
CLOSED_BY_CLIENT = 499
RESTART = "restart"
"""The node of a chunk that takes text back."""

STATE_KEYS = frozenset(
    {"rawResponse", "structuredResponse", "pendingWriteConfirmation", "pendingOtpVerification"}
)
_NANO = 10**9


def immediate_response(
    request_id: str | None,
    status: int,
    *,
    at: int,
    data: Mapping[str, Any] | None = None,
    message: str | None = None,
) -> Event:
    """The answer to a frame: 200 when that is all, 202 when a stream follows.

    `replies.py` has the `data` of the actions that the protocol fixes.
    """
    event: Event = {"type": "immediate_response", **_echo(request_id), "status": status}
    if message is not None:
        event["message"] = message
    return {**event, "data": dict(data or {}), "timestamp": at}


def stream_token(request_id: str, token: str, *, at: int) -> Event:
    """A piece of the answer. Only what all pieces make together means anything."""
    return _piece("stream_token", request_id, token, at)


def stream_reasoning(request_id: str, token: str, *, at: int) -> Event:
    """A piece of what the model thinks; no part of the answer."""
    return _piece("stream_reasoning", request_id, token, at)


def stream_chunk(request_id: str, node: str, state: Mapping[str, Any], *, at: int) -> Event:
    """What a step of the turn did.

    Raises:
        ValueError: the state has a key that the protocol does not know.
    """
    if unknown := state.keys() - STATE_KEYS:
        raise ValueError(f"a stream_chunk has no state {sorted(unknown)}")
    return {
        "type": "stream_chunk",
        "requestId": request_id,
        "node": node,
        "data": {"requestId": request_id, "node": node, "state": dict(state)},
        "timestamp": at,
    }


def truncated(request_id: str, kept: int, *, at: int) -> Event:
    """The first `kept` code points of the answer still stand; what follows is said anew. Only for
    clients that list `stream_truncate` in `supports`."""
    return stream_chunk(request_id, RESTART, {"rawResponse": {"truncate": kept}}, at=at)


def usage(prompt_tokens: int, completion_tokens: int, cost_nano_usd: int | None) -> Event:
    """The usage of a turn; without `costUsd` when no price is known."""
    counted: Event = {"promptTokens": prompt_tokens, "completionTokens": completion_tokens}
    if cost_nano_usd is not None:
        counted["costUsd"] = cost_nano_usd / _NANO
    return counted


def eventual_response(
    request_id: str,
    *,
    message_id: str,
    text: str,
    at: int,
    usage: Mapping[str, Any] | None = None,
    citations: Sequence[Mapping[str, Any]] = (),
    suggestions: Sequence[str] = (),
    directive: Mapping[str, Any] | None = None,
    escalation: str | None = None,
) -> Event:
    """The end of a turn that has an answer; the answer is whole, whatever was streamed.
    `escalation`: why a person should take over.

    Of the protocol's GeneralAgentResponse only the parts and the suggestions mean anything; the
    rest is required, and says nothing.
    """
    inner: Event = {
        "messageId": message_id,
        "response": {
            "responseParts": [text] if text else [],
            "customerHappinessScore": 0.5,
            "needsSatisfactionScore": 0.5,
            "requestSummary": "",
            "resolutionStatus": "in_progress",
            "suggestedNextActions": list(suggestions),
        },
        "needsEscalation": escalation is not None,
    }
    if escalation is not None:
        inner["escalationReason"] = escalation
    if usage is not None:
        inner["usage"] = dict(usage)
    if citations:
        inner["citations"] = [dict(citation) for citation in citations]
    if directive is not None:
        inner["directive"] = dict(directive)
    return {
        "type": "eventual_response",
        "requestId": request_id,
        "status": FINAL,
        "data": {"requestId": request_id, "status": FINAL, "data": inner},
        "timestamp": at,
    }


def cancelled(request_id: str, *, at: int) -> Event:
    """The end of a turn that somebody stopped; the id is the turn's, not the stop's."""
    return {
        "type": "cancelled",
        "requestId": request_id,
        "status": CLOSED_BY_CLIENT,
        "data": {"requestId": request_id, "status": CLOSED_BY_CLIENT},
        "timestamp": at,
    }


def error(
    request_id: str | None,
    code: str,
    message: str,
    *,
    at: int,
    details: Mapping[str, Any] | None = None,
) -> Event:
    """A refused frame, or the end of a turn that failed. Clients see `message` as it is."""
    data: Event = {**_echo(request_id), "error": {"code": code, "message": message}}
    if details:
        data["details"] = dict(details)
    return {
        "type": "error",
        **_echo(request_id),
        "error": {"code": code, "message": message},
        "data": data,
        "timestamp": at,
    }


def error_of(fault: ParleyError, request_id: str | None, *, at: int) -> Event:
    """The `error` event that tells a client about one of our errors."""
    return error(request_id, fault.error_code, fault.message, details=fault.details, at=at)


def pong(request_id: str | None, *, at: int) -> Event:
    return {"type": "pong", **_echo(request_id), "timestamp": at, "data": {"timestamp": at}}


def keepalive(request_id: str, *, at: int) -> Event:
    """Tells the client of a long turn that somebody is still working on it."""
    return {
        "type": "keepalive",
        "requestId": request_id,
        "data": {"requestId": request_id},
        "timestamp": at,
    }


def encode(event: Mapping[str, Any]) -> bytes:
    """The event as it goes over the wire.

    Raises:
        ValueError: more than 128 KB, or something that JSON or UTF-8 does not have.
    """
    text = json.dumps(event, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    data = text.encode()
    if len(data) > MAX_EVENT_BYTES:
        raise ValueError(f"an event may have {MAX_EVENT_BYTES} bytes; this one has {len(data)}")
    return data


def shortened(text: str, limit: int) -> str:
    """The text, or as much of it as takes `limit` bytes in JSON, and an ellipsis."""
    if _json_bytes(text) <= limit:
        return text
    low, high = 0, min(len(text), limit)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _json_bytes(text[:middle]) <= limit - 3 else (low, middle - 1)
    return text[:low] + "…"


def within(entries: Sequence[Entry], limit: int) -> tuple[Entry, ...]:
    """The first of the entries, as many as take `limit` bytes in JSON together."""
    kept: list[Entry] = []
    for entry in entries:
        limit -= json_bytes(entry)
        if limit < 0:
            break
        kept.append(entry)
    return tuple(kept)


def json_bytes(value: Any) -> int:
    """What it takes in an event."""
    return len(json.dumps(value, ensure_ascii=False).encode())


def _json_bytes(text: str) -> int:
    return json_bytes(text) - 2


def _piece(kind: str, request_id: str, token: str, at: int) -> Event:
    return {
        "type": kind,
        "requestId": request_id,
        "token": token,
        "data": {"requestId": request_id, "token": token},
        "timestamp": at,
    }


def _echo(request_id: str | None) -> Event:
    return {} if request_id is None else {"requestId": request_id}
