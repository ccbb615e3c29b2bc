"""The sweep: what is due or soon will be, oldest first, whatever goes wrong beside it."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.mailbox.box import SHARDS, BoxKey
from shared.mailbox.sweep import BATCH, Sweep, Swept
from shared.storage.table import Index, Item, Key, Page, Put, Table, Throttled
from tests.mailbox.drained import Queue
from tests.mailbox.rig import Rig
from tests.support.clock import FakeClock

MINUTE_ZERO = 1_700_000_100_000
"""A time at which what is long overdue is woken too."""


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    made.clock.advance((MINUTE_ZERO - made.clock.now()) / 1000)
    assert made.clock.now() // 60_000 % 5 == 0
    yield made
    made.engine.close()


def due(rig: Rig, name: str, seconds: float, shard: int | None = None) -> BoxKey:
    """A mailbox that is due so many seconds from now."""
    key = BoxKey("conv", "acme", name)
    at = rig.clock.now() + int(seconds * 1000)
    attrs = {"due": at, "due_shard": key.shard if shard is None else shard}
    rig.table.write([Put(Item(key.item, attrs))])
    return key


def sweep(rig: Rig, queue: Queue, table: Table | None = None, seconds: float = 50) -> Swept:
    return Sweep(table or rig.table, queue, rig.clock).run(seconds=seconds)


def test_what_is_due_is_woken_now_and_what_soon_will_be_later(rig: Rig, queue: Queue) -> None:
    delays = {"past": -30.0, "now": 0.0, "soon": 0.5, "later": 74.6, "last": 75.0}
    for name, seconds in delays.items():
        due(rig, name, seconds)
    due(rig, "next sweep", 75.001)
    assert sweep(rig, queue) == Swept(5, 30_000)
    woken = {BoxKey.parse(wake.box).id: wake.delay for wake in queue.sent}
    assert woken == {"past": 0, "now": 0, "soon": 1, "later": 75, "last": 75}
    assert {wake.tenant for wake in queue.sent} == {"acme"}
    assert all(wake.epoch is None for wake in queue.sent)


def test_it_writes_nothing(rig: Rig, queue: Queue) -> None:
    due(rig, "a", -1)
    before = rig.stored()
    sweep(rig, queue)
    assert rig.stored() == before


@pytest.mark.parametrize("minute", range(5))
def test_what_is_long_overdue_is_woken_every_fifth_minute(
    rig: Rig, queue: Queue, minute: int
) -> None:
    rig.clock.advance(minute * 60)
    due(rig, "stuck", -181)
    due(rig, "late", -180)
    found = sweep(rig, queue)
    woken = {BoxKey.parse(wake.box).id for wake in queue.sent}
    assert woken == ({"stuck", "late"} if minute == 0 else {"late"})
    assert found.oldest == 181_000, "the alarm sees it all the same"


def test_all_shards_are_swept_in_pages(rig: Rig, queue: Queue) -> None:
    for shard in range(SHARDS):
        due(rig, f"one-{shard}", -5, shard)
    for number in range(2 * BATCH + 7):
        due(rig, f"many-{number}", -10 - number / 1000, 3)
    assert sweep(rig, queue).wakes == SHARDS + 2 * BATCH + 7
    in_three = [BoxKey.parse(wake.box).id for wake in queue.sent][3:-12]
    assert in_three[0] == f"many-{2 * BATCH + 6}", "the oldest first"
    assert in_three[-1] == "one-3"


class Broken:
    """A table of whose index one shard cannot be read."""

    def __init__(self, table: Table, shard: int) -> None:
        self._table = table
        self._shard = shard

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)

    def query_index(self, index: Index, value: str | int, **options: Any) -> Page:
        if value == self._shard:
            raise Throttled("injected")
        return self._table.query_index(index, value, **options)


def test_a_shard_that_cannot_be_read_does_not_hide_the_others(
    rig: Rig, queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    for shard in range(SHARDS):
        due(rig, f"b{shard}", -5, shard)
    broken: Any = Broken(rig.table, 4)
    with caplog.at_level(logging.WARNING, "parley"):
        assert sweep(rig, queue, broken).wakes == SHARDS - 1
    assert "b4" not in {BoxKey.parse(wake.box).id for wake in queue.sent}
    assert [record.__dict__["shard"] for record in caplog.records] == [4]


def test_what_is_no_mailbox_is_reported_and_skipped(
    rig: Rig, queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    attrs = {"due": rig.clock.now(), "due_shard": 0}
    rig.table.write([Put(Item(Key("NONSENSE", "BOX"), attrs))])
    due(rig, "a", -5, 0)
    with caplog.at_level(logging.ERROR, "parley"):
        assert sweep(rig, queue).wakes == 1
    assert len(caplog.records) == 1


class Slow:
    """A table whose index takes 20 s to answer."""

    def __init__(self, table: Table, clock: FakeClock) -> None:
        self._table = table
        self._clock = clock
        self.pages: list[str | int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)

    def query_index(self, index: Index, value: str | int, **options: Any) -> Page:
        self._clock.advance(20)
        self.pages.append(value)
        return self._table.query_index(index, value, **options)


def test_when_time_is_over_each_shard_gets_one_page_at_most(rig: Rig, queue: Queue) -> None:
    for number in range(3 * BATCH):
        due(rig, f"many-{number}", -10, 0)
    slow: Any = Slow(rig.table, rig.clock)
    sweep(rig, queue, slow, seconds=30)
    assert slow.pages.count(0) == 2
    assert all(slow.pages.count(shard) <= 1 for shard in range(1, SHARDS))
