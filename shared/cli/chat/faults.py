"""Why the client cannot go on. Every message is a sentence for the person at the terminal."""

from collections.abc import Mapping
from typing import Any


class ChatFault(Exception):
    """Something went wrong; `message` says what, and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Unreachable(ChatFault):
    """No connection. With `lasting` another try would end the same way."""

    def __init__(self, message: str, *, lasting: bool = False) -> None:
        super().__init__(message)
        self.lasting = lasting


class ConnectionLost(ChatFault):
    """The connection that was open is no more."""


class NoAnswer(ChatFault):
    """The server is connected and does not answer."""

    def __init__(self, message: str = "The server does not answer. Try again.") -> None:
        super().__init__(message)


class Refused(ChatFault):
    """The server answered with an error event; the message and the details are the server's."""

    def __init__(self, code: str, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.details = details or {}


class Expired(ChatFault):
    """The credential of the connection has run out, and there is no fresh one."""


class Interrupted(Exception):
    """The person pressed Ctrl-C."""
