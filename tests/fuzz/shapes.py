"""The events that a client may get, to the letter: each has these fields and no other."""

import re
from collections.abc import Callable, Mapping
from typing import Any

Shape = Any
"""A type, a value, a predicate, a list of one shape, or fields; `name?` may be left out."""

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00")
_CODE = re.compile(r"[A-Z][A-Z_]+")
FOREIGN = re.compile(
    r"Traceback|pydantic|Exception|[a-z]Error\b|input_value|site-packages|\.py\b|<class"
    r"|object at 0x|sqlite|/shared/|/functions/|NoneType"
)
"""What no sentence of ours has in it."""


def uuid(value: Any) -> bool:
    return isinstance(value, str) and bool(_ID.fullmatch(value))


def time(value: Any) -> bool:
    return isinstance(value, str) and bool(_TIME.fullmatch(value))


def code(value: Any) -> bool:
    return isinstance(value, str) and bool(_CODE.fullmatch(value))


def sentence(value: Any) -> bool:
    return isinstance(value, str) and value.endswith(".") and len(value) < 300


def waits(value: Any) -> bool:
    return value in ("approval", "input")


def page(value: Any) -> bool:
    return value is None or (isinstance(value, str) and bool(value))


_ANSWERED = {
    "sessionId": uuid,
    "conversationId": uuid,
    "agentId": uuid,
    "agentName": str,
    "userParticipantId": uuid,
    "agentParticipantId": uuid,
}
_MESSAGE = {
    "id": str,
    "direction": lambda value: value in ("inbound", "outbound"),
    "content": {"text": str},
    "createdAt": time,
}
_PENDING: Shape = {
    "approvalId": str,
    "toolId": str,
    "arguments": dict,
    "expiresAt": lambda value: value is None or time(value),
    "mayDecide": bool,
    "roles?": [str],
}
_LISTED = {"conversationId": uuid, "title": str, "updatedAt": time, "messageCount": int}
DATA: tuple[Shape, ...] = (
    {},
    {"duplicate": True},
    {"duplicate": True, "waitingFor": waits},
    {"queued": int, "waitingFor": waits},
    _ANSWERED,
    {**_ANSWERED, "threadId": uuid, "status": "active"},
    {"messages": [_MESSAGE], "nextCursor": page, "hasMore": bool},
    {"conversations": [_LISTED], "nextCursor": page, "hasMore": bool},
    {"conversationId": uuid, "title": str},
    {
        "requestId": str,
        "sessionId": uuid,
        "status": str,
        "begin": int,
        "text": str,
        "prompt?": lambda value: not complaint_of_prompt(value),
    },
    {"requestId": str, "sessionId": uuid, "status": "queued", "text": "", "queued": int},
    {"sessionId": uuid, "approvalId": str, "approved": bool},
    {"sessionId": uuid, "interactionId": str, "kind": str, "values": dict},
    {"sessionId": uuid, "interactionId": str, "kind": str, "declined": True},
)
"""What `immediate_response` may say."""


def answer(value: Any) -> bool:
    return any(not wrong(value, shape) for shape in DATA)


_CALL = {"toolCall": {"id": str, "name": str, "arguments": str}}
_RESULT = {"toolResult": {"id": str, "name": str, "isError": bool, "result": str}}
STATES: tuple[Shape, ...] = (
    {"rawResponse": {"truncate": int}},
    {"rawResponse": _CALL},
    {"rawResponse": _CALL, "pendingWriteConfirmation": _PENDING},
    {"rawResponse": _RESULT},
)
"""What `stream_chunk` may say."""


def state(value: Any) -> bool:
    return any(not wrong(value, shape) for shape in STATES)


_ERROR = {"code": code, "message": sentence}
_PIECE = {
    "requestId": str,
    "token": str,
    "data": {"requestId": str, "token": str},
    "timestamp": int,
}
_REPLY = {
    "responseParts": [str],
    "customerHappinessScore": 0.5,
    "needsSatisfactionScore": 0.5,
    "requestSummary": "",
    "resolutionStatus": "in_progress",
    "suggestedNextActions": [str],
}
_USAGE = {"promptTokens": int, "completionTokens": int, "costUsd?": float}
_END = {"messageId": str, "response": _REPLY, "needsEscalation": False, "usage?": _USAGE}


def _about(data: Shape) -> Shape:
    return {"requestId": str, "data": {"requestId": str, "data": data}, "timestamp": int}


