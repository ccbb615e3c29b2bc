"""The composition root: the only place that names adapters.

`current()` is this process's deployment, made from the environment when a handler first asks for
it. Everything in it is built on first use, with its imports, so that each function pays only for
what it uses.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Any

from shared import logs
from shared.clock import Clock, SystemClock
from shared.ids import new_id
from shared.settings import Settings

if TYPE_CHECKING:
    from shared.backends.agents import AgentSource
    from shared.conversations.admission import Admission
    from shared.conversations.connections import Connections
    from shared.conversations.dispatch import Frames
    from shared.conversations.sessions import Sessions
    from shared.conversations.stream import Poster
    from shared.conversations.turns import TurnRequests
    from shared.identity.tickets import Tickets
    from shared.mailbox.box import Timing
    from shared.mailbox.drain import Drain
    from shared.mailbox.handler import Handler
    from shared.mailbox.requests import Requests
    from shared.mailbox.sweep import Sweep
    from shared.messaging.addresses import AddressGuard
    from shared.messaging.in_process import InProcessWakes
    from shared.messaging.push import Push
    from shared.messaging.wakes import Wakes
    from shared.metrics import Metrics
    from shared.models.port import Model
    from shared.storage.artifacts import Artifacts
    from shared.storage.table import Table


class Deployment:
    """Everything one process needs. Tests replace parts by assigning to them before use."""

    def __init__(
        self, settings: Settings, *, clock: Clock | None = None, instance: str | None = None
    ) -> None:
        self.settings = settings
        self.clock: Clock = clock or SystemClock()
        self.instance = instance or new_id()

    # -- ports ----------------------------------------------------------------------------

    @cached_property
    def engine(self) -> "Table":
        """The Table engine beneath the retrying wrapper."""
        if self.settings.table_name:
            from shared import aws
            from shared.storage.dynamodb import DynamoTable

            return DynamoTable(aws.client("dynamodb"), self.settings.table_name)
        from shared.storage.sqlite import SqliteTable

        return SqliteTable(self.settings.database_path)

    @cached_property
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

    @cached_property
    def table(self) -> "Table":
        from shared.storage.wrapper import ResilientTable

        return ResilientTable(self.engine, self.artifacts, self.clock)

    @cached_property
    def wakes(self) -> "Wakes":
        if self.settings.queue_url:
            from shared import aws
            from shared.messaging.sqs import SqsWakes

            return SqsWakes(aws.client("sqs"), self.settings.queue_url)
        return self.local_wakes

    @cached_property
    def local_wakes(self) -> "InProcessWakes":
        """The queue of a laptop, whose consumer is in this process too."""
        from shared.messaging.in_process import InProcessWakes

        return InProcessWakes(self.clock)

    @cached_property
    def push(self) -> "Push":
        from shared import aws
        from shared.messaging.connection_api import ConnectionApiPush

        local = self.settings.connections_url is None
        endpoint = self.settings.connections_url or f"http://127.0.0.1:{self.settings.port}"
        return ConnectionApiPush(aws.connections_client(endpoint, local=local))

    @cached_property
    def model(self) -> "Model":
        from shared.models.anthropic_api import AnthropicModel

        key = self.settings.anthropic_api_key
        return AnthropicModel(
            clock=self.clock,
            api_key=key.get_secret_value() if key else None,
            base_url=self.settings.anthropic_base_url,
            max_retries=self.settings.model_max_retries,
            base_backoff=self.settings.model_base_backoff_sec,
            max_backoff=self.settings.model_max_backoff_sec,
        )

    @cached_property
    def agents(self) -> "AgentSource":
        from shared.backends.local_yaml import LocalAgents

        folder = self.settings.assistant_local_config_dir
        return LocalAgents(folder, self.settings.anthropic_model)

    @cached_property
    def metrics(self) -> "Metrics":
        from shared.metrics import EmbeddedMetrics, NoMetrics

        return EmbeddedMetrics() if self.settings.on_aws else NoMetrics()

    @cached_property
    def guard(self) -> "AddressGuard":
        from shared.messaging.addresses import AddressGuard

        return AddressGuard(
            allowed_hosts=self.settings.allowed_hosts,
            allow_private=self.settings.allow_private_addresses,
        )

    # -- the core -------------------------------------------------------------------------

    @cached_property
    def timing(self) -> "Timing":
        from shared.mailbox.box import Timing

        return Timing(
            lease=int(self.settings.lease_sec * 1000),
            heartbeat=int(self.settings.heartbeat_sec * 1000),
        )

    @cached_property
    def requests(self) -> "Requests":
        from shared.mailbox.requests import Requests

        return Requests(self.table, self.clock)

    @cached_property
    def tickets(self) -> "Tickets":
        from shared.identity.tickets import Tickets

        return Tickets(self.table, self.clock)

    @cached_property
    def connections(self) -> "Connections":
        from shared.conversations.connections import Connections

        per_minute = self.settings.rate_limit_per_minute
        return Connections(self.table, self.clock, self.requests, per_minute=per_minute)

    @cached_property
    def sessions(self) -> "Sessions":
        from shared.conversations.sessions import Sessions

        return Sessions(self.table, self.clock, self.requests, self.connections)

    @cached_property
    def turns(self) -> "TurnRequests":
        from shared.conversations.turns import TurnRequests

        backlog = self.settings.session_backlog
        return TurnRequests(self.table, self.clock, self.requests, self.wakes, backlog=backlog)

    @cached_property
    def poster(self) -> "Poster":
        from shared.conversations.stream import Poster

        return Poster(self.push, self.clock)

    # -- one builder for each function -----------------------------------------------------

    @cached_property
    def admission(self) -> "Admission":
        """For ws_connect."""
        from shared.conversations.admission import Admission

        return Admission(self.table, self.settings, self.tickets, self.connections)

    @cached_property
    def frames(self) -> "Frames":
        """For send_message."""
        from shared.conversations.dispatch import Frames
        from shared.conversations.messages import Messages

        return Frames(
            clock=self.clock,
            connections=self.connections,
            sessions=self.sessions,
            messages=Messages(self.table),
            turns=self.turns,
            requests=self.requests,
            agents=self.agents,
            poster=self.poster,
        )

    @cached_property
    def drain(self) -> "Drain":
        """For worker."""
        from shared.mailbox.drain import Drain
        from shared.mailbox.holder import Holder

        holder = Holder(self.table, self.clock, self.timing)
        return Drain(holder, self.wakes, self.clock, self.timing, self._handlers(), self.instance)

    def _handlers(self) -> "dict[str, Handler]":
        from shared.conversations.items import KIND as CONVERSATION
        from shared.mailbox.deliveries import KIND as DELIVERY

        return {CONVERSATION: self._turn_handler(), DELIVERY: self._delivery_handler()}

    def _turn_handler(self) -> "Handler":
        from shared.conversations.messages import Memory
        from shared.conversations.usage import Ledger
        from shared.conversations.work import Limits, Turns

        return Turns(
            table=self.table,
            clock=self.clock,
            requests=self.requests,
            agents=self.agents.get,
            model=self.model,
            memory=Memory(self.table, budget=self.settings.history_token_budget),
            ledger=Ledger(self.clock),
            poster=self.poster,
            limits=Limits(
                turn_seconds=self.settings.turn_seconds,
                push_window=self.settings.push_window_ms / 1000,
                tenant_nano_usd=self.settings.tenant_nano_usd_per_day,
            ),
        )

    def _delivery_handler(self) -> "Handler":
        from shared.mailbox.deliveries import Deliveries
        from shared.messaging.http_post import GuardedHttpPost

        secret = self.settings.require_signing_secret().get_secret_value()
        return Deliveries(self.table, GuardedHttpPost(self.guard), secret)

    @cached_property
    def sweep(self) -> "Sweep":
        """For sweep."""
        from shared.mailbox.sweep import Sweep

        return Sweep(self.table, self.wakes, self.clock)

    @cached_property
    def http(self) -> Any:
        """For executor: the FastAPI app."""
        from shared.web.app import create_app
        from shared.web.services import Services

        return create_app(
            Services(
                settings=self.settings,
                clock=self.clock,
                tickets=self.tickets,
                sessions=self.sessions,
                turns=self.turns,
                agents=self.agents,
                guard=self.guard,
            )
        )


_current: Deployment | None = None


def current() -> Deployment:
    """This process's deployment.

    Raises:
        ConfigurationError: the environment contradicts itself.
    """
    global _current  # noqa: PLW0603 - one per process, like the environment that it stands for
    if _current is None:
        settings = Settings.from_environment(secrets=_secret)
        logs.configure("parley", settings.log_level)
        _current = Deployment(settings)
    return _current


def install(deployment: Deployment | None) -> None:
    """Use this deployment from now on; None: make one from the environment again."""
    global _current  # noqa: PLW0603
    _current = deployment


def _secret(arn: str) -> str:
    from shared import aws

    return aws.secret(arn)
