"""The port for requests to other people's servers: signed deliveries, callbacks, HTTP tools."""

from collections.abc import Mapping
from typing import Protocol


class AddressRefused(Exception):
    """The URL is not one that this deployment may call. The message says why, for its author."""


class HttpFailed(Exception):
    """No answer: not connected, timed out, or broken off."""


class HttpPost(Protocol):
    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, timeout: float) -> int:
        """Send the body; the status of the answer. Redirects are not followed: their status is
        returned like any other.

        Raises:
            AddressRefused: the address guard says no; nothing was sent.
            HttpFailed: no answer; it may have been received.
        """
        ...
