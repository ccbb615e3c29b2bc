"""Logs: one JSON line per record, with the ids of the request, and without what people said.

The core logs with `logging.getLogger("parley")` and puts ids into `extra`. `configure` gives
that logger Powertools' JSON format; everything passes through `redacted` before it is written.
"""

import json
import logging
import math
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, TextIO

from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

LOGGER = "parley"
REDACTED = "[redacted]"
MAX_DEPTH = 8

_ids: ContextVar[Mapping[str, str]] = ContextVar("ids", default=MappingProxyType({}))

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


def configure(service: str, level: str = "INFO", stream: TextIO | None = None) -> logging.Logger:
    """Make the core's logger write JSON lines to `stream` (standard output); again is fine."""
    handler = logging.StreamHandler(stream) if stream else _StandardOutput(sys.stdout)
    handler.setFormatter(_Formatter(service=service, utc=True, use_rfc3339=True))
    handler.addFilter(_add_ids)
    logger = logging.getLogger(LOGGER)
    logger.handlers = [handler]
    logger.setLevel(level)
    # Lambda's own handler hangs on the root logger: it would print everything once more, and
    # as it was before `redacted`.
    logger.propagate = False
    return logger


@contextmanager
def invocation(**ids: str) -> Iterator[None]:
    """For one invocation: its records carry these ids and what `bind` adds, and no other's."""
    token = _ids.set(ids)
    try:
        yield
    finally:
        _ids.reset(token)


def bind(**ids: str | None) -> None:
    """Add ids (`connection`, `tenant`, …) to the records until the invocation ends.

    They belong to the calling thread. None takes an id away.
    """
    _ids.set({name: value for name, value in {**_ids.get(), **ids}.items() if value is not None})


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


def _add_ids(record: logging.LogRecord) -> bool:
    for name, value in _ids.get().items():
        if not hasattr(record, name):
            setattr(record, name, value)
    return True


class _StandardOutput(logging.StreamHandler[TextIO]):
    """Whatever standard output is at the moment; somebody may have replaced it."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stdout
        super().emit(record)


class _Formatter(LambdaPowertoolsFormatter):
    def __init__(self, **keys: Any) -> None:
        # The traceback is in `exception` already, as text.
        super().__init__(serialize_stacktrace=False, **keys)

    def serialize(self, log: Any) -> str:
        text = json.dumps(redacted(log), ensure_ascii=False, separators=(",", ":"))
        # Half a character must not cost the line: as an escape it is still JSON.
        return text.encode("utf-8", "backslashreplace").decode()
