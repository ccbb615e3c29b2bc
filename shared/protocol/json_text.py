"""JSON from outside, read strictly: what comes out can be stored, sent and walked through."""

import json
import math
from collections.abc import Iterator
from typing import Any

MAX_DEPTH = 32
"""Deeper values are refused, so that nobody behind this meets Python's recursion limit."""


class NotJson(ValueError):
    """Why the text is refused: the rest of a sentence that begins with what the text is."""


def read_object(text: str) -> dict[str, Any]:
    """The JSON object that the text is.

    Raises:
        NotJson: it is none, or holds what Python's parser lets through and JSON or Unicode do
            not have: NaN, infinities, lone surrogates.
    """
    try:
        value = json.loads(text, parse_constant=_finite, parse_float=_finite)
    except json.JSONDecodeError as fault:
        where = f"at line {fault.lineno}, column {fault.colno}"
        raise NotJson(f"is not valid JSON {where}. Send one JSON object as text.") from None
    except (ValueError, RecursionError):
        raise NotJson("holds a value that cannot be read. Send one JSON object as text.") from None
    if not isinstance(value, dict):
        raise NotJson("is not a JSON object. Send one JSON object as text.")
    if not all(map(_well_formed, _parts(value))):
        raise NotJson("holds half of a surrogate pair. Send whole characters.")
    return value


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("not a finite number")
    return number


def _parts(value: Any) -> Iterator[Any]:
    """The value and everything in it, the names of fields too."""
    level = [value]
    for _ in range(MAX_DEPTH):
        yield from level
        inner: list[Any] = []
        for part in level:
            if isinstance(part, dict):
                yield from part
                inner.extend(part.values())
            elif isinstance(part, list):
                inner.extend(part)
        level = inner
        if not level:
            return
    raise NotJson(f"is nested too deeply. Use at most {MAX_DEPTH} levels.")


def _well_formed(part: Any) -> bool:
    """A lone surrogate is no text: it has no UTF-8, so it can be neither stored nor sent."""
    return not isinstance(part, str) or part.isascii() or not _has_surrogate(part)


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)
