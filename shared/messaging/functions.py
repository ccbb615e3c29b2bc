"""The port for functions of the same account: a call that waits for its answer."""

from dataclasses import dataclass
from typing import Protocol

MAX_PAYLOAD = 6 * 1024 * 1024
"""Bytes, of a request and of an answer; what Lambda allows."""


class FunctionRefused(Exception):
    """It was not run. The message is the reason, for the log; `busy`: later it may work."""

    def __init__(self, reason: str, *, busy: bool = False) -> None:
        super().__init__(reason)
        self.busy = busy


class FunctionFailed(Exception):
    """No answer: it may have run, or run still. The message is the reason, for the log."""


@dataclass(frozen=True)
class FunctionAnswer:
    """What a function returned, as JSON. `failed`: it raised, or ran out of time or memory, and
    the payload describes that."""

    payload: bytes
    failed: bool


class Functions(Protocol):
    """May be used by several threads at once."""

    def invoke(self, function: str, payload: bytes, *, timeout: float) -> FunctionAnswer:
        """Run a function (its name or ARN) once and wait at most `timeout` seconds for it.
        Nothing is sent a second time.

        Raises:
            FunctionRefused: it was not run.
            FunctionFailed: no answer; it may have run.
        """
        ...
