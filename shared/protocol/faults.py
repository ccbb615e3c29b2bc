"""What pydantic found wrong, in our own words.

Pydantic's texts are for programmers: they quote the input and name Python types. Whoever
validates what came from outside (frames, settings, agent files) shows these sentences instead.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

_REASONS: Mapping[str, str] = {
    "missing": "is missing; add it",
    "extra_forbidden": "is not a known field; check its spelling or remove it",
    "string_type": "must be a text",
    "string_too_long": "may have at most {max_length} characters; shorten it",
    "string_too_short": "may not be empty",
    "string_unicode": "has half of a surrogate pair in it; write whole characters",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number that is not that large",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "decimal_type": "must be a number",
    "decimal_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "too_long": "may have at most {max_length} entries; remove some",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "json_invalid": "is not valid JSON",
}

_SHOWN = 64
"""Characters of a name that is repeated to whoever wrote it."""

_NEAR = 0.6
"""How alike two names must be, for one to be taken for the other: 0 to 1."""

_IN_CAPITALS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class Inside(ValueError):
    """Raised by a validator about a part of the value that it was given; `path` leads there. The
    text is the reason, and goes on where the name of that part ends."""

    def __init__(self, path: tuple[str | int, ...], reason: str) -> None:
        super().__init__(reason)
        self.path = path


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong. `reason` goes on where the name of the field ends.

    `kind` is pydantic's word for it, or ours where a validator raised a PydanticCustomError.
    """

    path: tuple[str | int, ...]
    reason: str
    kind: str = "value_error"

    @property
    def field(self) -> str:
        """The path as a reader would write it; empty for the whole value."""
        return ".".join(str(step) for step in self.path)

    def __str__(self) -> str:
        field = ".".join(shown(step) for step in self.path)
        return f'"{field}" {self.reason}.' if self.path else f"It {self.reason}."


def faults(error: ValidationError, *, by_hand: bool = False) -> list[Fault]:
    """All that is wrong, in the order of the fields.

    What our own validators raise as ValueError is taken as the reason, so they raise only texts
    that may be shown. With `by_hand` the reasons also say how a value of another type came about
    where a person wrote it, such as a text without quotes that YAML takes for a number.
    """
    found = error.errors(include_url=False, include_input=by_hand)
    return [
        replace(fault, reason=fault.reason + _advice(fault.kind, each["input"]))
        if by_hand
        else fault
        for fault, each in ((of_pydantic(each), each) for each in found)
    ]


def of_pydantic(error: Mapping[str, Any]) -> Fault:
    """One of pydantic's errors, as its `errors()` has them."""
    return Fault((*error["loc"], *_within(error)), _reason(error), error["type"])


def unknown(name: str, known: Iterable[str]) -> str:
    """The reason for a field that is not one of the known: the one that was meant, or all."""
    # Hardly anybody needs it.
    from difflib import get_close_matches

    names = list(known)
    plain = _IN_CAPITALS.sub("_", name[:_SHOWN]).lower().replace("-", "_").replace(" ", "_")
    if near := get_close_matches(plain, names, n=1, cutoff=_NEAR):
        return f'is not a known field; did you mean "{near[0]}"? If not, remove it'
    return f"is not a known field; the fields are {', '.join(names)}"


def shown(step: str | int) -> str:
    """A name that somebody wrote, as it may be repeated: without what cannot be seen, and cut."""
    text = "".join(each if each.isprintable() else "�" for each in str(step)[: _SHOWN + 1])
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _within(each: Mapping[str, Any]) -> tuple[str | int, ...]:
    raised = each.get("ctx", {}).get("error")
    return raised.path if isinstance(raised, Inside) else ()


def _reason(each: Mapping[str, Any]) -> str:
    context: Mapping[str, Any] = each.get("ctx", {})
    if each["type"] == "value_error":
        return str(context["error"])
    shown = {name: _whole(value) for name, value in context.items()}
    return _REASONS.get(each["type"], "is not valid").format_map(shown)


def _whole(value: Any) -> Any:
    """A bound as people write it: 5 rather than 5.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _advice(kind: str, value: Any) -> str:
    """What goes on where the reason ends, for a value that a person wrote."""
    match kind, value:
        case _, None if kind.endswith("_type"):
            return "; there is nothing: fill it in, or remove the field"
        case "string_type", bool():
            return ", but yes, no, on, off, true and false are none; put it in quotes"
        case "string_type", dict():
            return ", not an object; put a text that begins with { in quotes"
        case "string_type", list():
            return ", not a list; put a text that begins with [ in quotes"
        case "string_type", _:
            return "; put it in quotes"
        case (("tuple_type" | "list_type"), str()):
            return ", such as [a, b], even of one"
        case (("tuple_type" | "list_type"), dict()):
            return "; begin each entry with -"
        case (("int_type" | "float_type"), str()):
            return ", in digits and without quotes"
        case "bool_type", str():
            return ", without quotes"
    return ""
