"""The types of the fields of client frames. Their errors are sentences for the client."""

import json
import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, StrictInt
from pydantic_core import PydanticCustomError

MAX_MESSAGE_CHARACTERS = 10_000
MAX_REQUEST_ID_BYTES = 128
MAX_METADATA_BYTES = 4096
MAX_PAGE = 100
DEFAULT_USER_NAME = "Visitor"
NOT_A_SESSION = "session_not_found"
"""The kind of fault of a session id that no session can have."""

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
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


def _conversation_id(value: str | None) -> str | None:
    return value.lower() if value is not None and _UUID.fullmatch(value) else None


def _user_name(value: Any) -> Any:
    blank = value is None or (isinstance(value, str) and not value.strip())
    return DEFAULT_USER_NAME if blank else value


def _email(value: Any) -> str | None:
    fits = isinstance(value, str) and value.isprintable() and _EMAIL.fullmatch(value)
    return value if fits else None


def _small(value: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()) > (
        MAX_METADATA_BYTES
    ):
        raise ValueError(f"may have at most {MAX_METADATA_BYTES} bytes of JSON; shorten it")
    return value


def _streaming(value: bool) -> bool:
    if not value:
        raise ValueError("false is not supported yet; leave it out")
    return value


def _default(default: Any) -> BeforeValidator:
    """Null means the same as a field that is not there."""
    return BeforeValidator(lambda value: default if value is None else value)


RequestId = Annotated[str, AfterValidator(checked_request_id)]
SessionId = Annotated[str, AfterValidator(_session_id)]
AgentId = Annotated[str, Field(max_length=128), AfterValidator(_not_blank)]
ConversationId = Annotated[str | None, AfterValidator(_conversation_id)]
UserName = Annotated[str, Field(max_length=200), BeforeValidator(_user_name)]
Email = Annotated[str | None, BeforeValidator(_email)]
Fingerprint = Annotated[str, Field(max_length=256)]
Capability = Annotated[str, Field(max_length=64)]
Metadata = Annotated[dict[str, Any], AfterValidator(_small), _default({})]
Message = Annotated[str, Field(max_length=MAX_MESSAGE_CHARACTERS), AfterValidator(_not_blank)]
Stream = Annotated[StrictBool, AfterValidator(_streaming), _default(True)]
Limit = Annotated[StrictInt, Field(ge=1, le=MAX_PAGE), _default(50)]
Cursor = Annotated[str, Field(max_length=512)]
