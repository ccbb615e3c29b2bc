"""Models of what people write by hand, in YAML or as JSON in a backend.

They say what was meant where a name is misspelt, and what an object looks like where there is
none.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, model_validator

from shared.protocol.faults import Inside, unknown

MAX_DEPTH = 64
"""How deep lists and objects may be nested in what stands for itself, such as a JSON schema."""

MAX_NUMBER = 2**64
"""Of whole numbers in such: they are written out, and Python refuses to write out much larger."""


class Written(BaseModel):
    """An object with just the fields of the model; `example` shows one. `elsewhere` are fields that
    may be written too, and that somebody else has taken out by then."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    example: ClassVar[str]
    elsewhere: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def names(cls) -> list[str]:
        """The fields, as people write them."""
        return [field.alias or name for name, field in cls.model_fields.items()]

    @model_validator(mode="before")
    @classmethod
    def _known(cls, values: Any) -> Any:
        if isinstance(values, cls):
            return values
        if not isinstance(values, Mapping):
            raise ValueError(f"must be an object such as {cls.example}")  # noqa: TRY004 - one kind of error
        names = cls.names()
        for name in values:
            if name not in names:
                raise Inside((str(name),), unknown(str(name), [*names, *cls.elsewhere]))
        return values


def plain_json(value: Any) -> None:
    """Whether the value can be written as JSON.

    Raises:
        Inside: it has something in it that JSON does not have.
    """
    _check(value, ())


def _check(value: Any, path: tuple[str | int, ...]) -> None:
    if len(path) > MAX_DEPTH:
        raise Inside(path[:1], f"may be nested at most {MAX_DEPTH} levels deep; make it flatter")
    if isinstance(value, Mapping):
        for name, each in value.items():
            if reason := _no_text(name):
                raise Inside(path, reason)
            _check(each, (*path, name))
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            _check(each, (*path, index))
    elif isinstance(value, int | float):
        # Of what is no number at all (.nan), too, it is false that it is small.
        if not abs(value) <= MAX_NUMBER:
            raise Inside(path, "must be a number that is not that large")
    elif value is not None and (reason := _no_text(value)):
        raise Inside(path, reason)


def _no_text(value: Any) -> str | None:
    """Why the value is no text that can be written; None if it is one."""
    if not isinstance(value, str):
        return "must be a text or a number; put dates in quotes"
    try:
        value.encode()
    except UnicodeEncodeError:
        return "has half of a surrogate pair in it; write whole characters"
    return None
