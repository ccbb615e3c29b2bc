"""Processes with the whole product in them, begun within a fraction of a second and made to die.

They are forked from a server of the standard library's that has imported everything and has one
thread, so a child begins as if it had been started afresh. Its output goes to a file.
"""

import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.gateway import PATIENCE

PRELOADED = [
    "pytest",
    "tests.faults.local_child",
    "tests.faults.aws_child",
    # What is imported only when it is needed.
    "anthropic",
    "shared.conversations.admission",
    "shared.conversations.authentication",
    "shared.conversations.dispatch",
    "shared.conversations.endings",
    "shared.conversations.listing",
    "shared.conversations.memory",
    "shared.conversations.messages",
    "shared.conversations.resuming",
    "shared.conversations.stops",
    "shared.conversations.summarising",
    "shared.conversations.titles",
    "shared.conversations.turns",
    "shared.conversations.telling",
    "shared.conversations.work",
    "shared.identity.contexts",
    "shared.identity.credentials",
    "shared.identity.tickets",
    "shared.mailbox.deliveries",
    "shared.mailbox.drain",
    "shared.mailbox.sweep",
    "shared.messaging.connection_api",
    "shared.messaging.http_post",
    "shared.messaging.sqs",
    "shared.models.anthropic_api",
    "shared.models.anthropic_client",
    "shared.models.prices",
    "shared.storage.dynamodb",
    "shared.storage.s3",
    "shared.storage.sqlite",
    "shared.tools.factory",
    "shared.web.app",
    "uvicorn",
]

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(PRELOADED)

Serve = Callable[["Parent"], None]
"""What a child does; module level, as it is named to the child. Calls `Parent.wait` once."""


@dataclass(frozen=True)
class Parent:
    """The child's end: what it was told, and how it tells that it serves."""

    told: Any
    line: "Connection[Any, Any]"

    def wait(self, said: Any = None) -> None:
        """Tell that this process serves, and wait until it is to end, or nobody is left to tell
        it so."""
        self.line.send(said)
        try:
            self.line.recv()
        except EOFError:
            return


@dataclass
class Child:
    """One process; `with` ends it, well if it has not died."""

    serve: Serve
    told: Any
    output: Path
    said: Any = field(default=None, init=False)

    def __enter__(self) -> Self:
        ours, theirs = _context.Pipe()
        self._line = ours
        self._process = _context.Process(
            target=_run, args=(self.serve, self.told, theirs, self.output)
        )
        self._process.start()
        theirs.close()
        if not ours.poll(PATIENCE):
            self.kill()
            raise AssertionError(f"a child did not start:\n{self.log()}")
        try:
            self.said = ours.recv()
        except EOFError:
            # It may have come to the point where it was to die already.
            self.died()
        return self

    @property
    def process(self) -> int:
        """Its number, for the system."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.is_alive()

    def log(self) -> str:
        """The end of what it said."""
        return self.output.read_text(errors="replace")[-4000:] if self.output.exists() else ""

    def died(self) -> None:
        """It is dead, or dying, by its own hand."""
        self._process.join(PATIENCE)
        assert self._process.exitcode == -signal.SIGKILL, (self._process.exitcode, self.log())

    def kill(self) -> None:
        self._process.kill()
        self._process.join()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._line.close()
        self._process.join(PATIENCE)
        if self._process.is_alive():
            self.kill()
        ended = self._process.exitcode
        self._process.close()
        assert error is not None or ended in (0, -signal.SIGKILL), (ended, self.log())


def _run(serve: Serve, told: Any, line: "Connection[Any, Any]", output: Path) -> None:
    # What a terminal sends to its processes is for the tests, which end their children.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with output.open("ab", buffering=0) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    serve(Parent(told, line))
