"""What must be true after any kill, by the store and by what clients received.

It waits until things have settled: the store is asked again until nothing is leased, waits or is
due, with a deadline.
"""

import itertools
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.conversations.items import box_key, meta_key, turn_ref
from shared.mailbox.box import SHARDS, Box, BoxKey, Job
from shared.runner.calls import INTERRUPTED
from shared.storage.table import DUE, Item, Table
from tests.faults.returning import Returning
from tests.support.gateway import PATIENCE
from tests.support.messages_api import Request

TENANT = "local"
POLL_SECONDS = 0.02
NOT_CALLED = "Not called."
OUTCOMES = {"completed", "failed", "cancelled"}


@dataclass(frozen=True)
class Audit:
    """The end of one run, over the table as it stands beneath the product."""

    table: Table
    conversation: str
    tenant: str = TENANT

    @property
    def box(self) -> BoxKey:
        return box_key(self.tenant, self.conversation)

    def settle(
        self, seconds: float = PATIENCE, *, unless: Callable[[], bool] = lambda: False
    ) -> bool:
        """Wait until nothing is left to do. False: `unless` came true before."""
        give_up = time.monotonic() + seconds
        while left := self.left():
            if unless():
                return False
            assert time.monotonic() < give_up, f"never settled: {left}"
            time.sleep(POLL_SECONDS)
        return True

    def left(self) -> str:
        """What keeps the conversation from being at rest; nothing if it is."""
        box = self._box()
        if box.owner is not None:
            return f"leased by {box.owner}"
        if box.jobs:
            return f"jobs {box.jobs}"
        return next(iter(self._due()), "")

    def check(
        self,
        turns: Sequence[Returning],
        requests: Iterable[Request] = (),
        ledger: Path | None = None,
    ) -> None:
        """The whole audit. `requests` are all that the model was asked, `ledger` is where tools
        noted what they did."""
        # A wake too many may take the mailbox for a moment, to find nothing in it.
        self.settle()
        for turn in turns:
            self._turn(turn)
        log = self.log()
        _well_formed(log)
        for request in requests:
            _alternate(request)
        if ledger is not None:
            _once(runs(ledger), log)

    def log(self) -> list[Mapping[str, Any]]:
        """The messages of the conversation. Raises AssertionError: there is a hole."""
        items = self._partition("MSG#")
        numbers = [int(item.key.sk.removeprefix("MSG#")) for item in items]
        assert numbers == list(range(len(items))), numbers
        meta = self.table.get([meta_key(self.box)])[0]
        assert meta is not None
        assert meta.attrs["count"] == len(items)
        return [item.body or {} for item in items]

    def job(self, turn: Returning) -> Job:
        """Raises AssertionError: it is gone."""
        ref = turn_ref(turn.session, turn.request_id)
        item = self.table.get([self.box.job(ref)])[0]
        assert item is not None, "an acknowledged turn is gone"
        return Job.read(self.box, ref, item)

    def approvals(self) -> list[Item]:
        """All that the conversation has asked for."""
        return self._partition("APPROVAL#")

    def epoch(self) -> int:
        """How often a worker has taken the mailbox."""
        return self._box().epoch

    def _turn(self, turn: Returning) -> None:
        job = self.job(turn)
        assert job.done
        assert job.outcome in OUTCOMES
        assert set(turn.terminals) == {job.terminal}, "not the one terminal event of the turn"

    def _box(self) -> Box:
        item = self.table.get([self.box.item])[0]
        assert item is not None
        return Box.read(self.box, item)

    def _due(self) -> Iterable[str]:
        """Mailboxes, of anybody, that somebody must look at. A leased one is among them, and here
        nothing waits for a time to come."""
        for shard in range(SHARDS):
            for item in self.table.query_index(DUE, shard).items:
                yield f"due {item.key}"

    def _partition(self, prefix: str) -> list[Item]:
        found: list[Item] = []
        cursor: str | None = None
        while True:
            page = self.table.query(self.box.partition, prefix=prefix, cursor=cursor)
            found += page.items
            if (cursor := page.cursor) is None:
                return found


def runs(ledger: Path) -> list[Mapping[str, Any]]:
    """What tools did: `{tool, key, process, arguments}` of each run."""
    return [json.loads(line) for line in ledger.read_text().splitlines()] if ledger.exists() else []


def _well_formed(log: Sequence[Mapping[str, Any]]) -> None:
    """Messages of the user and of the agent take turns; each call has one result, at once."""
    open_calls: set[str] = set()
    last = "assistant"
    for entry in log:
        role = entry["role"]
        if role == "tool":
            assert entry["call_id"] in open_calls, entry
            open_calls.remove(entry["call_id"])
            last = "tool"
            continue
        assert not open_calls, f"calls without results: {open_calls}"
        assert (last, role) in {("assistant", "user"), ("user", "assistant"), ("tool", "assistant")}
        last = role
        content = entry.get("content")
        if isinstance(content, list):
            open_calls = {block["id"] for block in content if block["type"] == "tool_use"}
    assert not open_calls, f"calls without results: {open_calls}"


def _alternate(request: Request) -> None:
    roles = [entry["role"] for entry in request["messages"]]
    assert roles[0] == "user"
    assert all(one != other for one, other in itertools.pairwise(roles)), roles


def _once(done: Sequence[Mapping[str, Any]], log: Sequence[Mapping[str, Any]]) -> None:
    """No call that may not be repeated ran twice; what the log says of a call is true."""
    times = Counter((run["tool"], run["key"]) for run in done)
    assert all(count == 1 for (tool, _), count in times.items() if tool == "pay"), times
    results = [entry for entry in log if entry["role"] == "tool"]
    told = [entry for entry in results if not entry["text"].startswith(NOT_CALLED)]
    paid = [entry for entry in told if entry["name"] == "pay"]
    known = [entry for entry in paid if entry["text"] != INTERRUPTED]
    ran = len({run["key"] for run in done if run["tool"] == "pay"})
    assert len(known) <= ran <= len(paid), (len(known), ran, len(paid))
    looked = [entry for entry in told if entry["name"] == "look"]
    assert all(not entry["is_error"] for entry in looked), looked
    assert len({run["key"] for run in done if run["tool"] == "look"}) == len(looked)
