"""Where a process kills itself: around a call of its store, or when a token reaches it.

SIGKILL and nothing less: no handler runs, no `finally`, no buffer is flushed. What is counted
stands in files of a folder that outlives the process, one line for each.
"""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Literal

from shared.models.port import Model, ModelEvent, ModelRequest, ModelStream, TextDelta
from tests.support.faults import Call, Hooks

ARMED = "armed"
CALLS = "calls"
TOKENS = "tokens"


@dataclass(frozen=True)
class Kill:
    """Before or after the effect of the call with this number, or when the token with this number
    arrives. Numbers begin at 0 and count from when the folder was armed; `life` tells several
    kills of one run apart."""

    at: Literal["before", "after", "token"]
    number: int
    life: int = 0

    def __str__(self) -> str:
        return f"{self.at}-{self.number}"


class Reaper:
    """Counts the calls and tokens of this process, and kills it where it was told to.

    Of several processes with one folder only the first to come to the point dies.
    """

    def __init__(self, folder: Path, kill: Kill | None) -> None:
        self._folder = folder
        self._kill = kill
        self._lock = Lock()
        self._armed = False
        self._calls = 0
        self._tokens = 0

    def plan(self, call: Call) -> Hooks | None:
        """For `FaultyTable`. The sweep's look at the index is not counted: it comes by the clock
        and writes nothing."""
        if call.method == "query_index":
            return None
        with self._lock:
            if not self._is_armed():
                return None
            number, self._calls = self._calls, self._calls + 1
        self._count(CALLS, call.method)
        match self._kill:
            case Kill("before", point) if point == number:
                return Hooks(before=self._die)
            case Kill("after", point) if point == number:
                return Hooks(after=self._die)
        return None

    def token(self) -> None:
        """A token has arrived."""
        with self._lock:
            if not self._is_armed():
                return
            number, self._tokens = self._tokens, self._tokens + 1
        self._count(TOKENS, str(number))
        if self._kill is not None and (self._kill.at, self._kill.number) == ("token", number):
            self._die()

    def _is_armed(self) -> bool:
        self._armed = self._armed or (self._folder / ARMED).exists()
        return self._armed

    def _count(self, name: str, line: str) -> None:
        file = os.open(self._folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(file, f"{line}\n".encode())
        finally:
            os.close(file)

    def _die(self) -> None:
        assert self._kill is not None
        try:
            (self._folder / f"killed-{self._kill.life}").touch(exist_ok=False)
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)


class CountedModel:
    """A model whose tokens are counted as they arrive."""

    def __init__(self, model: Model, reaper: Reaper) -> None:
        self._model = model
        self._reaper = reaper

    def stream(self, request: ModelRequest, *, seconds_left: float) -> ModelStream:
        return _CountedStream(self._model.stream(request, seconds_left=seconds_left), self._reaper)


class _CountedStream:
    def __init__(self, stream: ModelStream, reaper: Reaper) -> None:
        self._stream = stream
        self._reaper = reaper

    def __iter__(self) -> Iterator[ModelEvent]:
        for event in self._stream:
            if isinstance(event, TextDelta):
                self._reaper.token()
            yield event

    def close(self) -> None:
        self._stream.close()


def counted(folder: Path, name: str) -> list[str]:
    """What was counted: the methods of the calls, or the numbers of the tokens."""
    path = folder / name
    return path.read_text().splitlines() if path.exists() else []