_OTP = {"error": code, "attemptsRemaining": int, "message": sentence}
_SENT = {"channel": "email", "maskedDestination": str}
_ASKED = {"toolId": str, "actionDescription": str}
_OFFERED = {**_ASKED, "availableChannels": [str], "authLevel": "end_user"}
_FORM = {"interactionId": str, "kind": str, "spec": dict, "reason": str}
_FAULT = {"field": str, "message": str}
_INVALID = {"interactionId": str, "kind": str, "errors": [_FAULT], "message": sentence}
EVENTS: Mapping[str, Shape] = {
    "immediate_response": {
        "requestId?": str,
        "status": lambda value: value in (200, 202),
        "message?": str,
        "data": answer,
        "timestamp": int,
    },
    "stream_token": _PIECE,
    "stream_reasoning": _PIECE,
    "stream_chunk": {
        "requestId": str,
        "node": str,
        "data": {"requestId": str, "node": str, "state": state},
        "timestamp": int,
    },
    "write_confirmation_required": _about(_ASKED),
    "interaction_required": _about(_FORM),
    "interaction_invalid": _about(_INVALID),
    "otp_verification_required": _about(_OFFERED),
    "otp_sent": _about(_SENT),
    "otp_verified": _about({"message": sentence}),
    "otp_invalid": _about(_OTP),
    "eventual_response": {
        "requestId": str,
        "status": 200,
        "data": {"requestId": str, "status": 200, "data": _END},
        "timestamp": int,
    },
    "cancelled": {
        "requestId": str,
        "status": 499,
        "data": {"requestId": str, "status": 499},
        "timestamp": int,
    },
    "error": {
        "requestId?": str,
        "error": _ERROR,
        "data": {"requestId?": str, "error": _ERROR, "details?": dict},
        "timestamp": int,
    },
    "pong": {"requestId?": str, "timestamp": int, "data": {"timestamp": int}},
    "keepalive": {"requestId": str, "data": {"requestId": str}, "timestamp": int},
}


_RESUMED: Mapping[str, Shape] = {
    "write_confirmation_required": {"pendingWriteConfirmation": _PENDING},
    "interaction_required": {"expiresAt": time},
    "otp_verification_required": {"expiresAt": time, "sent": _SENT},
}
"""What an event that asks has beside it for who comes back."""


def complaint_of_prompt(value: Mapping[str, Any]) -> str:
    """What is wrong with the event that asks, as who comes back is told it."""
    kind = str(value.get("type"))
    if kind not in _RESUMED:
        return f"{kind!r} asks nothing"
    told = {key: each for key, each in value.items() if key != "type"}
    return wrong(told, {**EVENTS[kind], **_RESUMED[kind]})


def complaint(event: Mapping[str, Any]) -> str:
    """What is wrong with an event; empty if nothing is."""
    kind = str(event.get("type"))
    if kind not in EVENTS:
        return f"there is no event {kind!r}"
    found = wrong({key: value for key, value in event.items() if key != "type"}, EVENTS[kind])
    if kind == "error" and not found and FOREIGN.search(event["error"]["message"]):
        return f"raw words: {event['error']['message']}"
    return found


def wrong(value: Any, shape: Shape, where: str = "") -> str:
    match shape:
        case dict():
            return _fields(value, shape, where)
        case list():
            if not isinstance(value, list):
                return f"{where}: no list"
            return next((found for each in value if (found := wrong(each, shape[0], where))), "")
        case type():
            fits = isinstance(value, shape) and (shape is bool or not isinstance(value, bool))
            return "" if fits else f"{where}: {value!r} is no {shape.__name__}"
        case Callable():
            return "" if shape(value) else f"{where}: {value!r}"
    same = type(value) is type(shape) and value == shape
    return "" if same else f"{where}: {value!r} is not {shape!r}"


def _fields(value: Any, shape: Mapping[str, Shape], where: str) -> str:
    if not isinstance(value, dict):
        return f"{where}: no object"
    names = {name.removesuffix("?") for name in shape}
    required = {name for name in shape if not name.endswith("?")}
    if value.keys() - names or required - value.keys():
        return f"{where}: has {sorted(value)}"
    for name, inner in shape.items():
        plain = name.removesuffix("?")
        if plain in value and (found := wrong(value[plain], inner, f"{where}.{plain}")):
            return found
    return ""


def outline(value: Any) -> str:
    """What is alike in events that differ only in their words."""
    match value:
        case dict():
            inner = ",".join(f"{name}:{outline(value[name])}" for name in sorted(value))
            return f"{{{inner}}}"
        case list():
            return f"[{'|'.join(sorted({outline(each) for each in value}))}]"
        case str():
            return "text" if value else "empty"
    return type(value).__name__
