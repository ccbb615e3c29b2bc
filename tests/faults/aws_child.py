"""Children that work as on AWS: the one with the clients' connections, which stands for API
Gateway and the functions that answer frames, and workers, which die.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path

from functions.executor.handler import handler as http
from functions.send_message.handler import handler as message
from functions.sweep.handler import handler as sweep
from functions.worker.handler import handler as worker
from functions.ws_connect.handler import handler as connect
from shared import wiring
from shared.local.gateway import gateway
from shared.local.runtime import LambdaRuntime, RuntimeSettings
from shared.local.server import GatewayServer
from shared.settings import Settings
from shared.wiring import Deployment
from tests.faults.children import Parent
from tests.faults.kills import CountedModel, Kill, Reaper
from tests.support.deployments import COMMON, Place, Variables
from tests.support.faults import FaultyTable
from tests.support.gateway import PATIENCE
from tests.support.sqs_poller import SqsPoller

SWEEP_SECONDS = 1.0
THREADS = 2


@dataclass(frozen=True, kw_only=True)
class AwsOrders:
    """What one process is to be. `folder` holds the agents and the counts."""

    folder: Path
    place: Place
    model_url: str
    variables: Variables = field(default_factory=dict[str, str])
    connections_url: str = ""
    kill: Kill | None = None

    @property
    def agents(self) -> Path:
        return self.folder / "agents"


def serve_clients(parent: Parent) -> None:
    """Hold connections and answer frames; tells its address. It runs no turn."""
    orders: AwsOrders = parent.told
    runtime = LambdaRuntime()
    server = GatewayServer(gateway(runtime=runtime, connect=connect, message=message, http=http))
    wiring.install(_deployment(orders, server.url))
    server.start()
    runtime.start()
    parent.wait(server.url)
    server.stop()
    runtime.stop(PATIENCE)


def serve_wakes(parent: Parent) -> None:
    """Run turns, and sweep."""
    orders: AwsOrders = parent.told
    deployment = _deployment(orders, orders.connections_url)
    reaper = Reaper(orders.folder, orders.kill)
    deployment.engine = FaultyTable(deployment.engine, reaper.plan)
    deployment.model = CountedModel(deployment.model, reaper)
    wiring.install(deployment)
    poller = SqsPoller(orders.place.endpoint, orders.place.queue, worker, threads=THREADS)
    runtime = LambdaRuntime(sweep=sweep, settings=RuntimeSettings(sweep_every=SWEEP_SECONDS))
    poller.start()
    runtime.start()
    parent.wait()
    poller.stop()
    runtime.stop(PATIENCE)


def _deployment(orders: AwsOrders, connections_url: str) -> Deployment:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        os.environ.pop(name, None)
    os.environ.update(orders.place.environment)
    made = {
        **COMMON,
        **orders.place.variables,
        "CONNECTIONS_URL": connections_url,
        "ANTHROPIC_BASE_URL": orders.model_url,
        "ASSISTANT_LOCAL_CONFIG_DIR": str(orders.agents),
        "RATE_LIMIT_PER_MINUTE": "0",
        **orders.variables,
    }
    return Deployment(Settings.load(made, loopback=True))
