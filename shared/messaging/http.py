"""The ports for requests to other people's servers: signed deliveries, callbacks, HTTP tools.

No redirect is ever followed: its target would be an address that nobody has written down, and
the headers of the request may hold secrets.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

TOLD_HEADERS = ("content-type", "content-encoding", "retry-after")
"""The headers of an answer that its reader gets, in lower case."""


class AddressRefused(Exception):
    """The URL is not one that this deployment may call. The message says why, for its author."""


class HttpFailed(Exception):
    """No answer: not connected, timed out, or broken off. `sent`: it may have been received."""

    def __init__(self, reason: str, *, sent: bool = True) -> None:
        super().__init__(reason)
        self.sent = sent


@dataclass(frozen=True, kw_only=True)
class HttpAnswer:
    """An answer, whatever its status. `headers` are those of `TOLD_HEADERS` that it has; `body`
    is as it came, whatever its encoding; `cut`: there was more of it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cut: bool


class HttpPost(Protocol):
    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, timeout: float) -> int:
        """Send the body; the status of the answer, which for a redirect is that of the redirect.

        Raises:
            AddressRefused: the address guard says no; nothing was sent.
            HttpFailed: no answer; it may have been received.
        """
        ...


class HttpClient(Protocol):
    """May be used by several threads at once."""

    def check(self, url: str) -> None:
        """Whether the URL may be called, as far as can be said without asking the network.

        Raises:
            AddressRefused: with a sentence for whoever set the URL.
        """
        ...

    def request(
        self,
        method: str,
        url: str,
        body: bytes | None,
        headers: Mapping[str, str],
        *,
        timeout: float,
        max_bytes: int,
    ) -> HttpAnswer:
        """Send one request and read at most `max_bytes` of the answer's body.

        `timeout` (seconds) bounds all of it: the look-up of the name too. The caller answers for
        the headers' names and values; `Host` and the length of the body are set here, and no
        compressed answer is asked for.

        Raises:
            AddressRefused: the address guard says no; nothing was sent.
            HttpFailed: no complete answer.
        """
        ...
