"""The whole product in this process: the real handlers behind the real local gateway.

    with local_set(folder, model.base_url) as running:       SQLite, a folder, in-process wakes
    with aws_set(place, model.base_url) as running:          DynamoDB, S3 and SQS at an endpoint

Both take further settings as variables of the environment. One set at a time lives in a process,
as handlers find their deployment through the wiring.
"""

import json
import os
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self
from unittest.mock import patch

from starlette.requests import Request
from starlette.responses import Response

from functions.executor.handler import handler as http
from functions.send_message.handler import handler as message
from functions.sweep.handler import handler as sweep
from functions.worker.handler import handler as worker
from functions.ws_connect.handler import handler as connect
from shared import aws, wiring
from shared.clock import Clock, SystemClock
from shared.local.files import FileLinks
from shared.local.gateway import gateway
from shared.local.runtime import LambdaRuntime, RuntimeSettings
from shared.local.server import GatewayServer
from shared.messaging.in_process import InProcessWakes
from shared.settings import Settings
from shared.wiring import Deployment
from tests.support.aws import REGION, client, fresh_bucket, fresh_queue, fresh_table
from tests.support.gateway import PATIENCE
from tests.support.sqs_poller import SqsPoller

Variables = Mapping[str, str]

SERVICE_TOKEN = "the-token-of-the-tests"
TOKEN: Variables = {"AUTH_MODE": "token", "SERVICE_TOKEN": SERVICE_TOKEN}
"""Variables for a deployment that asks for tickets."""

