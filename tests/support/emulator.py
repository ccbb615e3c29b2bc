"""The AWS emulator, in a process and an environment of its own."""

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.aws import HOST, REGION

_PROGRAM = Path(__file__).parents[2] / ".venv-emulator" / "bin" / "ministack"
_START_SECONDS = 30
_STOP_SECONDS = 10


@contextmanager
def emulator(folder: Path) -> Iterator[str]:
    """The address of a running emulator that keeps what it writes in `folder`.

    The process ends with the block; only this one is ever signalled.
    """
    if not _PROGRAM.exists():
        pytest.fail("The emulator is not installed; `make contracts` installs it and runs this.")
    port = _free_port()
    environment = {
        **os.environ,
        "BIND_HOST": HOST,
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        "TMPDIR": str(folder),
        "S3_DATA_DIR": str(folder / "s3"),
    }
    log = folder / "emulator.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [_PROGRAM], cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT
        ) as process,
    ):
        try:
            address = f"http://{HOST}:{port}"
            _wait_until_ready(process, address, log)
            yield address
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port


def _wait_until_ready(process: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    give_up = time.monotonic() + _START_SECONDS
    while time.monotonic() < give_up:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{address}/_ministack/health", timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    pytest.fail(f"the emulator did not start:\n{log.read_text(errors='replace')[-2000:]}")
