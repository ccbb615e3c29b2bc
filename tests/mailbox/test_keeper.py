"""The keeper: when an effect is still allowed, and how often it asks the store."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise

import pytest

from shared.clock import Task
from shared.mailbox.box import Timing
from shared.mailbox.keeper import Keeper
from shared.mailbox.leases import Lease, LeaseLost
from shared.storage.expressions import Assign
from shared.storage.table import Update
from tests.mailbox.drained import BOX, DrainRig, Queue
from tests.mailbox.rig import Rig
from tests.support.clock import FakeClock
from tests.support.faults import Fault

TIMING = Timing()


class TwoClocks(FakeClock):
    """Its two clocks are moved one by one; background work does not run."""

    def __init__(self) -> None:
        super().__init__()
        self.wall = self.steady = 0.0

    def now(self) -> int:
        return self._start + round(self.wall * 1000)

    def monotonic(self) -> float:
        return self.steady

    def spawn(self, work: Callable[[], None], name: str) -> Task:
        return Nothing()


class Nothing:
    def join(self, timeout: float | None = None) -> None:
        return


@pytest.mark.parametrize(
    ("wall", "steady", "held"),
    [
        (0, 0, True),
        (24.9, 24.9, True),
        (25, 0, False),  # a frozen machine: its steady clock stood still
        (0, 25, False),  # the wall clock was set back
        (24.9, 25, False),
        (25, 24.9, False),
        (-3600, 24.9, True),
    ],
)
def test_effects_are_refused_within_the_margin_on_either_clock(
    rig: Rig, wall: float, steady: float, held: bool
) -> None:
    clock = TwoClocks()
    lease, box = rig.take()
    keeper = Keeper(rig.holder, lease, box, Queue(), clock, TIMING, lambda box: None)
    clock.wall, clock.steady = wall, steady
    if held:
        keeper.check()
        return
    with pytest.raises(LeaseLost):
        keeper.check()
    clock.wall = clock.steady = 0
    with pytest.raises(LeaseLost):  # what was given up once is not picked up again
        keeper.check()


@contextmanager
def keeping(rig: DrainRig) -> Iterator[tuple[Keeper, Lease]]:
    taken = rig.holder.take(BOX, "me")
    assert isinstance(taken, tuple)
    keeper = Keeper(rig.holder, *taken, rig.queue, rig.clock, TIMING, lambda box: None)
    rig.virtual.run(lambda: None)  # the keeper begins
    rig.calls.clear()
    yield keeper, taken[0]
    rig.virtual.run(keeper.stop)


def listen(
    rig: DrainRig, keeper: Keeper, seconds: float, deadline: float | None = None
) -> list[float]:
    """A call that takes so many seconds; when the bell was heard."""
    heard: list[float] = []
    began = rig.virtual.hub.time

    def call() -> None:
        with keeper.listening(lambda: heard.append(rig.virtual.hub.time - began), deadline):
            rig.clock.sleep(seconds)

    rig.virtual.run(call)
    return heard


def test_nothing_is_read_while_nothing_runs(drained: DrainRig) -> None:
    with keeping(drained):
        drained.wait(9.5)
        assert drained.calls == []
        drained.wait(1)
        assert [method for _, method in drained.calls] == ["update"], "a heartbeat"


def test_one_read_a_second_while_a_call_runs_and_the_heartbeat_replaces_it(
    drained: DrainRig,
) -> None:
    with keeping(drained) as (keeper, _):
        listen(drained, keeper, 30.5)
        times = [time for time, _ in drained.calls]
        beats = [time for time, method in drained.calls if method == "update"]
        assert len(beats) == 3
        assert all(later - earlier >= 0.999 for earlier, later in pairwise(times))
        assert 28 <= len(times) <= 30
        drained.calls.clear()
        drained.wait(5)
        assert drained.calls == [], "the call is over"


def test_the_first_second_of_a_call_costs_no_read(drained: DrainRig) -> None:
    with keeping(drained) as (keeper, _):
        drained.wait(0.5)
        listen(drained, keeper, 0.9)
        assert drained.calls == []


def test_a_ring_is_heard_once_and_within_two_seconds(drained: DrainRig) -> None:
    with keeping(drained) as (keeper, _):
        drained.virtual.at(3.2, lambda: drained.add("A"))
        heard = listen(drained, keeper, 12)
    assert len(heard) == 1
    assert 3.2 <= heard[0] <= 5.2


def test_a_ring_before_the_call_is_heard_in_it(drained: DrainRig) -> None:
    with keeping(drained) as (keeper, _):
        drained.add("A")
        assert len(listen(drained, keeper, 3)) == 1


def test_the_heart_stops_at_the_deadline(drained: DrainRig) -> None:
    """A call that hangs for ever does not keep the mailbox for ever."""
    refused: list[bool] = []

    def look(keeper: Keeper, lease: Lease) -> None:
        with pytest.raises(LeaseLost):
            keeper.check()
        taken = drained.holder.take(BOX, "another")
        assert isinstance(taken, tuple)
        assert (taken[0].epoch, taken[1].crashes) == (lease.epoch + 1, 1)
        refused.append(True)

    with keeping(drained) as (keeper, lease):
        began = drained.virtual.hub.time
        drained.virtual.at(50, lambda: look(keeper, lease))
        listen(drained, keeper, 60, deadline=drained.clock.monotonic() + 12)
        assert [at for at, _ in drained.calls if began + 12 < at < began + 50] == []
    assert refused


@pytest.mark.parametrize("seconds", [4.0, 30.0])
def test_a_lost_lease_is_told_at_once(drained: DrainRig, seconds: float) -> None:
    with keeping(drained) as (keeper, lease):
        stolen = Update(BOX.item, [Assign(("epoch",), lease.epoch + 1), Assign(("owner",), "x")])
        drained.virtual.at(1.5, lambda: drained.table.update(stolen))
        heard = listen(drained, keeper, seconds)
        assert len(heard) == 1
        assert heard[0] <= 3
        with pytest.raises(LeaseLost):
            keeper.check()
        before = len(drained.calls)
        drained.wait(60)
        assert len(drained.calls) == before, "whoever lost the lease is silent"


def test_a_store_that_does_not_answer_is_asked_again(drained: DrainRig) -> None:
    with keeping(drained) as (keeper, _):
        broken_until = drained.virtual.hub.time + 14
        drained.plan = lambda call: (
            Fault.LOST_REQUEST
            if call.method == "update" and drained.virtual.hub.time < broken_until
            else None
        )
        listen(drained, keeper, 24)
        keeper.check()
        assert drained.box.until > drained.clock.now()


def test_nothing_is_written_after_stop(drained: DrainRig) -> None:
    with keeping(drained) as (keeper, _):
        drained.virtual.run(keeper.stop)
        drained.wait(100)
        assert drained.calls == []


def test_it_sends_one_watch_wake(drained: DrainRig) -> None:
    with keeping(drained) as (_, lease):
        drained.wait(100)
        assert drained.queue.watches == [(36, lease.epoch)]
