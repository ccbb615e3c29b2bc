"""`parley` as a process of its own, as a developer runs it."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0

# What the developer who runs the tests has set must not reach the process.
_FOREIGN = ("AWS_", "ANTHROPIC_", "AUTH_", "PARLEY_", "RESONNET_", "SERVICE_", "SIGNING_")


def parley(*arguments: str, folder: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run a command that ends by itself, with its workspace in `folder`."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)
    }
    environment |= {"WORKSPACE_BASE": str(folder / "workspace"), **variables}
    return subprocess.run(
        [sys.executable, "-m", "shared.cli.main", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


def one_line(completed: "subprocess.CompletedProcess[str]") -> str:
    """The error of a command that failed as it should: one line, and nothing else."""
    assert completed.returncode == 1, completed
    assert completed.stdout == ""
    lines = completed.stderr.splitlines()
    assert len(lines) == 1, completed.stderr
    assert lines[0].startswith("Error: ")
    return lines[0]
