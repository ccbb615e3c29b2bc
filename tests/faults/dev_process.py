"""A real `parley dev` process, which tests start, kill and start again."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.gateway import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
READY = "Parley is running."

# What the developer who runs the tests has set must not reach the process.
_FOREIGN = ("AWS_", "ANTHROPIC_", "AUTH_", "PARLEY_", "RESONNET_")


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


class DevProcess:
    """`parley dev` on a port of its own, with its state in `workspace`; `with` stops it."""

    def __init__(self, workspace: Path, variables: Mapping[str, str] | None = None) -> None:
        self.port = free_port()
        self._workspace = workspace
        self._variables = variables or {}
        self._process: subprocess.Popen[str] | None = None
        self._said: list[str] = []
        self._reader: threading.Thread | None = None

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    def start(self) -> Self:
        """Start, also again after a kill; returns when it serves."""
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)
        }
        environment |= {"WORKSPACE_BASE": str(self._workspace), "PYTHONUNBUFFERED": "1"}
        command = [sys.executable, "-m", "shared.cli.main", "dev", "--port", str(self.port)]
        ready = threading.Event()
        self._process = process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment | dict(self._variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, args=(process, ready), name="dev-output")
        self._reader.start()
        if not ready.wait(PATIENCE) or not any(line.startswith(READY) for line in self._said):
            self.kill()
            raise AssertionError("parley dev did not start:\n" + "".join(self._said[-50:]))
        return self

    def kill(self) -> None:
        """SIGKILL: no goodbye, no cleaning up."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """As Ctrl-C does."""
        self._end(signal.SIGINT)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self._reader is not None:
            self._reader.join()
        if process.stdout is not None:
            process.stdout.close()

    def _read(self, process: "subprocess.Popen[str]", ready: threading.Event) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._said.append(line)
            if line.startswith(READY):
                ready.set()
        ready.set()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
