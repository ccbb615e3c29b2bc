"""The adapters of a deployment: the only place that names them, with the imports inside."""

from contextlib import contextmanager, nullcontext
from threading import RLock
from typing import TYPE_CHECKING, TypedDict

from shared.clock import Clock, SystemClock
from shared.ids import new_id
from shared.settings import Settings
from shared.wiring.once import once

if TYPE_CHECKING:
    from collections.abc import Iterator
    from logging import Handler

    from shared.messaging.addresses import AddressGuard
    from shared.messaging.in_process import InProcessWakes
    from shared.messaging.mail import Mail
    from shared.messaging.push import Push
    from shared.messaging.wakes import Wakes
    from shared.metrics import Metrics
    from shared.models.port import Model
    from shared.models.prices import Prices
    from shared.models.rates import ModelRates
    from shared.storage.artifacts import Artifacts
    from shared.storage.links import Links
    from shared.storage.table import Table
    from shared.tracing import Traces


class Common(TypedDict):
    """What both providers of models are told."""

    clock: Clock
    prices: "Prices"
    max_retries: int
    base_backoff: float
    max_backoff: float


class Adapters:
    """The ports, each on what the settings choose: AWS, or this machine."""

    def __init__(
        self, settings: Settings, *, clock: Clock | None = None, instance: str | None = None
    ) -> None:
        self.settings = settings
        self.clock: Clock = clock or SystemClock()
        self.instance = instance or new_id()
        self.making = RLock()

    def close(self) -> None:
        """Close what was opened. For programs: a function's process just ends."""
        for name in ("model", "engine"):
            close = getattr(vars(self).get(name), "close", None)
            if close is not None:
                close()

    @once
    def engine(self) -> "Table":
        """The Table engine beneath the retrying wrapper."""
        if self.settings.table_name:
            from shared import aws
            from shared.storage.dynamodb import DynamoTable

            return DynamoTable(aws.client("dynamodb"), self.settings.table_name)
        from shared.storage.sqlite import SqliteTable

        return SqliteTable(self.settings.database_path)

    @once
    def artifacts(self) -> "Artifacts":
        if self.settings.bucket_name:
            from shared.storage.lazy import LazyArtifacts

            return LazyArtifacts(self._bucket)
        from shared.storage.folder import FolderArtifacts

        return FolderArtifacts(self.settings.workspace_base, self.file_links)

    @once
    def file_links(self) -> "Links":
        """URLs of the files of a laptop, which its gateway serves."""
        from shared.storage.links import Links

        def secret() -> str:
            return self.settings.require_signing_secret().get_secret_value()

        return Links(f"http://127.0.0.1:{self.settings.port}", secret, self.clock)

    @property
    def upload_bytes(self) -> int:
        """Of one file that comes with a message."""
        return self.settings.max_upload_mb * 1024 * 1024

    def _bucket(self) -> "Artifacts":
        from shared import aws
        from shared.storage.s3 import S3Artifacts

        return S3Artifacts(aws.client("s3"), self.settings.bucket_name or "")

    @once
    def table(self) -> "Table":
        from shared.storage.wrapper import ResilientTable

        return ResilientTable(self.engine, self.artifacts, self.clock)

    @once
    def wakes(self) -> "Wakes":
        if self.settings.queue_url:
            from shared import aws
            from shared.messaging.sqs import SqsWakes

            return SqsWakes(aws.client("sqs"), self.settings.queue_url)
        return self.local_wakes

    @once
    def local_wakes(self) -> "InProcessWakes":
        """The queue of a laptop, whose consumer is in this process too."""
        from shared.messaging.in_process import InProcessWakes

        return InProcessWakes(self.clock)

    @once
    def push(self) -> "Push":
        from shared import aws
        from shared.messaging.connection_api import ConnectionApiPush

        local = self.settings.connections_url is None
        endpoint = self.settings.connections_url or f"http://127.0.0.1:{self.settings.port}"
        return ConnectionApiPush(aws.connections_client(endpoint, local=local))

    @once
    def mail(self) -> "Mail | None":
        """Carries one-time codes; None: without OTP_SENDER a deployment can send none."""
        if not self.settings.on_aws:
            from shared.messaging.console_mail import ConsoleMail

            return ConsoleMail()
        if self.settings.otp_sender is None:
            return None
        from shared import aws
        from shared.messaging.ses_mail import SesMail

        return SesMail(aws.mail_client, self.settings.otp_sender)

    @once
    def prices(self) -> "Prices":
        from shared.models.prices import Prices

        return Prices.load(self.settings.model_prices)

    def priced(self, model: str) -> bool:
        """Whether it is known what a model costs."""
        return self.prices.priced(model)

    @once
    def model(self) -> "Model":
        settings = self.settings
        common = Common(
            clock=self.clock,
            prices=self.prices,
            max_retries=settings.model_max_retries,
            base_backoff=settings.model_base_backoff_sec,
            max_backoff=settings.model_max_backoff_sec,
        )
        if settings.model_provider == "bedrock":
            from shared.models.bedrock import BedrockModel

            bedrock = BedrockModel(**common)
            bedrock.provider = "aws.bedrock"
            return bedrock
        from shared.models.anthropic_api import AnthropicModel

        key = settings.anthropic_api_key
        return AnthropicModel(
            api_key=key.get_secret_value() if key else None,
            base_url=settings.anthropic_base_url,
            **common,
        )

    @once
    def rates(self) -> "ModelRates | None":
        """What each tenant may ask of each model in a minute; None: as much as it likes."""
        from shared.models.rates import ModelRates

        per_minute = self.settings.model_rate_per_minute
        return ModelRates(self.table, self.clock, per_minute) if per_minute else None

    @once
    def metrics(self) -> "Metrics":
        from shared.metrics import EmbeddedMetrics, NoMetrics

        return EmbeddedMetrics() if self.settings.on_aws else NoMetrics()

    def listeners(self) -> "list[Handler]":
        """Who hears every step that the log tells of, beside the log."""
        if not self.settings.on_aws:
            return []
        from shared.telemetry import Metered

        return [Metered(self.metrics), *([self.traces] if self.settings.tracing else [])]

    @once
    def traces(self) -> "Traces":
        """For a worker with TRACING."""
        from shared.settings import trace_of_invocation
        from shared.tracing import Traces

        return Traces(trace_of_invocation)

    @contextmanager
    def observed(self, **about: str) -> "Iterator[None]":
        """For one invocation: its metrics, with what it was `about`, and its trace are written
        when it ends."""
        from shared.metrics import flushed

        traced = self.traces.invocation() if self.settings.tracing else nullcontext()
        with flushed(self.metrics, **about), traced:
            yield

    @once
    def guard(self) -> "AddressGuard":
        from shared.messaging.addresses import AddressGuard

        return AddressGuard(
            allowed_hosts=self.settings.allowed_hosts,
            allow_private=self.settings.allow_private_addresses,
        )

    @once
    def attachment_guard(self) -> "AddressGuard":
        """For the URLs of attachments. Any user may name one, so private addresses stay closed,
        whatever the tools of agents may call."""
        from shared.messaging.addresses import AddressGuard

        return AddressGuard(allowed_hosts=self.settings.attachment_hosts)
