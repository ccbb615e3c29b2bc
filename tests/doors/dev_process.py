"""`parley dev` as a process of its own, and all that it writes down."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.gateway import PATIENCE
from tests.support.server_process import ROOT

LAST_LINE = "Ctrl-C"


class DevProcess:
    """It runs on `port`; `written` is all of its output so far."""

    def __init__(self, port: int, process: subprocess.Popen[str]) -> None:
        self.port = port
        self._process = process
        self._lines: list[str] = []
        self._ready = threading.Event()
        self._reader = threading.Thread(target=self._read, name="output", daemon=True)
        self._reader.start()

    @property
    def written(self) -> str:
        return "".join(self._lines)

    def await_ready(self) -> None:
        assert self._ready.wait(PATIENCE), self.written

    def stop(self) -> None:
        """Ctrl-C; `written` is complete then."""
        self._process.send_signal(signal.SIGINT)
        assert self._process.wait(PATIENCE) == 0, self.written
        self._reader.join(PATIENCE)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.append(line)
            if line.startswith(LAST_LINE):
                self._ready.set()


@contextmanager
def dev_process(workspace: Path, **variables: str) -> Iterator[DevProcess]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
    environment = {
        "PATH": os.environ["PATH"],
        "WORKSPACE_BASE": str(workspace),
        "ASSISTANT_LOCAL_CONFIG_DIR": str(ROOT / "agents"),
        **variables,
    }
    with subprocess.Popen(
        [sys.executable, "-m", "shared.cli.main", "dev", "--port", str(port)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        running = DevProcess(port, process)
        try:
            running.await_ready()
            yield running
        finally:
            if process.poll() is None:
                process.kill()


def files(workspace: Path) -> Iterator[tuple[Path, bytes]]:
    """All files of the workspace, hidden ones too."""
    for path in sorted(workspace.rglob("*")):
        if path.is_file():
            yield path, path.read_bytes()
