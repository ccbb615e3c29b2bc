"""`parley dev` from start to signal, twice in one workspace."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def greeting(process: subprocess.Popen[str]) -> str:
    """What it prints until it runs."""
    assert process.stdout is not None
    lines: list[str] = []
    while not (lines and lines[-1].startswith("Ctrl-C")):
        line = process.stdout.readline()
        assert line, "it ended before it ran"
        lines.append(line)
    return "".join(lines)


def status(port: int) -> str:
    url = f"http://127.0.0.1:{port}/health"
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        return str(json.loads(answer.read())["status"])


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_a_signal_and_leaves_nothing_running(
    tmp_path: Path, ending: signal.Signals
) -> None:
    port = free_port()
    variables = {
        "PATH": os.environ["PATH"],
        "WORKSPACE_BASE": str(tmp_path),
        "ASSISTANT_LOCAL_CONFIG_DIR": str(ROOT / "agents"),
    }
    for _ in range(2):
        process = subprocess.Popen(
            [sys.executable, "-m", "shared.cli.main", "dev", "--port", str(port)],
            cwd=ROOT,
            env=variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                said = greeting(process)
                assert status(port) == "ok"
                process.send_signal(ending)
                _, err = process.communicate(timeout=PATIENCE)
            finally:
                if process.poll() is None:
                    process.kill()
        assert process.returncode == 0, err
        assert "Traceback" not in err
        assert (tmp_path / ".parley" / "signing-secret").read_text().strip() not in said
        assert list((tmp_path / ".parley" / "instances").iterdir()) == []
