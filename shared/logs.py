"""Logs: one JSON line per record, with the ids of the request, and without what people said.

The core logs with `logging.getLogger("parley")` and puts ids into `extra`. `configure` gives
that logger Powertools' JSON format; everything passes through `redacted` before it is written.

No secret, prompt or message text is logged, at no level. We write our own words, so they hold
none; others' words may, as providers, tools and libraries quote what they were given. So

- of an exception stands there what it is, where it was raised, and codes such as an HTTP status;
  its text only if it is one of ours (`ParleyError`), with the same for what had caused it;
- of a library's record, from WARNING up, stands there which logger wrote it, where, and the
  constant part of its message; LOG_LEVEL is the core's alone;
- what escapes from an invocation or a thread is logged like that, and goes no further: Lambda, or
  Python, would print all of it.
"""

import json
import logging
import re
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from traceback import walk_tb
from types import MappingProxyType
from typing import Any, TextIO

from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from shared.errors import ParleyError
from shared.log_fields import redacted

LOGGER = "parley"
MAX_CAUSES = 5
MAX_FRAMES = 30

_CODE_OF = {
    "status_code": r"\d{3}",
    "errno": r"\d+",
    "type": r"[a-z_]{1,40}_error",
    "sqlite_errorname": r"SQLITE_[A-Z_]{1,40}",
    "aws_code": r"[A-Z]\w{1,60}",
}
"""What an exception may say beside its type, and how that looks."""

_ids: ContextVar[Mapping[str, str]] = ContextVar("ids", default=MappingProxyType({}))


class InvocationFailed(Exception):
    """An invocation raised something that nobody had foreseen; the log says what and where."""


def configure(
    service: str,
    level: str = "INFO",
    stream: TextIO | None = None,
    also: Sequence[logging.Handler] = (),
) -> logging.Logger:
    """Make the core, libraries and dying threads write JSON lines to `stream` (standard output);
    again is fine. `also` hear all that the core says, whatever the level of what is written."""
    logger = logging.getLogger(LOGGER)
    written = _handler(_Formatter(service=service, utc=True, use_rfc3339=True), stream)
    written.setLevel(level)
    logger.handlers = [written, *also]
    logger.setLevel(logging.DEBUG if also else level)
    logger.propagate = False
    libraries = _handler(_Libraries(service=service, utc=True, use_rfc3339=True), stream)
    # Here too: some libraries lower the level of their loggers when a variable says so.
    libraries.setLevel(logging.WARNING)
    # Lambda's own handler hangs here, and prints everything as it is.
    logging.root.handlers = [libraries]
    logging.root.setLevel(logging.WARNING)
    threading.excepthook = _thread_died
    return logger


def _handler(formatter: logging.Formatter, stream: TextIO | None) -> logging.Handler:
    handler = _Output(stream)
    handler.setFormatter(formatter)
    handler.addFilter(_add_ids)
    return handler


@contextmanager
def invocation(**ids: str) -> Iterator[None]:
    """For one invocation: its records carry these ids and what `bind` adds, and no other's.

    Raises:
        InvocationFailed: the block raised an exception, which is in the log.
    """
    token = _ids.set(ids)
    try:
        yield
    except Exception:
        # Lambda would print its text, which may hold what people said.
        logging.getLogger(LOGGER).exception("invocation failed")
        raise InvocationFailed(InvocationFailed.__doc__) from None
    finally:
        _ids.reset(token)


def bind(**ids: str | None) -> None:
    """Add ids (`connection`, `tenant`, …) to the records until the invocation ends.

    They belong to the calling thread. None takes an id away.
    """
    _ids.set({name: value for name, value in {**_ids.get(), **ids}.items() if value is not None})


def _told(fault: BaseException | None) -> str:
    """An exception and its causes, without their words."""
    lines: list[str] = []
    for _ in range(MAX_CAUSES):
        if fault is None:
            break
        said = f": {fault.message}" if isinstance(fault, ParleyError) else ""
        lines.append(f"{type(fault).__module__}.{type(fault).__qualname__}{_codes(fault)}{said}")
        places = [(frame.f_code, line) for frame, line in walk_tb(fault.__traceback__)]
        lines += [f"  {c.co_filename}:{line} in {c.co_name}" for c, line in places[-MAX_FRAMES:]]
        fault = fault.__cause__ or (None if fault.__suppress_context__ else fault.__context__)
    return "\n".join(lines)


def _codes(fault: BaseException) -> str:
    values = {name: getattr(fault, name, None) for name in _CODE_OF}
    response = getattr(fault, "response", None)
    if isinstance(response, Mapping) and isinstance(error := response.get("Error"), Mapping):
        values["aws_code"] = error.get("Code")
    codes = [
        f"{name}={value}"
        for name, value in values.items()
        if isinstance(value, str | int) and re.fullmatch(_CODE_OF[name], str(value))
    ]
    return f" ({', '.join(codes)})" if codes else ""


def _thread_died(died: threading.ExceptHookArgs) -> None:
    if died.exc_value is None or isinstance(died.exc_value, SystemExit):
        return
    thread = died.thread.name if died.thread else "unknown"
    logging.getLogger(LOGGER).error(
        "a thread died", extra={"task": thread}, exc_info=died.exc_value
    )


def _add_ids(record: logging.LogRecord) -> bool:
    for name, value in _ids.get().items():
        if not hasattr(record, name):
            setattr(record, name, value)
    return True


class _Output(logging.StreamHandler[TextIO]):
    """A stream, or whatever standard output is at the moment; somebody may have replaced it."""

    def __init__(self, stream: TextIO | None) -> None:
        super().__init__(stream or sys.stdout)
        self._given = stream

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = self._given or sys.stdout
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the base class's name
        # That of the base class prints what it could not format.
        sys.stderr.write(f"a record of {record.name} could not be logged\n")


class _Formatter(LambdaPowertoolsFormatter):
    def __init__(self, **keys: Any) -> None:
        # The traceback is in `exception` already, as text.
        super().__init__(serialize_stacktrace=False, **keys)

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the base class's name
        return _told(ei[1])

    def serialize(self, log: Any) -> str:
        text = json.dumps(redacted(log), ensure_ascii=False, separators=(",", ":"))
        # Half a character must not cost the line: as an escape it is still JSON.
        return text.encode("utf-8", "backslashreplace").decode()


class _Libraries(_Formatter):
    """For records of others: what is filled into a message, and any field of theirs, is left
    out."""

    def format(self, record: logging.LogRecord) -> str:
        constant = isinstance(record.msg, str) and bool(record.args)
        plain = logging.LogRecord(
            record.name,
            record.levelno,
            record.pathname,
            record.lineno,
            str(record.msg) if constant else "a message of a library",
            (),
            record.exc_info,
            record.funcName,
        )
        vars(plain).update(logger=record.name, **_ids.get())
        return super().format(plain)
