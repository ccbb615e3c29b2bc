"""The types of the fields of client frames. Their errors are sentences for the client."""

import json
import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, StrictInt
from pydantic_core import PydanticCustomError

from shared.protocol.names import MAX_ID
from shared.protocol.variables import checked_variables

MAX_MESSAGE_CHARACTERS = 10_000
MAX_REQUEST_ID_BYTES = 128
MAX_METADATA_BYTES = 4096
MAX_TOKEN_CHARACTERS = 8192
MAX_TIMESTAMP = 10**11
"""Seconds; far beyond any clock."""

MAX_PAGE = 100
MAX_RECEIVED = 10**9
MAX_CONVERSATIONS = 200
"""Conversations in one page; a client that asks for more gets as many."""

MAX_QUERY_CHARACTERS = 200
MAX_PROMPT_ID = 2048
MAX_NOTE = 1000
"""Characters of what somebody notes with a decision."""

MAX_VALUES_BYTES = 16 * 1024
MAX_TITLE_CHARACTERS = 1000
"""What a client may send as a title, before it is cleaned and cut."""

DEFAULT_USER_NAME = "Visitor"
NOT_A_SESSION = "session_not_found"
"""The kind of fault of a session id that no session can have."""

NOT_A_CONVERSATION = "conversation_not_found"
"""The same for the id of a conversation."""

NO_SESSION = "none"
"""Stands for a session id that no session can have, where that is nothing to complain about."""

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_SKILL = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.IGNORECASE | re.ASCII)
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}")


def checked_request_id(value: str) -> str:
    """The value, which must be fit to be echoed, logged and part of a key."""
    size = len(value.encode())
    if not 1 <= size <= MAX_REQUEST_ID_BYTES or not value.isprintable() or value.isspace():
        raise ValueError(f"must be 1 to {MAX_REQUEST_ID_BYTES} bytes of printable text")
    return value


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("may not be blank")
    return value


def _session_id(value: str) -> str:
    if not _UUID.fullmatch(_not_blank(value)):
        raise PydanticCustomError(NOT_A_SESSION, "no session has such an id")
    return value.lower()


def any_session_id(value: str) -> str:
    """The value, or what stands for one that no session can have."""
    return value.lower() if _UUID.fullmatch(value) else NO_SESSION


def _known_conversation_id(value: str) -> str:
    if not _UUID.fullmatch(_not_blank(value)):
        raise PydanticCustomError(NOT_A_CONVERSATION, "no conversation has such an id")
    return value.lower()


def _conversation_id(value: str | None) -> str | None:
    return value.lower() if value is not None and _UUID.fullmatch(value) else None


def _user_name(value: Any) -> Any:
    blank = value is None or (isinstance(value, str) and not value.strip())
    return DEFAULT_USER_NAME if blank else value


def _email(value: Any) -> str | None:
    fits = isinstance(value, str) and value.isprintable() and _EMAIL.fullmatch(value)
    return value if fits else None


def _up_to(limit: int) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def checked(value: dict[str, Any]) -> dict[str, Any]:
        if len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()) > limit:
            raise ValueError(f"may have at most {limit} bytes of JSON; shorten it")
        return value

    return checked


def clean_note(value: str) -> str:
    """The value, which must be fit to be shown to people."""
    if any(not (character.isprintable() or character in "\n\t") for character in value):
        raise ValueError("must be text without control characters")
    return value.strip()


def checked_skill(value: str) -> str:
    """The value, which must be fit to be the name of a skill."""
    if not _SKILL.fullmatch(value):
        raise ValueError("must be the name of a skill: 1 to 128 letters, digits, _ and -")
    return value


def _clamped(value: int) -> int:
    return min(value, MAX_CONVERSATIONS)


def _printable(value: str) -> str:
    if not value.isprintable():
        raise ValueError("must be printable text")
    return _not_blank(value)


def _hex_digest(value: str) -> str:
    if not _DIGEST.fullmatch(value):
        raise ValueError("must be 64 hexadecimal digits")
    return value


def _default(default: Any) -> BeforeValidator:
    """Null means the same as a field that is not there."""
    return BeforeValidator(lambda value: default if value is None else value)


RequestId = Annotated[str, AfterValidator(checked_request_id)]
SessionId = Annotated[str, AfterValidator(_session_id)]
AgentId = Annotated[str, Field(max_length=MAX_ID), AfterValidator(_not_blank)]
"""What no agent can have is, like what none has, the agents' own answer: there is no such agent."""

ConversationId = Annotated[str | None, AfterValidator(_conversation_id)]
UserName = Annotated[str, Field(max_length=200), BeforeValidator(_user_name)]
Email = Annotated[str | None, BeforeValidator(_email)]
Fingerprint = Annotated[str, Field(max_length=256)]
Capability = Annotated[str, Field(max_length=64)]
Metadata = Annotated[dict[str, Any], AfterValidator(_up_to(MAX_METADATA_BYTES)), _default({})]
Words = Annotated[str, Field(max_length=MAX_MESSAGE_CHARACTERS)]
"""What a message says; whether it may be blank, the frame says."""

Stream = Annotated[StrictBool, _default(True)]
Model = Annotated[str, Field(max_length=128), AfterValidator(_not_blank)]
Skill = Annotated[str, AfterValidator(checked_skill)]
Limit = Annotated[StrictInt, Field(ge=1, le=MAX_PAGE), _default(50)]
ListLimit = Annotated[StrictInt, Field(ge=1), AfterValidator(_clamped), _default(50)]
Received = Annotated[StrictInt, Field(ge=0, le=MAX_RECEIVED), _default(0)]
Query = Annotated[str, Field(max_length=MAX_QUERY_CHARACTERS)]
Title = Annotated[str, Field(max_length=MAX_TITLE_CHARACTERS), AfterValidator(_not_blank)]
AnySessionId = Annotated[str, AfterValidator(any_session_id)]
KnownConversationId = Annotated[str, AfterValidator(_known_conversation_id)]
Cursor = Annotated[str, Field(max_length=512)]
UserId = Annotated[str, Field(max_length=128), AfterValidator(_printable)]
Timestamp = Annotated[StrictInt, Field(ge=0, le=MAX_TIMESTAMP)]
Signature = Annotated[str, AfterValidator(_hex_digest)]
Token = Annotated[str, Field(min_length=1, max_length=MAX_TOKEN_CHARACTERS)]
PromptId = Annotated[str, Field(max_length=MAX_PROMPT_ID)]
"""What no prompt can have is, like what none has, the prompts' own answer."""

Note = Annotated[str, Field(max_length=MAX_NOTE), AfterValidator(clean_note), _default("")]
Kind = Annotated[str, Field(max_length=64)]
Values = Annotated[dict[str, Any], AfterValidator(_up_to(MAX_VALUES_BYTES))]
Declined = Annotated[StrictBool, _default(False)]
Variables = Annotated[dict[str, str], BeforeValidator(checked_variables)]
Code = Annotated[str, Field(max_length=64)]
Ticket = Annotated[str, Field(min_length=1, max_length=128)]
