"""The Push port: bytes to one open WebSocket, through the connection API.

The one adapter (`connection_api.py`) speaks to API Gateway and to the local gateway alike.
"""

from typing import Protocol

MAX_MESSAGE_BYTES = 128 * 1024


class PushThrottled(Exception):
    """429: too many posts, or the client does not read fast enough. The text was not sent."""


class PushFailed(Exception):
    """No answer, or one that says nothing about the connection (5xx). It may have been sent."""


class Push(Protocol):
    def post(self, connection: str, data: bytes) -> bool:
        """Send one message; False when the connection is gone (410).

        Raises:
            ValueError: more than 128 KB; nothing was sent.
            PushThrottled: try again later.
            PushFailed: unknown whether it was sent.
        """
        ...

    def close(self, connection: str) -> None:
        """Close the connection if it is open.

        Raises:
            PushThrottled: try again later.
            PushFailed: unknown whether it was closed.
        """
        ...
