"""A process that kills itself at any call of its store while a turn, its records, the end of the
conversation and the finalizing of its call are written, sent and noted.

The backend that keeps the history lives on. When all is at rest it has everything, in order, once.
"""

import json
import random
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from websockets.exceptions import WebSocketException

from shared.mailbox.records import record_box
from tests.backends.bridge import TOKEN, short
from tests.faults.forms import sample
from tests.faults.kills import ARMED, CALLS, Kill, counted
from tests.faults.local_runs import AGENTS, LocalRun, opened_audit, orders_in
from tests.faults.returning import Client, Returning, reply_of
from tests.faults.script import Talker
from tests.support.messages_api import ScriptedMessagesApi
from tests.support.reference_backend import ReferenceBackend

MESSAGE = "Go"
STORE_CALLS = 52
"""Calls of the store at which the process is killed: those of the turn, of its records and of the
end, and some looks at the mailboxes beside them."""

KILLS = [Kill(at, number) for number in range(STORE_CALLS) for at in ("before", "after")]


class RecordedRun(LocalRun):
    """A turn, then the end of its conversation."""

    def recorded(self, backend: ReferenceBackend) -> tuple[list[str], Returning]:
        """What the backend was told when all is at rest, and the turn."""
        self._start()
        try:
            with Client(self.orders.socket_url) as client:
                opened = client.open_session(self.agent, supports=list(self.supports))
                (self.orders.folder / ARMED).touch()
                turn = Returning(opened["sessionId"], MESSAGE)
                turn.send(client)
            while not turn.ended:
                self._return(turn)
            conversation = opened["conversationId"]
            self._end(conversation)
            with opened_audit(self.orders, conversation) as audit:
                while not audit.settle(unless=lambda: not self._child.alive):
                    self._again()
                audit.check([turn])
                box = audit.table.get([record_box(audit.box).item])[0]
                assert box is not None
                assert box.attrs["jobs"] == []
        finally:
            self._child.__exit__(None, None, None)
        return [short(entry) for entry in backend.books.committed], turn

    def _end(self, conversation: str) -> None:
        url = f"http://127.0.0.1:{self.orders.port}/conversations/{conversation}/end"
        while True:
            try:
                request = urllib.request.Request(url, b"", method="POST")
                with urllib.request.urlopen(request, timeout=20) as answer:
                    assert answer.status == 202, json.load(answer)
                return
            except (OSError, WebSocketException):
                self._again()

    def _again(self) -> None:
        """The process has died; start its successor."""
        self._child.died()
        self._child.__exit__(None, None, None)
        self.deaths += 1
        assert self.deaths <= len(self.kills), "it died where it was not to"
        self._start()


def run_with(folder: Path, kills: Sequence[Kill]) -> tuple[list[str], int]:
    """The calls of the store, and how often a process died."""
    agent = yaml.safe_load((AGENTS / "faults.yaml").read_text())
    with (
        ReferenceBackend(token=TOKEN) as backend,
        ScriptedMessagesApi(reply=Talker((20,), {})) as api,
    ):
        backend.books.put_agent("faults", agent)
        orders = orders_in(
            folder / "run",
            api,
            BACKEND_URL=backend.url,
            BACKEND_TOKEN=TOKEN,
            HISTORY_RETRY_BACKOFF_SEC="0.05",
        )
        run = RecordedRun(orders, api, kills)
        told, turn = run.recorded(backend)
        assert told == ["begin", MESSAGE, reply_of(turn), "finalize"]
        assert backend.books.answers["conflicts"] == 0, "a repeat that was not the same"
        if kills and run.deaths == 0 and kills[0].at == "before":
            calls = counted(orders.folder, CALLS)
            assert len(calls) <= kills[0].number, "the process lived on where it was to die"
        return counted(orders.folder, CALLS), run.deaths


def test_without_a_kill(tmp_path: Path) -> None:
    calls, _ = run_with(tmp_path, [])
    writes = [call for call in calls if call != "get"]
    # Fewer, and nothing was counted; more, and the points above are not all of them.
    assert 18 <= len(writes) <= STORE_CALLS - 10, calls


@pytest.mark.parametrize("kill", sample(KILLS, 9), ids=str)
def test_a_kill_at_a_call_of_the_store(tmp_path: Path, kill: Kill) -> None:
    run_with(tmp_path, [kill])


@pytest.mark.parametrize("seed", sample(range(30), 15))
def test_two_kills(tmp_path: Path, seed: int) -> None:
    """The second one meets whoever takes up what the first one left behind."""
    dice = random.Random(seed)
    second = dice.choice(KILLS[:40])
    run_with(tmp_path, [dice.choice(KILLS), Kill(second.at, second.number, life=1)])
