"""What a backend's answers are taken for: one table of statuses, and strict readers of bodies.

An answer is `{"success": true, "data": …}` or `{"success": false, "error": {"code": …}}`, and a
list is `{"items": […], "total": …, "page": …, "page_size": …}`. Of all that the other side says,
only a status and the error's code come into the text of a fault.
"""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import pydantic
from pydantic import BaseModel, ConfigDict, Field, field_validator

from shared.backends.control_plane import (
    CredentialRefused,
    Malformed,
    NotThere,
    Refused,
    Unavailable,
)
from shared.protocol.json_text import NotJson, read_object

MAX_CALL_ID = 256

_LATER = frozenset({408, 425, 429})
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}", re.ASCII)


class _Shape(BaseModel):
    """Beside the fields that are known there may be others."""

    model_config = ConfigDict(extra="ignore", strict=True, hide_input_in_errors=True)


class Call(_Shape):
    """The answer to a call's beginning."""

    id: str = Field(min_length=1, max_length=MAX_CALL_ID, pattern=r"^[!-~]+$")

    @field_validator("id")
    @classmethod
    def _leads_on(cls, text: str) -> str:
        # It becomes a step of a path.
        if text in (".", ".."):
            raise ValueError
        return text


class Listed(_Shape):
    id: str


class Listing(_Shape):
    """A page of agents."""

    items: list[Listed]
    total: int = Field(ge=0)
    page: int = Field(ge=1)
    page_size: int = Field(ge=1)


class Found(_Shape):
    """A piece of a document."""

    id: str = Field(min_length=1, max_length=512)
    title: str = Field(max_length=1024)
    text: str
    url: str | None = Field(None, max_length=2048)
    score: float = Field(0.0, allow_inf_nan=False)
    metadata: Mapping[str, Any] = Field(default_factory=dict)


class FoundListing(_Shape):
    items: list[Found]


_Model = TypeVar("_Model", bound=_Shape)


def data_of(asked: str, status: int, body: bytes, *, retry_after: float | None = None) -> Any:
    """The `data` of an answer to what was `asked`, which names the route; None if it has none.

    Raises:
        NotThere: 404, said by the backend itself. A page of somebody in between, or of a server
            that knows no such route, does not count: what is not there is forgotten.
        Unavailable: 408, 425, 429 and 5xx.
        CredentialRefused: 401.
        Refused: another 4xx, or no success.
        Malformed: all the rest.
    """
    envelope = _envelope(body)
    failed = envelope is not None and envelope.get("success") is False
    told = f"{asked}: status {status}" + (_code(envelope) if envelope else "")
    if status in _LATER or status >= 500:
        raise Unavailable(told, retry_after=retry_after)
    if status == 404:
        raise NotThere(told) if failed else Malformed(f"{told}, not said by the backend itself")
    if status == 401:
        raise CredentialRefused(told)
    if status >= 400 or (failed and 200 <= status < 300):
        raise Refused(told)
    if status >= 300:
        raise Malformed(f"{told}, a redirect, which is not followed")
    if envelope is None:
        raise Malformed(f"{told}, no JSON object")
    if envelope.get("success") is not True:
        raise Malformed(f"{told}, without success")
    # Who only wrote something needs none; all others look at what there is.
    return envelope.get("data")


def shaped(asked: str, model: type[_Model], data: Any) -> _Model:
    """The data, if it is shaped so. Raises Malformed."""
    try:
        return model.model_validate(data)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    # Where it is wrong consists of names of ours and of numbers: others are not looked at.
    where = ".".join(str(step) for step in first["loc"]) or "data"
    raise Malformed(f"{asked}: the answer is not valid at {where}")


def mapping(asked: str, data: Any) -> Mapping[str, Any]:
    """The data, if it is an object. Raises Malformed."""
    if not isinstance(data, dict):
        raise Malformed(f"{asked}: the answer's data is no object")
    return data


def _envelope(body: bytes) -> dict[str, Any] | None:
    try:
        return read_object(body.decode())
    except (UnicodeDecodeError, NotJson):
        return None


def _code(envelope: Mapping[str, Any]) -> str:
    error = envelope.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    return f" ({code})" if isinstance(code, str) and _CODE.fullmatch(code) else ""
