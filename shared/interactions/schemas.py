"""What a model is told of the arguments with which it asks: parts of JSON schemas."""

from collections.abc import Mapping, Sequence
from typing import Any

MAX_REASON = 500
"""Characters."""


def text(longest: int, description: str | None = None) -> dict[str, Any]:
    """A text of at most so many characters."""
    told = {} if description is None else {"description": description}
    return {"type": "string", "maxLength": longest, **told}


def several(entry: Mapping[str, Any], least: int, most: int) -> dict[str, Any]:
    """A list of so many of these."""
    return {"type": "array", "items": entry, "minItems": least, "maxItems": most}


def fields(properties: Mapping[str, Any], *, required: Sequence[str]) -> Mapping[str, Any]:
    """An object with these fields and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


REASON = text(MAX_REASON, "Why you ask, in a sentence that the user reads.")
"""The argument `reason`, which every tool that asks has."""
