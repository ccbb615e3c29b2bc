"""What a frame asks, read without the product's parser."""

import json
import math
from collections.abc import Mapping
from typing import Any

DEEPEST = 32
LONGEST = 128 * 1024


def readable(text: str) -> Mapping[str, Any] | None:
    """The frame, if the text is a JSON object that a client may send; of any action."""
    if len(text) > LONGEST:
        return None
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    fits = isinstance(value, dict) and _fits(value, DEEPEST)
    return value if fits else None


def request_id(frame: Mapping[str, Any]) -> str | None:
    """The id that an answer must carry."""
    value = frame.get("requestId")
    if not isinstance(value, str) or not value.isprintable() or not value.strip():
        return None
    return value if len(value.encode()) <= 128 else None


def _refuse(token: str) -> None:
    raise ValueError(token)


def _fits(value: Any, levels: int) -> bool:
    if not levels:
        return False
    match value:
        case str():
            return not any(0xD800 <= ord(character) < 0xE000 for character in value)
        case float():
            return math.isfinite(value)
        case dict():
            return all(_fits(name, 1) and _fits(each, levels - 1) for name, each in value.items())
        case list():
            return all(_fits(each, levels - 1) for each in value)
    return True
