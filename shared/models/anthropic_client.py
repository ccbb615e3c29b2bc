"""The SDK's client, set up by nothing but our settings."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import anthropic
    import httpx2

_PROVIDER = "https://api.anthropic.com"
_CONNECT_SECONDS = 5.0
_IDLE_SECONDS = 120.0
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


def build_client(api_key: str | None, base_url: str | None) -> "anthropic.Anthropic":
    """A client that reads no ANTHROPIC_… variable, retries nothing and traces nothing.

    Loopback addresses are never asked through a proxy; others are, if the environment says so.
    """
    import anthropic

    http = anthropic.DefaultHttpxClient(mounts={"all://127.0.0.1": None, "all://localhost": None})
    client = anthropic.Anthropic(
        # An explicit key keeps the SDK from looking for credentials in the environment.
        api_key=api_key or "none",
        base_url=base_url or _PROVIDER,
        max_retries=0,
        open_telemetry=False,
        http_client=http,
    )

    def only_ours(request: "httpx2.Request") -> None:
        for name in set(request.headers) - _OURS:
            if not name.startswith("x-stainless-"):
                del request.headers[name]
        request.headers.update(client.auth_headers)

    http.event_hooks = {"request": [only_ours]}
    return client


def timeouts(seconds_left: float) -> "httpx2.Timeout":
    """Limits for one attempt; none reaches beyond the time left."""
    import httpx2

    return httpx2.Timeout(
        connect=min(_CONNECT_SECONDS, seconds_left),
        read=min(_IDLE_SECONDS, seconds_left),
        write=min(_WRITE_SECONDS, seconds_left),
        pool=min(_CONNECT_SECONDS, seconds_left),
    )
