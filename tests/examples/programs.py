"""The examples as a reader runs them: each in a process of its own."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0

# What the developer who runs the tests has set must not reach the program.
_FOREIGN = re.compile(r"(AWS|ANTHROPIC|AUTH|PARLEY|RESONNET|SERVICE|SIGNING|NOTES)_")

Ended = subprocess.CompletedProcess[str]


def run(program: str, *arguments: str, said: str = "", **variables: str) -> Ended:
    """Run it to its end, with these lines to read and these variables."""
    return subprocess.run(
        _command(program, *arguments),
        cwd=ROOT,
        env=_environment(variables),
        input=said,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


@contextmanager
def running(
    program: str, *arguments: str, said: str, **variables: str
) -> Iterator[subprocess.Popen[str]]:
    """The same while it runs, to read what it prints line by line."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        _command(program, *arguments),
        cwd=ROOT,
        env=_environment(variables),
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        text=True,
    ) as process:
        assert process.stdin
        stop = Timer(PATIENCE, process.kill)
        stop.start()
        try:
            process.stdin.write(said)
            process.stdin.close()
            yield process
        finally:
            stop.cancel()
            process.kill()


def _command(program: str, *arguments: str) -> list[str]:
    return [sys.executable, "-W", "error", str(ROOT / "examples" / program), *arguments]


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not _FOREIGN.match(name)}
    return {**kept, **variables}


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
