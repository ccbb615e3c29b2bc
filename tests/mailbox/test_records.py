"""Records leave in the order in which they were queued, and none is dropped."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.mailbox.box import Box, BoxKey
from shared.mailbox.handler import Activation
from shared.mailbox.jobs import Ending, Scheduled
from shared.mailbox.records import (
    CALL,
    END,
    KIND,
    PAGE,
    SAID,
    Record,
    Records,
    record_box,
    record_ref,
)
from shared.storage.table import ConditionFailed, Item, Put
from tests.mailbox.drained import DrainRig, Script, parks
from tests.support.faults import Call, Fault

BOX = BoxKey(KIND, "acme", "c1")


class Told(Script):
    """What a system that is told of records would have, in order. Away, it takes none."""

    records: Records
    away = False

    def scheduled(self, box: Box) -> Scheduled | None:
        return self.records.more(box)

    def run(self, activation: Activation) -> Ending | None:
        if self.away:
            later = activation.clock.now() + 60_000
            activation.holder.postpone(activation.lease, activation.job, later, "away")
            return None
        return super().run(activation)

    @property
    def got(self) -> list[str]:
        return [ref for _, what, ref in self.seen if what == "run"]


class Desk:
    """Records of one conversation, of which few may be listed."""

    def __init__(self, rig: DrainRig, bound: int) -> None:
        self.rig = rig
        self.records = Records(rig.table, rig.requests, rig.clock, bound=bound)
        self.told = Told(rig.table, rig.virtual)
        self.told.records = self.records
        rig.handlers[KIND] = self.told
        self.queued: list[str] = []

    def queue(self, count: int = 1) -> None:
        """As the end of a turn does it: what it wants, or else the overflow."""
        refs = [record_ref(len(self.queued) + n, SAID) for n in range(count)]
        writes = self.records.queue(BOX, [Record(ref, {"n": ref}) for ref in refs])
        try:
            self.rig.table.write(writes.writes)
        except ConditionFailed:
            self.rig.table.write(writes.overflow)
        self.queued += refs

    def box(self) -> Box:
        item = self.rig.table.get([BOX.item])[0]
        assert item is not None
        return Box.read(BOX, item)

    def drain(self) -> None:
        self.rig.drain(key=BOX)


@pytest.fixture
def desk(drained: DrainRig) -> Desk:
    return Desk(drained, 4)


def test_refs_sort_as_things_happened() -> None:
    refs = [record_ref(9, SAID), record_ref(10, END), record_ref(10, CALL), record_ref(10, SAID)]
    assert refs == sorted(refs)
    assert record_box(BoxKey("conv", "acme", "c1")) == BOX


def test_beyond_the_bound_they_wait_unlisted(desk: Desk) -> None:
    desk.told.away = True
    for _ in range(5):
        desk.queue(2)
    box = desk.box()
    assert list(box.jobs) == desk.queued[:4]
    assert (box.unlisted, box.listed) == (True, desk.queued[3])
    desk.told.away = False
    desk.drain()
    assert desk.told.got == desk.queued
    box = desk.box()
    assert (box.jobs, box.unlisted, box.due) == ((), False, None)


def test_what_is_listed_does_not_overtake_what_is_not(desk: Desk) -> None:
    for _ in range(3):
        desk.queue(2)
    # There is room again, but earlier ones wait for it.
    run = desk.told.run

    def meanwhile(activation: Activation) -> Ending | None:
        if len(desk.queued) < 9:
            desk.queue()
        return run(activation)

    desk.told.run = meanwhile  # type: ignore[method-assign]  # the stage is ours to change
    desk.drain()
    assert desk.told.got == desk.queued
    assert len(desk.queued) == 9


def test_a_mailbox_whose_time_has_come_is_given_a_job(drained: DrainRig) -> None:
    made = [0]

    def timetable(box: Box) -> Scheduled | None:
        if box.next_at is None or box.next_at > drained.clock.now():
            return None
        made[0] += 1
        ref = f"T{made[0]}"
        item = Item(box.key.job(ref), {"state": "queued", "decisions": {}, "marks": {}}, {})
        again = box.next_at + 60_000 if made[0] < 3 else None
        return Scheduled(refs=[ref], items=[Put(item)], next_at=again)

    drained.script.on_schedule = timetable
    first = drained.clock.now() + 30_000
    # A job sets the time as it ends, and the mailbox is due then.
    drained.add("A", lambda _: Ending(outcome="completed", terminal="done", next_at=first))
    drained.drain()
    assert (drained.box.next_at, drained.box.due) == (first, first)
    drained.drain()
    assert drained.script.did("T1") == [], "not early"
    drained.wait(31)
    drained.drain()
    assert drained.script.did("T1") == ["run", "done"]
    assert drained.box.due == first + 60_000
    drained.wait(150)
    drained.drain()
    assert (drained.script.did("T2"), drained.script.did("T3")) == (["run", "done"],) * 2
    assert drained.at_rest()


def test_a_time_that_comes_while_a_job_waits(drained: DrainRig) -> None:
    looked: list[tuple[str, ...]] = []

    def timetable(box: Box) -> Scheduled | None:
        if box.next_at is None or box.next_at > drained.clock.now():
            return None
        looked.append(box.jobs)
        return Scheduled(next_at=drained.clock.now() + 60_000)

    drained.script.on_schedule = timetable
    soon = drained.clock.now() + 10_000
    drained.add("A", lambda _: Ending(outcome="completed", terminal="done", next_at=soon))
    drained.drain()
    drained.add("B", parks())
    drained.drain()
    drained.wait(20)
    drained.drain()
    assert looked == [("B",)]
    # The prompt's expiry is farther away than the next look.
    assert drained.box.due == drained.box.next_at


def test_more_of_them_than_a_page(drained: DrainRig) -> None:
    desk = Desk(drained, 200)
    desk.told.away = True
    for _ in range(3):
        desk.queue(PAGE)
    for _ in range(40):
        desk.queue(PAGE // 8)
    assert len(desk.box().jobs) == 200
    desk.told.away = False
    desk.drain()
    assert desk.told.got == desk.queued


def test_one_that_is_queued_while_the_rest_is_looked_for(desk: Desk) -> None:
    desk.queue(4)
    desk.queue(1)
    asked = desk.records.more

    def more(box: Box) -> Scheduled | None:
        found = asked(box)
        if found is not None and len(desk.queued) == 5:
            desk.queue()  # it rings: what was found is not all any more
        return found

    desk.records.more = more  # type: ignore[method-assign]  # the stage is ours to change
    desk.drain()
    assert desk.told.got == desk.queued
    assert len(desk.queued) == 6
    assert not desk.box().unlisted


@settings(max_examples=60, deadline=None)
@given(
    bound=st.integers(1, 5),
    steps=st.lists(st.integers(1, 3) | st.sampled_from(["drain", "away", "back"]), max_size=25),
    lost=st.sets(st.integers(0, 120), max_size=6),
)
def test_whatever_happens_they_all_leave_in_order(
    bound: int, steps: list[int | str], lost: set[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    rig = DrainRig(Path(tmp_path_factory.mktemp("records")))
    desk = Desk(rig, bound)
    calls = [0]

    def plan(call: Call) -> Fault | None:
        calls[0] += 1
        return Fault.LOST_ANSWER if calls[0] in lost else None

    for step in steps:
        if isinstance(step, int):
            desk.queue(step)
            continue
        desk.told.away = step == "away" if step != "drain" else desk.told.away
        rig.plan = plan
        desk.drain()
        rig.plan = lambda _: None
        rig.wait(120)
    desk.told.away = False
    for _ in range(3):
        rig.wait(120)
        desk.drain()
    # One whose end was noted without an answer may have been told twice.
    assert list(dict.fromkeys(desk.told.got)) == desk.queued
    if desk.queued:
        assert (desk.box().jobs, desk.box().unlisted, desk.box().due) == ((), False, None)
    rig.engine.close()
