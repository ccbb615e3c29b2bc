"""A child that is `parley dev`, with the point where it dies."""

from dataclasses import dataclass, field
from pathlib import Path

from shared.local.dev import DevServer, load
from tests.faults.children import Parent
from tests.faults.kills import CountedModel, Kill, Reaper
from tests.support.deployments import COMMON, Variables
from tests.support.faults import FaultyTable


@dataclass(frozen=True, kw_only=True)
class LocalOrders:
    """What one process is to be. `folder` holds the agents, the state and the counts."""

    folder: Path
    model_url: str
    port: int
    kill: Kill | None = None
    variables: Variables = field(default_factory=dict[str, str])

    @property
    def agents(self) -> Path:
        return self.folder / "agents"

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"


def serve_local(parent: Parent) -> None:
    """Serve as `parley dev` does."""
    orders: LocalOrders = parent.told
    made = {
        **COMMON,
        "WORKSPACE_BASE": str(orders.folder / "workspace"),
        "ASSISTANT_LOCAL_CONFIG_DIR": str(orders.agents),
        "ANTHROPIC_BASE_URL": orders.model_url,
        "RATE_LIMIT_PER_MINUTE": "0",
        **orders.variables,
    }
    server = DevServer(load(made, orders.port))
    reaper = Reaper(orders.folder, orders.kill)
    deployment = server.deployment
    deployment.engine = FaultyTable(deployment.engine, reaper.plan)
    deployment.model = CountedModel(deployment.model, reaper)
    server.start()
    parent.wait()
    server.stop()
