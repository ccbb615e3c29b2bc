"""From the body of a WebSocket event to a frame."""

from collections.abc import Callable
from typing import Any, TypeVar, get_args

import pydantic

from shared.protocol import fields
from shared.protocol.faults import Fault, faults
from shared.protocol.frames import (
    BaseFrame,
    Frame,
    FrameError,
    invalid,
    no_such_conversation,
    no_such_session,
)
from shared.protocol.json_text import NotJson, read_object

MAX_BYTES = 128 * 1024
"""API Gateway's limit for one message. A single WebSocket frame of it may have 32 KB."""

_ACTIONS: dict[str, type[Frame]] = {model.action: model for model in get_args(Frame)}
_NOWHERE: dict[str, Callable[[str | None], FrameError]] = {
    fields.NOT_A_SESSION: no_such_session,
    fields.NOT_A_CONVERSATION: no_such_conversation,
}
"""The answers to ids that nothing can have."""

_Model = TypeVar("_Model", bound=BaseFrame)


def parse(body: str | None, is_base64: bool = False) -> Frame:
    """The frame that a client sent.

    Raises:
        FrameError: VALIDATION_ERROR, UNSUPPORTED_ACTION, or SESSION_NOT_FOUND or
            CONVERSATION_NOT_FOUND for an id that none can have. Everything else in the frame is
            checked before that.
    """
    raw = _decoded(body, is_base64)
    request_id = _request_id(raw.get("requestId"))
    action = raw.get("action")
    model = _ACTIONS.get(action) if isinstance(action, str) else None
    if model is None:
        raise FrameError(
            f'The frame\'s "action" must be one of {", ".join(_ACTIONS)}.',
            code="UNSUPPORTED_ACTION",
            request_id=request_id,
        )
    try:
        return _checked(model, raw, request_id if model.echoes else None)
    except FrameError as fault:
        session = raw.get("sessionId")
        if model.answers and isinstance(session, str):
            fault.answered = fields.any_session_id(session)
        raise


def _checked(model: type[_Model], raw: dict[str, Any], request_id: str | None) -> _Model:
    later = dict.fromkeys(model.later, "is not supported yet; leave it out")
    for name, reason in {**later, **model.elsewhere}.items():
        if raw.get(name) not in (None, [], {}):
            raise invalid(Fault((name,), reason), request_id)
    try:
        return model.model_validate(raw, by_alias=True, by_name=False)
    except pydantic.ValidationError as error:
        found = faults(error)
    for fault in found:
        if fault.kind not in _NOWHERE:
            raise invalid(fault, request_id)
    raise _NOWHERE[found[0].kind](request_id)


def _request_id(value: Any) -> str | None:
    try:
        return fields.checked_request_id(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _decoded(body: str | None, is_base64: bool) -> dict[str, Any]:
    if is_base64:
        raise FrameError("Binary frames are not supported. Send JSON as a text frame.")
    if body is not None and len(body) > MAX_BYTES:
        raise FrameError(f"The frame is too large. Send at most {MAX_BYTES} bytes.")
    try:
        return read_object(body or "")
    except NotJson as fault:
        raise FrameError(f"The frame {fault}") from None
