"""The examples as a reader runs them: each in a process of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0

# What the developer who runs the tests has set must not reach the program.
_FOREIGN = re.compile(r"(AWS|ANTHROPIC|AUTH|PARLEY|RESONNET|SERVICE|SIGNING|NOTES)_")

Ended = subprocess.CompletedProcess[str]


def run(program: str, *arguments: str, said: str = "", **variables: str) -> Ended:
    """Run it to its end, with these lines to read and these variables."""
    kept = {name: value for name, value in os.environ.items() if not _FOREIGN.match(name)}
    return subprocess.run(
        [sys.executable, "-W", "error", str(ROOT / "examples" / program), *arguments],
        cwd=ROOT,
        env={**kept, **variables},
        input=said,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


def printed(ended: Ended) -> str:
    """What a program that did its work has printed."""
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout.removesuffix("\n")


def complaint(ended: Ended) -> str:
    """The one sentence of a program that could not do its work."""
    assert (ended.returncode, ended.stdout) == (1, "")
    lines = ended.stderr.splitlines()
    assert len(lines) == 1, ended.stderr
    return lines[0]
