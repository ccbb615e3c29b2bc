"""Client frames as checked, frozen values: one class for each action.

The shapes are the actions of the smooth-operator protocol. Its schemas forbid unknown fields,
its servers ignore them, and so does this. What a later release brings is refused by name:
answering as if it had not been asked for would look like an answer to it.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel

from shared.protocol import fields
from shared.protocol.attachments import Files, Images
from shared.protocol.faults import Fault
from shared.protocol.frame_errors import NO_CONVERSATION as NO_CONVERSATION
from shared.protocol.frame_errors import FrameError as FrameError
from shared.protocol.frame_errors import invalid as invalid
from shared.protocol.frame_errors import no_such_conversation as no_such_conversation
from shared.protocol.frame_errors import no_such_session as no_such_session
from shared.protocol.overrides import Overrides


class BaseFrame(BaseModel):
    """What all frames have. Refused by name are the fields that are for `later`, and those that
    belong `elsewhere`, with the reason. `echoes`: an error that tells of the frame carries its
    request id. `answers`: it answers what a turn asked, and its
    request id may be that turn's, which goes on whatever becomes of the frame."""

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
    elsewhere: ClassVar[Mapping[str, str]] = {}
    echoes: ClassVar[bool] = True
    answers: ClassVar[bool] = False

    request_id: fields.RequestId | None = None


OF_SESSION = ("dynamicVariables", "overrides")
"""What a client that knows nothing of it may send within its metadata."""


class AuthContext(BaseModel):
    """A backend vouches for a user. `timestamp` is in seconds; `signature` is an HMAC-SHA256 in
    hexadecimal of both, as `identity/contexts.py` says."""

    model_config = BaseFrame.model_config

    user_id: fields.UserId
    timestamp: fields.Timestamp
    signature: fields.Signature


class CreateConversationSession(BaseFrame):
    """Begin a conversation, or come back to one.

    `conversation_id` is None also when the client sent one that cannot exist: resuming an
    unknown conversation means a fresh one, without a word. `supports` is None when it was not
    sent (a resumed conversation keeps what it had); a list, an empty one too, replaces it. So it is
    with `dynamic_variables` and `overrides`, which clients that know nothing of them may send
    within `metadata`.
    """

    action: ClassVar[str] = "create_conversation_session"

    agent_id: fields.AgentId | None = None
    conversation_id: fields.ConversationId = None
    user_name: fields.UserName = fields.DEFAULT_USER_NAME
    user_email: fields.Email = None
    supports: tuple[fields.Capability, ...] | None = Field(None, max_length=32)
    metadata: fields.Metadata = Field(default_factory=dict)
    dynamic_variables: fields.Variables | None = None
    overrides: Overrides | None = None
    browser_fingerprint: fields.Fingerprint | None = None
    auth_context: AuthContext | None = None

    @model_validator(mode="before")
    @classmethod
    def _out_of_metadata(cls, frame: Any) -> Any:
        """What may stand in the metadata, where it stands otherwise; left, if it stands in both."""
        within = frame.get("metadata") if isinstance(frame, dict) else None
        if not isinstance(within, dict):
            return frame
        found = {n: within[n] for n in OF_SESSION if n in within and frame.get(n) is None}
        return {**frame, **found, "metadata": {n: within[n] for n in within if n not in found}}

    @field_validator("dynamic_variables", "overrides", mode="before")
    @classmethod
    def _in_one_place(cls, value: Any, info: ValidationInfo) -> Any:
        if info.data.get("metadata", {}).get(to_camel(info.field_name or "")) is not None:
            raise ValueError("stands in the metadata too; send it in one place")
        return value

    def agent(self, default: str | None) -> str:
        """The agent that the frame names, or else the connection's.

        Raises:
            FrameError: neither names one.
        """
        chosen = self.agent_id or default
        if chosen is None:
            raise invalid(Fault(("agentId",), "is missing; name an agent"), self.request_id)
        return chosen


