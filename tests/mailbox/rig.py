"""A mailbox on the real SQLite table, with faults between the engine and its wrapper."""

import itertools
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from shared.mailbox import deliveries, jobs, log, requests
from shared.mailbox.box import Box, BoxKey, Job, Timing
from shared.mailbox.holder import Holder
from shared.mailbox.leases import Lease
from shared.mailbox.listeners import Listener, new_box
from shared.mailbox.requests import Added, NewJob, Requests
from shared.storage.folder import FolderArtifacts
from shared.storage.sqlite import SqliteTable
from shared.storage.wrapper import ResilientTable
from tests.support.clock import FakeClock
from tests.support.faults import Call, Fault, FaultyTable, Hooks

BOX = BoxKey("conv", "acme", "c1")


class StillClock(FakeClock):
    """Waiting takes no time, so that what is written after a retry is what was to be written."""

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)


class Rig:
    """One table, two workers' names, and the operations of both sides."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = StillClock()
        self.calls: list[Call] = []
        self.faults: dict[int, Fault | Hooks] = {}
        self.engine = SqliteTable(path / "parley.db")
        self.faulty = FaultyTable(self.engine, self._planned)
        self.table = ResilientTable(self.faulty, FolderArtifacts(path / "files"), self.clock)
        self.requests = Requests(self.table, self.clock)
        self.timing = Timing()
        self.holder = Holder(self.table, self.clock, self.timing)

    def _planned(self, call: Call) -> Fault | Hooks | None:
        self.calls.append(call)
        return self.faults.get(len(self.calls) - 1)

    def disturb(self, fault: Fault, number: int) -> None:
        """From now on: what goes wrong with the call of this number."""
        self.calls.clear()
        self.faults = {number: fault}

    def make_box(self, key: BoxKey = BOX) -> None:
        self.table.write([new_box(key, self.clock)])

    def add(
        self,
        ref: str,
        *,
        bound: int | None = 8,
        hash_: str = "h",
        listener: str | None = None,
        **more: Any,
    ) -> Added:
        job = NewJob(ref=ref, hash=hash_, payload={"text": ref})
        if listener is not None:
            more["listener"] = Listener(listener)
        return self.requests.add(BOX, job, bound=bound, **more)

    def take(self, owner: str = "me", watched: int | None = None) -> tuple[Lease, Box]:
        taken = self.holder.take(BOX, owner, watched)
        assert isinstance(taken, tuple), taken
        return taken

    def job(self, ref: str) -> Job:
        item = self.table.get([BOX.job(ref)])[0]
        assert item is not None
        return Job.read(BOX, ref, item)

    @property
    def box(self) -> Box:
        item = self.table.get([BOX.item])[0]
        assert item is not None
        return Box.read(BOX, item)

    def stored(self) -> dict[tuple[str, str], tuple[Any, bytes | None]]:
        """Every item of the table, as it stands in the file."""
        with closing(sqlite3.connect(self.path / "parley.db")) as db:
            rows = db.execute("SELECT pk, sk, attrs, blob FROM items").fetchall()
        return {
            (pk.decode(), sk.decode()): (json.loads(attrs), blob) for pk, sk, attrs, blob in rows
        }

    def expire_lease(self) -> None:
        """Let so much time pass that anybody may take over."""
        self.clock.advance((self.timing.lease + self.timing.grace) / 1000 + 1)


@contextmanager
def rig_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """A fresh rig whose random ids are the same in every run."""
    folder.mkdir()
    numbers = itertools.count()

    def new_id() -> str:
        return f"id-{next(numbers)}"

    monkeypatch.setattr(requests, "new_id", new_id)
    monkeypatch.setattr(jobs, "new_id", new_id)
    monkeypatch.setattr(log, "new_id", new_id)
    monkeypatch.setattr(deliveries, "time_ordered_id", lambda _: new_id())
    made = Rig(folder)
    try:
        yield made
    finally:
        made.engine.close()
