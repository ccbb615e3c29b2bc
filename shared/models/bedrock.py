"""The model port on Amazon Bedrock: the Messages API, signed by AWS's rules and streamed in frames.

The frames are AWS's event-stream encoding, with a checksum each; botocore decodes them. The SDK's
decoder would load the whole description of the service to do the same.
"""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from shared.clock import Clock
from shared.errors import ConfigurationError
from shared.models import failures
from shared.models.anthropic_client import (
    IDLE_SECONDS,
    SdkEndpoint,
    http_client,
    keep_only_ours,
)
from shared.models.calls import MessagesModel, Patience, full_jitter
from shared.models.prices import Prices
from shared.models.reply import ReplyError

if TYPE_CHECKING:
    import anthropic
    import httpx2


class BedrockModel(MessagesModel):
    """One client for all calls of a process. Credentials are what boto3 finds at each call.

    Without a region it is the one that boto3 finds; `base_url` is another endpoint than the
    region's public one, such as a private one.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        region: str | None = None,
        base_url: str | None = None,
        prices: Prices | None = None,
        max_retries: int = 3,
        base_backoff: float = 0.5,
        max_backoff: float = 8.0,
        idle_seconds: float = IDLE_SECONDS,
        jitter: Callable[[float], float] = full_jitter,
    ) -> None:
        region = region or _usual_region()
        if not region:
            raise ConfigurationError("Set AWS_DEFAULT_REGION to the region whose models to ask.")
        provider = _Bedrock(region, base_url or f"https://bedrock-runtime.{region}.amazonaws.com")
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


class _Bedrock:
    def __init__(self, region: str, base_url: str) -> None:
        self._region = region
        self._base_url = base_url

    def build(self) -> "anthropic.AnthropicBedrock":
        import anthropic
        from botocore.exceptions import BotoCoreError

        class Client(anthropic.AnthropicBedrock):
            def _prepare_request(self, request: "httpx2.Request") -> None:
                # Before the signature, which covers all headers.
                keep_only_ours(request)
                try:
                    super()._prepare_request(request)
                except (RuntimeError, OSError) as error:
                    raise failures.no_credentials() from error
                except BotoCoreError as error:
                    raise failures.no_credentials(retryable=True) from error

        return Client(
            aws_region=self._region,
            base_url=self._base_url,
            max_retries=0,
            open_telemetry=False,
            http_client=http_client(),
        )

    def refused(self, error: "anthropic.APIStatusError") -> tuple[str, str]:
        # An address may follow the name, after a colon.
        kind = error.response.headers.get("x-amzn-errortype", "").partition(":")[0]
        said = error.body.get("message") if isinstance(error.body, dict) else None
        return kind, str(said or "")

    def decode(self, response: "httpx2.Response") -> Iterator[bytes]:
        from botocore.eventstream import EventStreamBuffer, ParserError

        frames = EventStreamBuffer()
        try:
            for data in response.iter_bytes():
                frames.add_data(data)
                for frame in frames:
                    if (event := _event(frame.headers, frame.payload)) is not None:
                        yield event
        except ParserError as error:
            raise ValueError("frame") from error


def _event(headers: Mapping[str, Any], payload: bytes) -> bytes | None:
    """The event in a frame; None if it holds none. Raises ReplyError, ValueError."""
    match headers.get(":message-type"):
        case "exception":
            name = str(headers.get(":exception-type", ""))
            raise ReplyError(name[:1].upper() + name[1:], _field(payload, "message"))
        case "error":
            code, said = headers.get(":error-code", ""), headers.get(":error-message", "")
            raise ReplyError(str(code), str(said))
        case "event" if headers.get(":event-type") == "chunk":
            return base64.b64decode(_field(payload, "bytes"), validate=True)
    return None


def _field(payload: bytes, name: str) -> str:
    said = json.loads(payload)
    return str(said.get(name, "")) if isinstance(said, dict) else ""


def _usual_region() -> str | None:
    import boto3

    region: str | None = boto3.session.Session().region_name
    return region
