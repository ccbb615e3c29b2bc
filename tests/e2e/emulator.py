"""The AWS emulator as a process of this test run, on loopback, with nothing of the host's AWS."""

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import boto3

REGION = "us-east-1"
PATIENCE = 30.0


class Emulator:
    """ministack under the interpreter of its own environment.

    It runs the functions with that interpreter, and hands them `AWS_ENDPOINT_URL` itself.
    """

    def __init__(self, environment: Path, folder: Path) -> None:
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "emulator.log"
        self._folder = folder
        self._program = environment / "bin" / "ministack"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Emulator":
        for name in ("home", "tmp"):
            (self._folder / name).mkdir()
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [self._program],
                cwd=self._folder,
                env={
                    "PATH": os.environ["PATH"],
                    # No profile, no settings, and its scratch folders go with the test run.
                    "HOME": str(self._folder / "home"),
                    "TMPDIR": str(self._folder / "tmp"),
                    "BIND_HOST": "127.0.0.1",
                    "GATEWAY_PORT": str(self.port),
                    # Check every request against the caller's role, as AWS does.
                    "AUTH": "true",
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the emulator did not start:\n{self.last_words()}")
            time.sleep(0.1)
        return self

    def stop(self) -> None:
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client with this region and test credentials."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            **options,
        )

    def last_words(self, lines: int = 60) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-lines:])

    def printed(self, lines: int = 100) -> str:
        """What the functions printed last."""
        logs = self.client("logs")
        said: list[str] = []
        for group in logs.describe_log_groups()["logGroups"]:
            name = group["logGroupName"]
            events = logs.filter_log_events(logGroupName=name)["events"]
            lines_of = [each["message"].rstrip() for each in events]
            said += [
                f"{name.rpartition('/')[2]}: {line}"
                for line in lines_of
                if not line.startswith(("START ", "END ", "REPORT "))
            ]
        return "\n".join(said[-lines:])

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=1) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
