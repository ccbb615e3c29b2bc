"""The adapters of a deployment: the only place that names them, with the imports inside."""

from threading import RLock
from typing import TYPE_CHECKING, TypedDict

from shared.clock import Clock, SystemClock
from shared.ids import new_id
from shared.settings import Settings
from shared.wiring.once import once

if TYPE_CHECKING:
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
    from shared.storage.table import Table


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

        return FolderArtifacts(self.settings.workspace_base)

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
    def model(self) -> "Model":
        from shared.models.prices import Prices

        settings = self.settings
        common = Common(
            clock=self.clock,
            prices=Prices.load(settings.model_prices),
            max_retries=settings.model_max_retries,
            base_backoff=settings.model_base_backoff_sec,
            max_backoff=settings.model_max_backoff_sec,
        )
        if settings.model_provider == "bedrock":
            from shared.models.bedrock import BedrockModel

            return BedrockModel(**common)
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

    @once
    def guard(self) -> "AddressGuard":
        from shared.messaging.addresses import AddressGuard

        return AddressGuard(
            allowed_hosts=self.settings.allowed_hosts,
            allow_private=self.settings.allow_private_addresses,
        )
