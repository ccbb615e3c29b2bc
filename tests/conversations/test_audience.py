"""Until when connections may hear a turn, and when that is looked up."""

from collections.abc import Mapping

import pytest

from shared.conversations.audience import Audience
from shared.storage.table import TransientError
from tests.support.clock import FakeClock

GONE = 0


class Items:
    """Until when the connections are authenticated by now, and who has been looked up."""

    def __init__(self, **until: int | None) -> None:
        self.until = until
        self.away = False
        self.read: list[str] = []

    def __call__(self, connection: str) -> int | None:
        self.read.append(connection)
        if self.away:
            raise TransientError("the store is away")
        return self.until.get(connection, GONE)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def audience(clock: FakeClock, items: Items, heard: Mapping[str, float | None]) -> Audience:
    """Connections that may hear it for so many seconds from now."""
    known = {
        name: None if left is None else clock.now() + round(left * 1000)
        for name, left in heard.items()
    }
    return Audience(known, clock, items)


def test_without_an_end_nobody_is_looked_up(clock: FakeClock) -> None:
    items = Items()
    hearing = audience(clock, items, {"c": None})
    clock.advance(10**9)
    assert hearing.may_hear("c")
    assert items.read == []


def test_up_to_the_last_millisecond(clock: FakeClock) -> None:
    items = Items(c=clock.now() + 60_000)
    hearing = audience(clock, items, {"c": 60})
    clock.advance(60)
    assert hearing.may_hear("c")
    assert items.read == []
    clock.advance(0.001)
    assert not hearing.may_hear("c")
    assert items.read == ["c"]


def test_a_renewed_connection_hears_on(clock: FakeClock) -> None:
    items = Items(c=clock.now() + 120_000)
    hearing = audience(clock, items, {"c": 60, "other": 60})
    clock.advance(61)
    assert hearing.may_hear("c")
    assert not hearing.may_hear("other")
    clock.advance(59)
    assert hearing.may_hear("c")
    assert items.read == ["c", "other"]
    clock.advance(1)
    assert not hearing.may_hear("c")


def test_one_that_need_not_authenticate_any_more(clock: FakeClock) -> None:
    items = Items(c=None)
    hearing = audience(clock, items, {"c": 0})
    clock.advance(1)
    assert hearing.may_hear("c")
    clock.advance(10**6)
    assert hearing.may_hear("c")
    assert items.read == ["c"]


def test_one_that_is_gone(clock: FakeClock) -> None:
    hearing = audience(clock, Items(), {"c": 60})
    clock.advance(61)
    assert not hearing.may_hear("c")


def test_a_store_that_is_away_lets_nobody_hear(clock: FakeClock) -> None:
    items = Items(c=clock.now() + 120_000)
    hearing = audience(clock, items, {"c": 60})
    clock.advance(61)
    items.away = True
    assert not hearing.may_hear("c")
    items.away = False
    assert hearing.may_hear("c")
