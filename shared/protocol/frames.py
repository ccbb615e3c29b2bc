"""Client frames: from the body of a WebSocket event to one checked, frozen value.

The shapes are the actions of the smooth-operator protocol. Its schemas forbid unknown fields,
its servers ignore them, and so does this. What a later release brings is refused by name:
answering as if it had not been asked for would look like an answer to it.
"""

from typing import Any, ClassVar, TypeVar

import pydantic
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from shared.errors import ValidationError
from shared.protocol import fields
from shared.protocol.faults import Fault, faults
from shared.protocol.json_text import NotJson, read_object

MAX_BYTES = 128 * 1024
"""API Gateway's limit for one message. A single WebSocket frame of it may have 32 KB."""


class FrameError(ValidationError):
    """The frame is not valid.

    `request_id` is the frame's own, if it had a valid one, for the `error` event.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        request_id: str | None = None,
        field: str | None = None,
    ) -> None:
        super().__init__(message, code=code, details={"field": field} if field else None)
        self.request_id = request_id


def no_such_session(request_id: str | None = None) -> FrameError:
    """The one answer for a session that does not exist and for one that is not the caller's."""
    return FrameError(
        "There is no such session. Create one with create_conversation_session.",
        code="SESSION_NOT_FOUND",
        request_id=request_id,
    )


class _Frame(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        hide_input_in_errors=True,
    )
    action: ClassVar[str]
    later: ClassVar[tuple[str, ...]] = ()

    request_id: fields.RequestId | None = None


class CreateConversationSession(_Frame):
    """Begin a conversation, or come back to one.

    `conversation_id` is None also when the client sent one that cannot exist: resuming an
    unknown conversation means a fresh one, without a word. `supports` is None when it was not
    sent (a resumed conversation keeps what it had); a list, an empty one too, replaces it.
    """

    action: ClassVar[str] = "create_conversation_session"
    later: ClassVar[tuple[str, ...]] = ("authContext", "dynamicVariables", "dynamic_variables")

    agent_id: fields.AgentId | None = None
    conversation_id: fields.ConversationId = None
    user_name: fields.UserName = fields.DEFAULT_USER_NAME
    user_email: fields.Email = None
    supports: tuple[fields.Capability, ...] | None = Field(None, max_length=32)
    metadata: fields.Metadata = Field(default_factory=dict)
    browser_fingerprint: fields.Fingerprint | None = None

    def agent(self, default: str | None) -> str:
        """The agent that the frame names, or else the connection's.

        Raises:
            FrameError: neither names one.
        """
        chosen = self.agent_id or default
        if chosen is None:
            raise _invalid(Fault(("agentId",), "is missing; name an agent"), self.request_id)
        return chosen


class SendMessage(_Frame):
    """One user message. The published servers require the `request_id`, and so does this: it
    makes the message idempotent."""

    action: ClassVar[str] = "send_message"
    later: ClassVar[tuple[str, ...]] = (
        "skill",
        "model",
        "images",
        "files",
        "dynamicVariables",
        "dynamic_variables",
    )

    request_id: fields.RequestId
    session_id: fields.SessionId
    message: fields.Message
    stream: fields.Stream = True


class GetSession(_Frame):
    action: ClassVar[str] = "get_session"

    session_id: fields.SessionId


class GetConversationMessages(_Frame):
    """A page of messages, the newest first. `before` is what older clients call `cursor`."""

    action: ClassVar[str] = "get_conversation_messages"

    session_id: fields.SessionId
    limit: fields.Limit = 50
    cursor: fields.Cursor | None = None
    before: fields.Cursor | None = None

    @property
    def older_than(self) -> str | None:
        """The cursor of the page before this one; None for the first page."""
        return self.cursor or self.before or None


class Ping(_Frame):
    action: ClassVar[str] = "ping"


Frame = CreateConversationSession | SendMessage | GetSession | GetConversationMessages | Ping

_ACTIONS: dict[str, type[Frame]] = {
    model.action: model
    for model in (CreateConversationSession, SendMessage, GetSession, GetConversationMessages, Ping)
}
_Model = TypeVar("_Model", bound=_Frame)


def parse(body: str | None, is_base64: bool = False) -> Frame:
    """The frame that a client sent.

    Raises:
        FrameError: VALIDATION_ERROR, UNSUPPORTED_ACTION, or SESSION_NOT_FOUND for a session id
            that no session can have. Everything else in the frame is checked before that.
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
    return _checked(model, raw, request_id)


def _checked(model: type[_Model], raw: dict[str, Any], request_id: str | None) -> _Model:
    for name in model.later:
        if raw.get(name) not in (None, [], {}):
            raise _invalid(Fault((name,), "is not supported yet; leave it out"), request_id)
    try:
        return model.model_validate(raw, by_alias=True, by_name=False)
    except pydantic.ValidationError as error:
        found = faults(error)
    for fault in found:
        if fault.kind != fields.NOT_A_SESSION:
            raise _invalid(fault, request_id)
    raise no_such_session(request_id)


def _invalid(fault: Fault, request_id: str | None) -> FrameError:
    return FrameError(f"The frame's {fault}", request_id=request_id, field=fault.field)


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
