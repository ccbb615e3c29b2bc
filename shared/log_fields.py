"""What may stand in the fields of a log record: everything but secrets and what people said."""

import math
import re
from collections.abc import Mapping
from typing import Any

REDACTED = "[redacted]"
MAX_DEPTH = 8

_SECRET_NAME = re.compile(
    r"ticket|token|authori[sz]ation|secret|api_?key|password|cookie|credential|signature"
)
_CONTENT_NAMES = frozenset(
    {
        *("answer", "arguments", "body", "content", "input", "instructions", "payload", "prompt"),
        *("query", "query_string", "querystringparameters", "rawquerystring", "reply", "text"),
        *("multivaluequerystringparameters", "user_message"),
    }
)
_IN_TEXT = (
    # The query of an address.
    (re.compile(r"(\b(?:https?|wss?)://[^\s?#\"']+)\?[^\s\"']*"), rf"\1?{REDACTED}"),
    # `ticket=…`, `"api_key": "…"`.
    (
        re.compile(
            r"((?:ticket|token|secret|api[_-]?key|password)[\"']?\s*[=:]\s*[\"']?)"
            r"[^\s&\"',;]+",
            re.IGNORECASE,
        ),
        rf"\1{REDACTED}",
    ),
    (re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{6,}", re.IGNORECASE), rf"\1 {REDACTED}"),
    (re.compile(r"\bsk-[\w-]{8,}"), REDACTED),
)


def redacted(value: Any, depth: int = MAX_DEPTH) -> Any:
    """The value as JSON, without secrets, query strings and texts of messages.

    What stands under a name such as `token` or `text` goes altogether, but for numbers: a count
    of tokens is no secret.
    """
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, Mapping) and depth:
        return {str(name): _named(str(name), inner, depth) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset) and depth:
        return [redacted(inner, depth - 1) for inner in value]
    text = str(value) if depth else REDACTED
    for pattern, replacement in _IN_TEXT:
        text = pattern.sub(replacement, text)
    return text


def _named(name: str, value: Any, depth: int) -> Any:
    plain = name.lower().replace("-", "_")
    hidden = plain in _CONTENT_NAMES or _SECRET_NAME.search(plain)
    if hidden and not isinstance(value, bool | int | float | None):
        return REDACTED
    return redacted(value, depth - 1)
