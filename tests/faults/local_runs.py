"""One run on a laptop's set: a process that dies, its successor, the client, the audit."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from websockets.exceptions import WebSocketException

from shared.clock import SystemClock
from shared.storage.folder import FolderArtifacts
from shared.storage.sqlite import SqliteTable
from shared.storage.wrapper import ResilientTable
from tests.faults.audit import Audit
from tests.faults.children import Child
from tests.faults.dev_process import free_port
from tests.faults.kills import ARMED, CALLS, TOKENS, Kill, counted
from tests.faults.local_child import LocalOrders, serve_local
from tests.faults.returning import Client, Returning, reply_of
from tests.faults.script import said_by
from tests.support.messages_api import Request, ScriptedMessagesApi, Step

AGENTS = Path(__file__).with_name("agents")
TRUNCATE = "stream_truncate"

Model = Callable[[Request], Step]


@dataclass(frozen=True)
class Outcome:
    """What is left of a run. `calls` are those of the store up to where all was at rest."""

    turn: Returning
    calls: Sequence[str]
    tokens: int
    deaths: int


@dataclass
class LocalRun:
    """A workspace, and who works in it. `kills` happen one after the other, each to the process
    that was started after the one before."""

    orders: LocalOrders
    api: ScriptedMessagesApi
    kills: Sequence[Kill] = ()
    supports: Sequence[str] = (TRUNCATE,)
    agent: str = "faults"
    client: type[Returning] = Returning
    deaths: int = field(default=0, init=False)
    _child: Child = field(init=False)

    def run(self, message: str = "Go") -> Outcome:
        """A turn to its end, over all the deaths; then the audit."""
        self._start()
        try:
            with Client(self.orders.socket_url) as client:
                opened = client.open_session(self.agent, supports=list(self.supports))
                (self.orders.folder / ARMED).touch()
                turn = self.client(opened["sessionId"], message)
                turn.send(client)
            with opened_audit(self.orders, opened["conversationId"]) as audit:
                self._rest(turn, audit)
                calls = counted(self.orders.folder, CALLS)
                # Whoever asks again gets the same, whether or not it had been told already.
                self._return(turn)
                self._rest(turn, audit)
                audit.check([turn], self.api.requests, self.orders.agents / "runs")
                turn.check(audit, self.orders.agents / "runs")
        finally:
            self._child.__exit__(None, None, None)
        self._check_text(turn)
        tokens = len(counted(self.orders.folder, TOKENS))
        return Outcome(turn, calls, tokens, self.deaths)

    def _rest(self, turn: Returning, audit: Audit) -> None:
        """Come back until the turn has ended, and everything is at rest."""
        while not turn.ended or not audit.settle(unless=lambda: not self._child.alive):
            self._return(turn)

    def _return(self, turn: Returning) -> None:
        """Come back to the turn; if the process dies or has died, to its successor."""
        ends = len(turn.ends)
        while len(turn.ends) == ends:
            try:
                with Client(self.orders.socket_url) as client:
                    turn.resume(client)
            except (OSError, WebSocketException):
                pass
            if len(turn.ends) == ends:
                self._child.died()
                self._child.__exit__(None, None, None)
                self.deaths += 1
                assert self.deaths <= len(self.kills), "it died where it was not to"
                self._start()

    def _start(self) -> None:
        kill = self.kills[self.deaths] if self.deaths < len(self.kills) else None
        orders = replace(self.orders, kill=kill)
        self._child = Child(serve_local, orders, self.orders.folder / "child.log").__enter__()

    def _check_text(self, turn: Returning) -> None:
        text = reply_of(turn)
        replies = said_by(text)
        assert [reply for reply, _ in replies] == list(range(len(replies)))
        if TRUNCATE in self.supports:
            assert set(turn.ends) == {text}, "the client's text is not the terminal's"


@contextmanager
def local_run(
    folder: Path,
    model: Model,
    kills: Sequence[Kill] = (),
    *,
    supports: Sequence[str] = (TRUNCATE,),
) -> Iterator[LocalRun]:
    """A fresh workspace in `folder`, and a model."""
    with ScriptedMessagesApi(reply=model) as api:
        yield LocalRun(orders_in(folder, api), api, kills, supports)


def orders_in(folder: Path, api: ScriptedMessagesApi, **variables: str) -> LocalOrders:
    """A fresh workspace in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(AGENTS, folder / "agents")
    return LocalOrders(folder=folder, model_url=api.base_url, port=free_port(), variables=variables)


@contextmanager
def serving(orders: LocalOrders) -> Iterator[Child]:
    """One process that does not die."""
    with Child(serve_local, orders, orders.folder / "child.log") as child:
        yield child


@contextmanager
def opened_audit(orders: LocalOrders, conversation: str) -> Iterator[Audit]:
    """The audit of a conversation, over the file that the processes share."""
    workspace = orders.folder / "workspace"
    engine = SqliteTable(workspace / ".parley" / "parley.db")
    try:
        table = ResilientTable(engine, FolderArtifacts(workspace), SystemClock())
        yield Audit(table, conversation)
    finally:
        engine.close()
