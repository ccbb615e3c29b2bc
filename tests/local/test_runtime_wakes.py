"""The queue of wakes in one process, with a clock that the tests move."""

from collections.abc import Iterator
from functools import partial

import pytest

from shared.messaging.in_process import InProcessWakes
from shared.messaging.wakes import Wake
from tests.support.manual_clock import PATIENCE, ManualClock, in_thread

NOW = 0.0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def wakes(clock: ManualClock) -> Iterator[InProcessWakes]:
    wakes = InProcessWakes(clock)
    yield wakes
    wakes.close()


def test_a_wake_comes_out_once_and_in_order(wakes: InProcessWakes) -> None:
    wakes.send([Wake("a", "t"), Wake("b", "t")])
    wakes.send([Wake("c", "t", epoch=7)])
    taken = [wakes.next(NOW) for _ in range(4)]
    assert taken == [Wake("a", "t"), Wake("b", "t"), Wake("c", "t", epoch=7), None]


def test_a_wake_does_not_come_before_its_delay(wakes: InProcessWakes, clock: ManualClock) -> None:
    late, soon = Wake("late", "t", delay=900), Wake("soon", "t", delay=3)
    wakes.send([late, soon])
    clock.advance(2.999)
    assert wakes.next(NOW) is None
    clock.advance(0.001)
    assert wakes.next(NOW) == soon
    clock.advance(896.999)
    assert wakes.next(NOW) is None
    clock.advance(0.001)
    assert wakes.next(NOW) == late


def test_who_waits_gets_a_wake_as_soon_as_it_is_due(
    wakes: InProcessWakes, clock: ManualClock
) -> None:
    taken = in_thread(lambda: wakes.next(20))
    clock.await_sleepers(1)
    wakes.send([Wake("a", "t", delay=5)])
    clock.await_sleepers(1)
    assert not taken.done()
    clock.advance(5)
    assert taken.result(PATIENCE) == Wake("a", "t", delay=5)


def test_who_waits_gives_up_at_the_timeout(wakes: InProcessWakes, clock: ManualClock) -> None:
    taken = in_thread(lambda: wakes.next(20))
    clock.await_sleepers(1)
    clock.advance(20)
    assert taken.result(PATIENCE) is None


def test_close_frees_who_waits_and_hands_out_nothing_more(
    wakes: InProcessWakes, clock: ManualClock
) -> None:
    wakes.send([Wake("later", "t", delay=1)])
    taken = in_thread(lambda: wakes.next(20))
    clock.await_sleepers(1)
    wakes.close()
    assert taken.result(PATIENCE) is None
    wakes.send([Wake("a", "t")])
    clock.advance(1)
    assert wakes.next(NOW) is None


def test_many_senders_and_takers_lose_and_double_nothing(wakes: InProcessWakes) -> None:
    def send_fifty(sender: int) -> None:
        for number in range(50):
            wakes.send([Wake(f"{sender}-{number}", "t")])

    for sender in range(4):
        in_thread(partial(send_fifty, sender))
    takers = [in_thread(lambda: [wakes.next(20) for _ in range(50)]) for _ in range(4)]
    taken = [wake.box for taker in takers for wake in taker.result(PATIENCE)]
    assert sorted(taken) == sorted(f"{sender}-{n}" for sender in range(4) for n in range(50))
