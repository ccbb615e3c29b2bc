"""Deliveries of tenants, of which some have died, on any engine."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared.ids import new_id
from shared.mailbox import records
from shared.mailbox.box import Box, BoxKey, Timing
from shared.mailbox.dead_letters import DeadLetters
from shared.mailbox.deliveries import KIND, dead_letter, delivery_id
from shared.mailbox.holder import Holder
from shared.mailbox.requests import Requests
from shared.storage.folder import FolderArtifacts
from shared.storage.table import Item, Put, Table
from shared.storage.wrapper import ResilientTable
from tests.mailbox.rig import StillClock
from tests.support.faults import Call, Fault, FaultyTable, Hooks

TENANT = "acme"
BOX = BoxKey(KIND, TENANT, "c1")
RECORDS = BoxKey(records.KIND, TENANT, "c1")
BODY = {"payload": {"url": "https://x.example/?key=secret", "body": "the body"}, "terminal": ""}
WAITING = ("added_at", "decisions", "marks", "replayed_by", "state")
"""The attributes of a delivery that waits for its first attempt."""


class Office:
    """A table with dead letters. `faults` says what goes wrong with the call of a number."""

    def __init__(self, folder: Path, engine: Table) -> None:
        self.clock = StillClock()
        self.calls: list[Call] = []
        self.faults: dict[int, Fault | Hooks] = {}
        faulty = FaultyTable(engine, self._planned)
        self.table = ResilientTable(faulty, FolderArtifacts(folder / "files"), self.clock)
        self.requests = Requests(self.table, self.clock)
        self.letters = DeadLetters(self.table, self.requests)
        self.holder = Holder(self.table, self.clock, Timing())

    def _planned(self, call: Call) -> Fault | Hooks | None:
        self.calls.append(call)
        return self.faults.get(len(self.calls) - 1)

    def disturb(self, fault: Fault | Hooks, number: int) -> None:
        """From now on: what goes wrong with the call of this number."""
        self.calls.clear()
        self.faults = {number: fault}

    def put(self, box: BoxKey, ref: str, **attrs: Any) -> str:
        """A delivery with these attributes; its id."""
        common = {"added_at": self.clock.now(), "decisions": {}, "marks": {}}
        self.table.write([Put(Item(box.job(ref), {**common, **attrs}, BODY))])
        return delivery_id(box, ref)

    def died(self, box: BoxKey = BOX, ref: str | None = None, *, error: str = "status 500") -> str:
        """The id of one that has just died after all its attempts, and left its mailbox."""
        self.clock.advance(1)
        how = {"attempts": 3, "refusals": 1, "failing_since": 4, "not_before": 5, "done_by": "w"}
        dead = {"state": "done", "outcome": "dead", "done_at": self.clock.now(), **how}
        letter = dead_letter(box.tenant, self.clock, error)
        return self.put(box, ref or f"DELIVERY#{new_id()}", **dead, **letter)

    def waiting(self, ref: str, box: BoxKey = BOX) -> str:
        return self.put(box, ref, state="queued")

    def ended(self, ref: str, outcome: str, box: BoxKey = BOX) -> str:
        return self.put(box, ref, state="done", outcome=outcome)

    def attrs(self, ref: str, box: BoxKey = BOX) -> Mapping[str, Any]:
        item = self.table.get([box.job(ref)])[0]
        assert item is not None
        assert item.body == BODY
        return item.attrs

    def box(self, key: BoxKey = BOX) -> Box:
        return Box.read(key, self.table.get([key.item])[0] or Item(key.item))

    def listed(self, tenant: str = TENANT, limit: int = 50) -> list[str]:
        """The ids of all pages."""
        found: list[str] = []
        cursor = None
        while True:
            page = self.letters.page(tenant, limit, cursor)
            assert len(page.letters) <= limit
            found += [letter.id for letter in page.letters]
            cursor = page.next_cursor
            if cursor is None:
                return found
