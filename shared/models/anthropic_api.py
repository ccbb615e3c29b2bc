"""The model port on Anthropic's Messages API, or on another endpoint that speaks it."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from shared.clock import Clock
from shared.errors import ConfigurationError
from shared.models.anthropic_client import (
    IDLE_SECONDS,
    SdkEndpoint,
    http_client,
    keep_only_ours,
)
from shared.models.calls import MessagesModel, Patience, full_jitter
from shared.models.prices import Prices

if TYPE_CHECKING:
    import anthropic
    import httpx2

_PROVIDER = "https://api.anthropic.com"


class AnthropicModel(MessagesModel):
    """One client for all calls of a process. Without a key, as with the demo model, give a URL."""

    def __init__(
        self,
        *,
        clock: Clock,
        api_key: str | None = None,
        base_url: str | None = None,
        prices: Prices | None = None,
        max_retries: int = 3,
        base_backoff: float = 0.5,
        max_backoff: float = 8.0,
        idle_seconds: float = IDLE_SECONDS,
        jitter: Callable[[float], float] = full_jitter,
    ) -> None:
        if not api_key and not base_url:
            raise ConfigurationError("Set ANTHROPIC_API_KEY, or ANTHROPIC_BASE_URL, or both.")
        provider = _Anthropic(api_key, base_url or _PROVIDER)
        super().__init__(
            SdkEndpoint(provider, clock=clock, idle_seconds=idle_seconds),
            clock=clock,
            prices=prices,
            patience=Patience(
                max_retries=max_retries,
                base_backoff=base_backoff,
                max_backoff=max_backoff,
                jitter=jitter,
            ),
        )


class _Anthropic:
    def __init__(self, api_key: str | None, base_url: str) -> None:
        self._api_key = api_key
        self._base_url = base_url

    def build(self) -> "anthropic.Anthropic":
        """A client that reads no ANTHROPIC_… variable, retries nothing and traces nothing."""
        import anthropic

        http = http_client()
        client = anthropic.Anthropic(
            # An explicit key keeps the SDK from looking for credentials in the environment.
            api_key=self._api_key or "none",
            base_url=self._base_url,
            max_retries=0,
            open_telemetry=False,
            http_client=http,
        )

        def only_ours(request: "httpx2.Request") -> None:
            keep_only_ours(request)
            request.headers.update(client.auth_headers)

        http.event_hooks = {"request": [only_ours]}
        return client

    def refused(self, error: "anthropic.APIStatusError") -> tuple[str, str]:
        return error.type or "", error.api_message or ""

    def decode(self, response: "httpx2.Response") -> Iterator[str]:
        import anthropic

        # A server-sent event without data says nothing.
        return (event.data for event in anthropic.Stream.raw_events(response) if event.data)
