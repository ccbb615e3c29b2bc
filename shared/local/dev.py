"""`parley dev`: the gateway, the workers and, without a key, the demo model, in one process."""

import logging
import os
import secrets
import signal
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shared import logs, wiring
from shared.backends.control_plane import ControlPlaneFault, for_operator
from shared.conversations import uploads
from shared.errors import BackendUnavailable, ConfigurationError
from shared.ids import new_id
from shared.local.demo_model import demo_app
from shared.local.files import FileLinks
from shared.local.gateway import gateway
from shared.local.instances import Instances
from shared.local.runtime import LambdaRuntime
from shared.local.server import GatewayServer
from shared.settings import Settings
from shared.wiring import Deployment

log = logging.getLogger("parley")

HOST = "127.0.0.1"
DEMO_PATH = "/_demo"
WORDS_PER_SECOND = 25
DRAIN_SECONDS = 10.0


@dataclass(frozen=True)
class LocalSettings:
    """The settings of a laptop, and whether the demo model answers."""

    settings: Settings
    demo: bool


def load(environ: Mapping[str, str], port: int | None = None) -> LocalSettings:
    """The settings for this machine: loopback only, a secret of its own, the demo model when
    neither a key nor an endpoint is set.

    Raises:
        ConfigurationError: the environment contradicts itself, or is for AWS.
    """
    variables = dict(environ)
    if port is not None:
        variables["PORT"] = str(port)
    first = Settings.load(variables, loopback=True)
    if first.on_aws:
        raise ConfigurationError("Unset TABLE_NAME and its like: `parley dev` keeps state here.")
    if first.port == 0:
        raise ConfigurationError("Set PORT to a number from 1 on: others must know where this is.")
    if first.signing_secret is None:
        variables["SIGNING_SECRET"] = _own_secret(first.workspace_base)
    demo = first.anthropic_api_key is None and first.anthropic_base_url is None
    if demo:
        variables["ANTHROPIC_BASE_URL"] = f"http://{HOST}:{first.port}{DEMO_PATH}"
    return LocalSettings(Settings.load(variables, loopback=True), demo)


def _own_folder(workspace: Path) -> Path:
    """Where a workspace keeps what is not for people."""
    folder = workspace / ".parley"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise ConfigurationError(
            f"{folder} cannot be made: {fault.strerror}. Set WORKSPACE_BASE to another folder."
        ) from fault
    return folder


def _own_secret(workspace: Path) -> str:
    """A secret that this workspace keeps, so that signatures stay valid after a restart."""
    path = _own_folder(workspace) / "signing-secret"
    if not path.exists():
        fresh = path.with_suffix(f".{new_id()}")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(48))
        fresh.replace(path)
    return path.read_text().strip()


class DevServer:
    """Everything, on one port of this machine. `start` returns when it answers."""

    def __init__(self, local: LocalSettings) -> None:
        from functions.executor.handler import handler as http
        from functions.send_message.handler import handler as message
        from functions.sweep.handler import handler as sweep
        from functions.worker.handler import handler as worker
        from functions.ws_connect.handler import handler as connect

        self.settings = local.settings
        self._instances = Instances(_own_folder(local.settings.workspace_base) / "instances")
        self.deployment = Deployment(local.settings, instance=self._instances.own)
        self._runtime = LambdaRuntime(
            wakes=self.deployment.local_wakes,
            worker=worker,
            sweep=sweep,
        )
        app = gateway(
            runtime=self._runtime,
            connect=connect,
            message=message,
            http=http,
            demo=demo_app(WORDS_PER_SECOND) if local.demo else None,
            files=FileLinks(self.deployment.artifacts, self.deployment.file_links),
        )
        self._server = GatewayServer(app, host=HOST, port=local.settings.port)

    def start(self) -> None:
        """Take up what a dead process of this workspace left behind, and serve."""
        if self._instances.others_alive():
            # Each has its own connections: a turn that the other one ran could not be streamed.
            raise ConfigurationError(
                f"Another `parley dev` works in {self.settings.workspace_base}. Stop it, or set "
                "WORKSPACE_BASE to another folder."
            )
        wiring.install(self.deployment)
        try:
            self.deployment.agents.list(self.settings.home_tenant)
        except BackendUnavailable as fault:
            # It may come back; until then there are the agents that were known last.
            log.warning("%s", _why(fault, self.settings))
        self._instances.release_dead(self.deployment.table, self.deployment.clock)
        uploads.sweep(self.deployment.artifacts, self.deployment.clock)
        self._server.start()
        self._runtime.start()

    def stop(self) -> None:
        """Let running turns end within some seconds; what does not goes on after a restart."""
        idle = self._runtime.drain(DRAIN_SECONDS)
        self._server.stop()
        self._runtime.stop(DRAIN_SECONDS)
        self._instances.close(idle=idle)
        wiring.install(None)


def _why(fault: BackendUnavailable, settings: Settings) -> str:
    cause = fault.__cause__
    assert isinstance(cause, ControlPlaneFault)  # noqa: S101 - nothing else is told so
    return for_operator(cause, settings.backend or "")


def greeting(local: LocalSettings) -> str:
    """What the start prints: where to go, and what is configured; never a secret."""
    base = f"http://{HOST}:{local.settings.port}"
    summary = {**local.settings.summary()}
    if local.demo:
        summary["model"] = "demo (set ANTHROPIC_API_KEY for a real one)"
        summary["model endpoint"] = f"{base}{DEMO_PATH}"
    rows = [("HTTP", f"{base}/docs"), ("WebSocket", f"ws://{HOST}:{local.settings.port}/ws")]
    lines = [f"  {name:<15} {value}" for name, value in [*rows, *summary.items()]]
    return "\n".join(["Parley is running.", *lines, "Ctrl-C stops it."])


def serve(port: int | None) -> None:
    """Run until a signal says stop.

    Raises:
        ConfigurationError: a setting or an agent file is not valid.
        OSError: the port is taken.
    """
    local = load(os.environ, port)
    logs.configure("parley", local.settings.log_level, sys.stderr)
    server = DevServer(local)
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    server.start()
    sys.stdout.write(greeting(local) + "\n")
    sys.stdout.flush()
    stopping.wait()
    server.stop()