class SendMessage(BaseFrame):
    """One user message. The published servers require the `request_id`, and so does this: it
    makes the message idempotent. Without `stream` its sender gets only the acceptance and the
    end; `model`, `skill` and `dynamic_variables` are of this turn alone, and the agent says which
    there are. With `images` or `files` the text may be empty."""

    action: ClassVar[str] = "send_message"
    later: ClassVar[tuple[str, ...]] = ("authContext",)
    elsewhere: ClassVar[Mapping[str, str]] = {
        "overrides": "is of the session; send it with create_conversation_session"
    }

    request_id: fields.RequestId
    session_id: fields.SessionId
    images: Images = ()
    files: Files = ()
    message: fields.Words
    stream: fields.Stream = True
    model: fields.Model | None = None
    skill: fields.Skill | None = None
    dynamic_variables: fields.Variables | None = None

    @field_validator("message")
    @classmethod
    def _says_something(cls, message: str, info: ValidationInfo) -> str:
        if not (message.strip() or info.data.get("images") or info.data.get("files")):
            raise ValueError("may not be blank")
        return message


class GetSession(BaseFrame):
    action: ClassVar[str] = "get_session"

    session_id: fields.SessionId


class GetConversationMessages(BaseFrame):
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


class ListConversations(BaseFrame):
    """A page of the caller's own conversations, the one that was used last first. A `query`
    keeps those that have it in their title or in their first message."""

    action: ClassVar[str] = "list_conversations"

    limit: fields.ListLimit = 50
    cursor: fields.Cursor | None = None
    query: fields.Query | None = None


class RenameConversation(BaseFrame):
    action: ClassVar[str] = "rename_conversation"

    conversation_id: fields.KnownConversationId
    title: fields.Title


class Cancel(BaseFrame):
    """Stop a turn: the one with this `request_id`, or else the one that the session's
    conversation is at, or else those that the connection's sessions are at.

    Nothing is said under its request id, which is the turn's: an error would look like its end.
    """

    action: ClassVar[str] = "cancel"
    echoes: ClassVar[bool] = False

    session_id: fields.AnySessionId | None = None


class ResumeTurn(BaseFrame):
    """Come back to a turn: the one with this `request_id`, or else the first of the session that
    has not ended. `received` is how many code points of its answer the client has. Ours: the
    published protocol has no such action.

    An error about it carries no request id, which is the turn's; but if there is no such turn, it
    does: then it ends nothing.
    """

    action: ClassVar[str] = "resume_turn"
    echoes: ClassVar[bool] = False

    session_id: fields.SessionId
    received: fields.Received = 0


class ConfirmToolAction(BaseFrame):
    """Approve or deny a call that waits for it: the one with this `approval_id`, or else the one
    that the session's conversation waits for. The published protocol has neither `approval_id` nor
    `note`."""

    action: ClassVar[str] = "confirm_tool_action"
    answers: ClassVar[bool] = True

    request_id: fields.RequestId
    session_id: fields.AnySessionId
    approved: StrictBool
    approval_id: fields.PromptId | None = None
    note: fields.Note = ""


class SubmitInteraction(BaseFrame):
    """What the user has filled in, or that they will not."""

    action: ClassVar[str] = "submit_interaction"
    answers: ClassVar[bool] = True

    request_id: fields.RequestId
    session_id: fields.AnySessionId
    interaction_id: fields.PromptId
    kind: fields.Kind | None = None
    values: fields.Values | None = None
    declined: fields.Declined = False

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if self.values is None and not self.declined:
            raise ValueError("needs values, or declined: true")
        return self


class VerifyOtp(BaseFrame):
    """The code that was sent to the user of the session."""

    action: ClassVar[str] = "verify_otp"
    answers: ClassVar[bool] = True

    request_id: fields.RequestId
    session_id: fields.AnySessionId
    code: fields.Code


class Ping(BaseFrame):
    action: ClassVar[str] = "ping"


class Authenticate(BaseFrame):
    """Go on with a new credential on the open connection: a signed token or a ticket, one of
    them. Ours: the published protocol has no such action."""

    action: ClassVar[str] = "authenticate"

    token: fields.Token | None = None
    ticket: fields.Ticket | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.token is None) == (self.ticket is None):
            raise ValueError("needs a token or a ticket, and only one of them")
        return self


Frame = (
    CreateConversationSession
    | SendMessage
    | GetSession
    | GetConversationMessages
    | ListConversations
    | RenameConversation
    | Cancel
    | ResumeTurn
    | ConfirmToolAction
    | SubmitInteraction
    | VerifyOtp
    | Ping
    | Authenticate
)
