"""What a model or a user sent, read into a shape: bounded, clean, and refused in our own words."""

import json
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar

import pydantic
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from shared.interactions.port import MAX_SPEC_BYTES, Raised
from shared.interactions.schemas import MAX_REASON
from shared.protocol.faults import Fault, faults
from shared.tools.arguments import refusal

MAX_BYTES = 64 * 1024
"""JSON of arguments or of values; no valid ones are as large."""

NOT_JSON = "not_json"
"""The kind of fault of what is not even looked at."""

_MAX_STEP = 64


class Shape(BaseModel):
    """What is read. Its texts lose the white space around them, and none may be blank."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        str_strip_whitespace=True,
        str_min_length=1,
    )


S = TypeVar("S", bound=Shape)
T = TypeVar("T")


def _one_line(value: str) -> str:
    if any(unicodedata.category(character) == "Cc" for character in value):
        raise ValueError("may not have line breaks or other control characters; write one line")
    return value


def blank(value: Any) -> bool:
    """Whether it says as little as a field that is not there."""
    return value is None or (isinstance(value, str) and not value.strip())


ONE_LINE = AfterValidator(_one_line)
OMITTED = BeforeValidator(lambda value: None if blank(value) else value)
"""For optional texts: a blank one is none."""


_Reason = Annotated[str, Field(max_length=MAX_REASON), ONE_LINE]


class Asked(Shape):
    """The arguments of a tool that asks. A kind adds the fields of its spec."""

    reason: Annotated[_Reason | None, OMITTED] = None


def entries(least: int, most: int) -> BeforeValidator:
    """A list has so many entries."""

    def check(value: Any) -> Any:
        if isinstance(value, list) and not least <= len(value) <= most:
            raise ValueError(f"must have {least} to {most} entries")
        return value

    return BeforeValidator(check)


def each_once(field: str, name: Callable[[Any], str]) -> AfterValidator:
    """No two entries of a list have the same text in this field."""

    def check(value: list[T]) -> list[T]:
        for text, times in Counter(map(name, value)).items():
            if times > 1:
                raise ValueError(f'has the {field} "{text}" more than once; make each different')
        return value

    return AfterValidator(check)


def read(shape: type[S], value: Any) -> S | list[Fault]:
    """The value in this shape, or else all that is wrong with it."""
    size = _json_bytes(value)
    if size is None or size > MAX_BYTES:
        limit = f"{MAX_BYTES // 1024} KB"
        return [Fault((), f"must be JSON of whole characters, and of at most {limit}", NOT_JSON)]
    try:
        return shape.model_validate(value)
    except pydantic.ValidationError as error:
        return [
            Fault(tuple(map(_step, each.path)), each.reason, each.kind) for each in faults(error)
        ]


def read_arguments(shape: type[S], arguments: Mapping[str, Any]) -> S:
    """A model's arguments in this shape.

    Raises:
        InvalidArguments: they do not fit.
    """
    found = read(shape, dict(arguments))
    if isinstance(found, list):
        raise refusal(found)
    return found


def raised_of(asked: Asked) -> Raised:
    """What was asked, as it is shown: all fields but the reason are the spec.

    Raises:
        InvalidArguments: it is too large.
    """
    spec = asked.model_dump(by_alias=True, exclude_none=True, exclude={"reason"})
    if (_json_bytes(spec) or 0) > MAX_SPEC_BYTES:
        reason = f"may have at most {MAX_SPEC_BYTES // 1024} KB of JSON; shorten it"
        raise refusal(Fault((part,), reason) for part in spec)
    return Raised(spec=spec, reason=asked.reason or "")


def _json_bytes(value: Any) -> int | None:
    """How large it is as JSON; None if it is not JSON: half a surrogate pair has no UTF-8."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return len(text.encode())
    except (TypeError, ValueError, RecursionError):
        return None


def _step(step: str | int) -> str | int:
    """A step of a path, which may be whatever somebody took for the name of a field."""
    fits = isinstance(step, int) or (len(step) <= _MAX_STEP and step.isprintable())
    return step if fits else "…"
