"""A real terminal for a command: a tmux server of its own, with one window."""

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

import pytest

from tests.support.gateway import PATIENCE

ROOT = Path(__file__).resolve().parents[3]
STEP = 0.05

needs_tmux = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")


class Terminal:
    """`parley …` in a terminal of 80 by 24, with `folder` as its home. When the command has
    ended, the screen shows `ended <exit code>, echo <on|off>`."""

    def __init__(self, folder: Path, *arguments: str, variables: Mapping[str, str]) -> None:
        # Not in `folder`: the path of a socket may only have about a hundred characters.
        self._sockets = TemporaryDirectory(prefix="parley-tmux-")
        self._tmux = ["tmux", "-L", "parley", "-f", "/dev/null"]
        command = shlex.join([sys.executable, "-m", "shared.cli.main", *arguments])
        state = "stty -a | grep -q -- ' -echo ' && s=off || s=on"
        script = f"trap : INT; {command}; code=$?; {state}; echo ended $code, echo $s; cat"
        environment = [f"{name}={value}" for name, value in variables.items()]
        home = ["env", "-u", "PARLEY_TOKEN", f"HOME={folder}", f"XDG_STATE_HOME={folder}/state"]
        words = [*home, *environment, "sh", "-c", script]
        size = ["-x", "80", "-y", "24"]
        self._start = ["new-session", "-d", *size, "-c", str(ROOT), shlex.join(words)]

    def press(self, *keys: str) -> None:
        """Press these keys, in tmux's names: `Enter`, `C-c`, `M-Enter`, or text."""
        for key in keys:
            self._run("send-keys", key)

    def text(self, text: str) -> None:
        """Type the text and press Enter."""
        self._run("send-keys", "-l", text)
        self._run("send-keys", "Enter")

    def screen(self) -> str:
        """What stands there, with what has scrolled away."""
        return self._run("capture-pane", "-p", "-S", "-500")

    def wait(self, condition: str | Callable[[str], bool]) -> str:
        """The screen as soon as it has the text, or fits; an AssertionError if it never does."""
        give_up = time.monotonic() + PATIENCE
        while time.monotonic() < give_up:
            screen = self.screen()
            if condition in screen if isinstance(condition, str) else condition(screen):
                return screen
            time.sleep(STEP)
        raise AssertionError(f"waited in vain for {condition!r}:\n{self.screen()}")

    def process(self) -> int:
        """The id of the running command."""
        shell = self._run("list-panes", "-F", "#{pane_pid}").strip()
        found = subprocess.run(["pgrep", "-P", shell], capture_output=True, text=True, check=True)
        return int(found.stdout.split()[0])

    def device(self) -> str:
        """The terminal's own file."""
        return self._run("list-panes", "-F", "#{pane_tty}").strip()

    def _run(self, *words: str) -> str:
        ran = subprocess.run(
            [*self._tmux, *words],
            env=os.environ | {"TMUX_TMPDIR": self._sockets.name},
            capture_output=True,
            text=True,
            check=True,
        )
        return ran.stdout

    def __enter__(self) -> Self:
        self._run(*self._start)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._run("kill-server")
        self._sockets.cleanup()
