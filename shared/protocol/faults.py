"""What pydantic found wrong, in our own words.

Pydantic's texts are for programmers: they quote the input and name Python types. Whoever
validates what came from outside (frames, settings, agent files) shows these sentences instead.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

_REASONS: Mapping[str, str] = {
    "missing": "is missing; add it",
    "extra_forbidden": "is not a known field; check its spelling or remove it",
    "string_type": "must be a text",
    "string_too_long": "may have at most {max_length} characters; shorten it",
    "string_too_short": "may not be empty",
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
}


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
        return f'"{self.field}" {self.reason}.' if self.path else f"It {self.reason}."


def faults(error: ValidationError) -> list[Fault]:
    """All that is wrong, in the order of the fields.

    What our own validators raise as ValueError is taken as the reason, so they raise only texts
    that may be shown.
    """
    found = error.errors(include_url=False, include_input=False)
    return [Fault(each["loc"], _reason(each), each["type"]) for each in found]


def _reason(each: Mapping[str, Any]) -> str:
    context: Mapping[str, Any] = each.get("ctx", {})
    if each["type"] == "value_error":
        return str(context["error"])
    return _REASONS.get(each["type"], "is not valid").format_map(context)
