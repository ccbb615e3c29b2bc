"""The SDK's side of a model: a client, one request over it, and the events of the answer.

The SDK is imported by the first call, as it takes most of a second: only who asks a model pays.
"""

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from shared.clock import Clock
from shared.models import failures
from shared.models.port import ModelError
from shared.models.reply import Malformed

if TYPE_CHECKING:
    import anthropic
    import httpx2

IDLE_SECONDS = 120.0
"""How long a provider may be silent before an answer counts as broken off."""

_CONNECT_SECONDS = 5.0
_WRITE_SECONDS = 30.0
# The SDK adds the headers that ANTHROPIC_CUSTOM_HEADERS lists; what is not named here is dropped.
_OURS = frozenset(
    {
        "accept",
        "accept-encoding",
        "anthropic-version",
        "connection",
        "content-length",
        "content-type",
        "host",
        "user-agent",
    }
)


class Provider(Protocol):
    """What differs between the providers that the SDK has clients for."""

    def build(self) -> "anthropic.Anthropic | anthropic.AnthropicBedrock":
        """A client that retries nothing and traces nothing."""
        ...

    def refused(self, error: "anthropic.APIStatusError") -> tuple[str, str]:
        """The type and the words with which the provider refused."""
        ...

    def decode(self, response: "httpx2.Response") -> Iterator[str | bytes]:
        """The events of an answer, each as JSON. Raises ValueError for what cannot be decoded,
        ReplyError if the provider gave up."""
        ...


class SdkEndpoint:
    """A provider's endpoint. The client is made by the first who asks, and serves all."""

    def __init__(self, provider: Provider, *, clock: Clock, idle_seconds: float) -> None:
        self._provider = provider
        self._clock = clock
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._client: anthropic.Anthropic | anthropic.AnthropicBedrock | None = None

    def ask(self, body: Mapping[str, Any], *, seconds_left: float) -> "SdkAnswer":
        import anthropic
        import httpx2

        client = self._made()
        try:
            stream = client.messages.create(
                **body, stream=True, timeout=self._timeouts(seconds_left)
            )
        except anthropic.APIStatusError as error:
            raise self._refused(error) from error
        except (anthropic.APIConnectionError, httpx2.HTTPError) as error:
            raise failures.unreachable() from error
        return SdkAnswer(stream, self._provider)

    def close(self) -> None:
        with self._lock:
            if self._client is not None:
                self._client.close()

    def _made(self) -> "anthropic.Anthropic | anthropic.AnthropicBedrock":
        with self._lock:
            if self._client is None:
                self._client = self._provider.build()
            return self._client

    def _refused(self, error: "anthropic.APIStatusError") -> ModelError:
        kind, said = self._provider.refused(error)
        wait = failures.seconds_to_wait(
            error.response.headers.get("retry-after"), self._clock.now()
        )
        return failures.refused(error.status_code, kind, said, retry_after=wait)

    def _timeouts(self, seconds_left: float) -> "httpx2.Timeout":
        """Limits for one attempt; none reaches beyond the time left."""
        import httpx2

        return httpx2.Timeout(
            connect=min(_CONNECT_SECONDS, seconds_left),
            read=min(self._idle_seconds, seconds_left),
            write=min(_WRITE_SECONDS, seconds_left),
            pool=min(_CONNECT_SECONDS, seconds_left),
        )


class SdkAnswer:
    """An answer over HTTP."""

    def __init__(self, stream: "anthropic.Stream[Any]", provider: Provider) -> None:
        self._stream = stream
        self._response = stream.response
        self._provider = provider

    def events(self) -> Iterator[Mapping[str, Any]]:
        import httpx2

        try:
            for data in self._provider.decode(self._response):
                yield _parsed(data)
        except (httpx2.HTTPError, httpx2.StreamError, OSError, ValueError, RecursionError) as error:
            raise failures.cut_off() from error

    def cut(self) -> None:
        connection = self._response.extensions.get("network_stream")
        if connection is None:
            return
        with suppress(OSError):
            # Not `SSLSocket.shutdown`, which takes the TLS state away under its reader's feet.
            socket.socket.shutdown(connection.get_extra_info("socket"), socket.SHUT_RDWR)

    def close(self) -> None:
        self._stream.close()


def http_client() -> "httpx2.Client":
    """Asks loopback addresses never through a proxy; others, if the environment says so."""
    import anthropic

    return anthropic.DefaultHttpxClient(mounts={"all://127.0.0.1": None, "all://localhost": None})


def keep_only_ours(request: "httpx2.Request") -> None:
    """Drop the headers that the environment put into a request, and the credentials."""
    for name in set(request.headers) - _OURS:
        if not name.startswith("x-stainless-"):
            del request.headers[name]


def _parsed(data: str | bytes) -> Mapping[str, Any]:
    said = json.loads(data)
    if not isinstance(said, dict):
        raise Malformed("event")
    return said
