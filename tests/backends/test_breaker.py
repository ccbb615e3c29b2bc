"""A backend that cannot take records is left alone, so that workers are there for turns."""

from shared.backends.breaker import AT_ONCE, LONGEST_REST, SOON, TOLERANCE, Breaker
from tests.support.manual_clock import ManualClock


def failing(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        assert breaker.enter() == 0
        breaker.leave(took=False)


def test_a_few_at_once_while_it_takes_them() -> None:
    breaker = Breaker(ManualClock())
    assert [breaker.enter() for _ in range(AT_ONCE + 1)] == [0.0] * AT_ONCE + [SOON]
    breaker.leave(took=True)
    assert breaker.enter() == 0


def test_it_rests_after_some_failures_and_longer_each_time() -> None:
    clock = ManualClock()
    breaker = Breaker(clock)
    failing(breaker, TOLERANCE - 1)
    assert breaker.enter() == 0, "a failure now and then is none of its business"
    breaker.leave(took=False)
    rests = []
    for _ in range(8):
        rests.append(breaker.enter())
        clock.advance(rests[-1])
        failing(breaker, 1)
    assert rests[0] == 5
    assert rests == sorted(rests)
    assert rests[-1] == LONGEST_REST


def test_then_one_looks_and_the_others_wait_for_it() -> None:
    clock = ManualClock()
    breaker = Breaker(clock)
    failing(breaker, TOLERANCE)
    clock.advance(5)
    assert breaker.enter() == 0
    assert breaker.enter() == SOON
    breaker.leave(took=True)
    assert [breaker.enter() for _ in range(AT_ONCE)] == [0.0] * AT_ONCE


def test_where_nobody_was_asked_nothing_is_learned() -> None:
    clock = ManualClock()
    breaker = Breaker(clock)
    failing(breaker, TOLERANCE)
    clock.advance(5)
    assert breaker.enter() == 0
    breaker.leave(took=None)
    assert breaker.enter() == 0
    breaker.leave(took=False)
    assert breaker.enter() == 10