COMMON: Variables = {
    "SIGNING_SECRET": "the-signing-secret-of-the-tests",
    # Retries are what the tests are about, not how long they wait.
    "MODEL_BASE_BACKOFF_SEC": "0.01",
    "MODEL_MAX_BACKOFF_SEC": "0.05",
}
WORKERS = 4


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where an AWS set keeps its state, as plain data: another process can use the same."""

    endpoint: str
    table: str
    bucket: str
    queue: str

    @classmethod
    def fresh(cls, endpoint: str) -> Self:
        """A new table, bucket and queue on the server at `endpoint`."""
        with client("s3", endpoint) as s3, client("sqs", endpoint) as sqs:
            return cls(
                endpoint=endpoint,
                table=fresh_table(endpoint),
                bucket=fresh_bucket(s3),
                queue=fresh_queue(sqs),
            )

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @property
    def variables(self) -> Variables:
        return {"TABLE_NAME": self.table, "BUCKET_NAME": self.bucket, "QUEUE_URL": self.queue}

    @property
    def environment(self) -> Variables:
        """What boto3 reads of the environment: this server, and no real account."""
        services = {
            f"AWS_ENDPOINT_URL_{name}": self.endpoint
            for name in (
                *("DYNAMODB", "S3", "SQS", "SECRETS_MANAGER", "SESV2"),
                "BEDROCK_AGENT_RUNTIME",
            )
        }
        keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        return {**services, **keys, "AWS_DEFAULT_REGION": REGION, "AWS_REGION": REGION}


class MinuteBegins(SystemClock):
    """A clock on which a minute has just begun: what counts by the minute counts as one.

    For one process alone: another one's clock must not be that far off.
    """

    def __init__(self) -> None:
        self._behind = super().now() % 60_000

    def now(self) -> int:
        return super().now() - self._behind


class Running:
    """A deployment that serves. `settle` first, before looking at what it has done."""

    def __init__(self, deployment: Deployment, server: GatewayServer, settle: Callable[[], None]):
        self.deployment = deployment
        self.url = server.url
        self.socket_url = server.socket_url
        self.settle = settle

    def ticket(self, user: str | None = None) -> str:
        """A ticket for one connection of that user, or of the service itself."""
        request = urllib.request.Request(f"{self.url}/tickets", b"{}", method="POST")
        request.add_header("Authorization", f"Bearer {SERVICE_TOKEN}")
        if user is not None:
            request.add_header("X-On-Behalf-Of", user)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            ticket: str = json.load(answer)["ticket"]
        return ticket


@contextmanager
def local_set(
    folder: Path,
    model_url: str,
    variables: Variables | None = None,
    clock: Clock | None = None,
) -> Iterator[Running]:
    """As `parley dev` runs it, with its workspace in `folder`."""
    wakes = InProcessWakes(SystemClock())
    runtime = _runtime(wakes=wakes, worker=worker)
    files = _Later()
    server = _server(runtime, files)
    made = {"WORKSPACE_BASE": str(folder), **_common(model_url, variables)}
    deployment = _deployment(server, made, clock)
    deployment.wakes = wakes
    files.links = FileLinks(deployment.artifacts, deployment.file_links)
    with ExitStack() as cleanup:
        yield _serve(cleanup, deployment, server, runtime, runtime_settled(runtime))


@contextmanager
def aws_set(
    place: Place,
    model_url: str,
    variables: Variables | None = None,
    clock: Clock | None = None,
) -> Iterator[Running]:
    """As it runs on AWS, with the state of `place`; the gateway and the functions are here."""
    runtime = _runtime()
    server = _server(runtime)
    poller = SqsPoller(place.endpoint, place.queue, worker, threads=WORKERS)
    made = {**place.variables, "CONNECTIONS_URL": server.url, **_common(model_url, variables)}

    def settle() -> None:
        poller.stop()
        runtime_settled(runtime)()

    with ExitStack() as cleanup:
        cleanup.enter_context(patch.dict(os.environ, place.environment))
        # The profile of whoever runs this has no say, and neither has a cached client.
        for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
            os.environ.pop(name, None)
        _forget_clients()
        cleanup.callback(_forget_clients)
        running = _serve(cleanup, _deployment(server, made, clock), server, runtime, settle)
        poller.start()
        yield running


def runtime_settled(runtime: LambdaRuntime) -> Callable[[], None]:
    def settle() -> None:
        if not runtime.drain(PATIENCE):
            raise AssertionError("a worker or the sweep does not end")

    return settle


def _serve(
    cleanup: ExitStack,
    deployment: Deployment,
    server: GatewayServer,
    runtime: LambdaRuntime,
    settle: Callable[[], None],
) -> Running:
    cleanup.callback(_close, deployment)
    wiring.install(deployment)
    cleanup.callback(wiring.install, None)
    cleanup.callback(runtime.stop, PATIENCE)
    server.start()
    cleanup.callback(server.stop)
    runtime.start()
    # Workers end first, while their posts can still be served.
    cleanup.callback(settle)
    return Running(deployment, server, settle)


def _runtime(**parts: Any) -> LambdaRuntime:
    return LambdaRuntime(sweep=sweep, settings=RuntimeSettings(workers=WORKERS), **parts)


class _Later(FileLinks):
    """Links to files of a deployment that is made when the port of its server is known."""

    def __init__(self) -> None:
        self.links: FileLinks | None = None

    async def answer(self, request: Request) -> Response:
        assert self.links is not None
        return await self.links.answer(request)


def _server(runtime: LambdaRuntime, files: FileLinks | None = None) -> GatewayServer:
    return GatewayServer(
        gateway(runtime=runtime, connect=connect, message=message, http=http, files=files)
    )


def _deployment(server: GatewayServer, variables: Variables, clock: Clock | None) -> Deployment:
    settings = Settings.load({**variables, "PORT": str(server.port)}, loopback=True)
    return Deployment(settings, clock=clock)


def _common(model_url: str, variables: Variables | None) -> Variables:
    return {**COMMON, "ANTHROPIC_BASE_URL": model_url, **(variables or {})}


def _close(deployment: Deployment) -> None:
    """What was built of it, and would complain about being left open."""
    built = vars(deployment)
    if hasattr(built.get("push"), "_client"):
        built["push"]._client.close()
    aws.connections_client.cache_clear()
    if "model" in built:
        built["model"].close()
    if hasattr(built.get("control_plane"), "close"):
        built["control_plane"].close()
    if "engine" in built and hasattr(built["engine"], "close"):
        built["engine"].close()


def _forget_clients() -> None:
    for service in ("dynamodb", "s3", "sqs") if aws.client.cache_info().currsize else ():
        aws.client(service).close()
    aws.client.cache_clear()
    aws._session.cache_clear()
