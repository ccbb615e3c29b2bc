"""What a tenant has used today: every turn counts once, whichever shard it falls on."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shared.conversations.usage import SHARDS, Ledger, beyond, most
from shared.errors import TurnFailed
from shared.models.port import Usage
from shared.storage.table import Item
from tests.conversations.pieces import Pieces, pieces_in

USAGE = Usage(
    input_tokens=10,
    output_tokens=5,
    cache_read_tokens=3,
    cache_write_tokens=2,
    cost_nano_usd=1000,
)
DAY = 24 * 3600


@pytest.fixture
def pieces(tmp_path: Path) -> Iterator[Pieces]:
    with pieces_in(tmp_path) as made:
        yield made


def look(pieces: Pieces, ledger: Ledger, tenant: str = "acme") -> int:
    """How many counters were read."""
    keys = ledger.keys(tenant)
    ledger.note(tenant, pieces.table.get(keys))
    return len(keys)


def counters(pieces: Pieces, tenant: str = "acme") -> list[Item]:
    return [item for item in pieces.table.get(Ledger(pieces.clock).keys(tenant)) if item]


def spend(pieces: Pieces, turns: int, usage: Usage = USAGE, tenant: str = "acme") -> None:
    for number in range(turns):
        pieces.write(pieces.ledger.add(tenant, f"conversation {number}", usage))


def test_the_sum_over_the_shards_is_that_of_all_turns(pieces: Pieces) -> None:
    spend(pieces, 100)

    read = counters(pieces)
    for name, each in [
        ("turns", 1),
        ("input_tokens", 10),
        ("output_tokens", 5),
        ("cache_read_tokens", 3),
        ("cache_write_tokens", 2),
        ("cost", 1000),
    ]:
        assert sum(item.attrs[name] for item in read) == 100 * each
    assert len(read) == SHARDS, "a hundred conversations should meet every shard"
    assert look(pieces, pieces.ledger) == SHARDS
    assert pieces.ledger.spent("acme") == 100_000


def test_a_conversation_stays_on_its_shard(pieces: Pieces) -> None:
    keys = {pieces.ledger.add("acme", "c1", USAGE).key for _ in range(5)}

    assert len(keys) == 1


def test_a_turn_whose_price_is_unknown_counts_without_it(pieces: Pieces) -> None:
    spend(pieces, 1, replace(USAGE, cost_nano_usd=None))
    look(pieces, pieces.ledger)

    assert pieces.ledger.spent("acme") == 0
    assert [item.attrs["turns"] for item in counters(pieces)] == [1]


def test_what_was_read_is_fresh_for_a_minute(pieces: Pieces) -> None:
    ledger = Ledger(pieces.clock)
    assert look(pieces, ledger) == SHARDS
    spend(pieces, 3)

    pieces.clock.advance(59.999)
    assert look(pieces, ledger) == 0
    assert ledger.spent("acme") == 0
    pieces.clock.advance(0.001)
    assert look(pieces, ledger) == SHARDS
    assert ledger.spent("acme") == 3000


def test_nothing_that_was_spent_is_fresh_too(pieces: Pieces) -> None:
    """A tenant without a single turn today must not be read again and again."""
    ledger = Ledger(pieces.clock)

    assert [look(pieces, ledger) for _ in range(3)] == [SHARDS, 0, 0]


def test_a_new_day_begins_with_nothing_spent(pieces: Pieces) -> None:
    midnight = DAY - pieces.clock.now() // 1000 % DAY
    pieces.clock.advance(midnight - 1)
    spend(pieces, 2)
    look(pieces, pieces.ledger)
    assert pieces.ledger.spent("acme") == 2000

    pieces.clock.advance(1)
    assert pieces.ledger.spent("acme") == 0
    assert look(pieces, pieces.ledger) == SHARDS
    spend(pieces, 1)
    assert sum(item.attrs["turns"] for item in counters(pieces)) == 1


def test_tenants_are_counted_apart(pieces: Pieces) -> None:
    spend(pieces, 2)
    spend(pieces, 5, tenant="other")
    spend(pieces, 7, tenant="acme#other")
    for tenant in ("acme", "other", "acme#other"):
        look(pieces, pieces.ledger, tenant)

    spent = [pieces.ledger.spent(tenant) for tenant in ("acme", "other", "acme#other", "unknown")]
    assert spent == [2000, 5000, 7000, 0]


def test_old_sums_are_forgotten(pieces: Pieces) -> None:
    """A warm worker serves many tenants; what it remembers of them must not grow for ever."""
    for number in range(50):
        look(pieces, pieces.ledger, f"tenant {number}")
        pieces.clock.advance(10)

    assert len(pieces.ledger._sums) <= 7


def test_counters_go_some_time_after_their_day(pieces: Pieces) -> None:
    spend(pieces, 1)

    (item,) = counters(pieces)
    assert item.ttl is not None
    assert 365 * DAY < item.ttl - pieces.clock.now() // 1000 < 500 * DAY


# -- a budget -----------------------------------------------------------------------------------


def refused(ledger: Ledger, **options: int) -> bool:
    try:
        ledger.check("acme", **options)
    except TurnFailed:
        return True
    return False


def test_the_refusal_says_whose_budget_it_is(pieces: Pieces) -> None:
    with pytest.raises(TurnFailed) as caught:
        Ledger(pieces.clock, limit=1).check("acme", beside=1)
    assert (caught.value.error_code, caught.value.details) == (
        "BUDGET_EXCEEDED",
        {"limit": "tenant"},
    )


def test_with_a_budget_the_counters_are_read_each_time(pieces: Pieces) -> None:
    ledger = Ledger(pieces.clock, limit=2000, table=pieces.table)
    assert [look(pieces, ledger) for _ in range(2)] == [SHARDS, SHARDS]
    assert not refused(ledger)
    spend(pieces, 2)
    assert refused(ledger)


def test_a_sum_that_was_just_read_may_do(pieces: Pieces) -> None:
    ledger = Ledger(pieces.clock, limit=2000, table=pieces.table)
    look(pieces, ledger)
    spend(pieces, 2)
    pieces.clock.advance(4.999)
    assert not refused(ledger, max_age=5000)
    pieces.clock.advance(0.001)
    assert refused(ledger, max_age=5000)


def test_what_is_not_counted_yet_counts(pieces: Pieces) -> None:
    ledger = Ledger(pieces.clock, limit=2000, table=pieces.table)
    assert not refused(ledger, beside=1999)
    assert refused(ledger, beside=2000)


def test_without_a_budget_nothing_is_read(pieces: Pieces) -> None:
    ledger = Ledger(pieces.clock, table=pieces.table)
    before = len(pieces.calls)
    assert not refused(ledger, beside=10**18)
    assert len(pieces.calls) == before


def test_what_was_read_before_midnight_is_not_todays(pieces: Pieces) -> None:
    """The counters are asked for on one day, and the answer comes on the next."""
    ledger = Ledger(pieces.clock, limit=1000)
    spend(pieces, 2)
    found = pieces.table.get(ledger.keys("acme"))
    pieces.clock.advance(DAY)
    ledger.note("acme", found)
    assert not refused(ledger)


def test_of_two_readings_the_larger_one_counts(pieces: Pieces) -> None:
    """Threads share a ledger, and the slower one may have read first."""
    ledger = Ledger(pieces.clock, limit=2000)
    earlier = pieces.table.get(ledger.keys("acme"))
    spend(pieces, 2)
    look(pieces, ledger)
    ledger.note("acme", earlier)
    assert refused(ledger)


def test_a_clock_that_is_put_back_makes_nothing_fresh(pieces: Pieces) -> None:
    ledger = Ledger(pieces.clock, limit=2000, table=pieces.table)
    look(pieces, ledger)
    spend(pieces, 2)
    pieces.clock.advance(-60)
    assert refused(ledger, max_age=5000)


# -- parts of a sum -----------------------------------------------------------------------------


def test_what_several_know_of_a_turn() -> None:
    one, other = Usage(10, 1, 0, 4, cost_nano_usd=7), Usage(8, 2, 3, 0, cost_nano_usd=9)
    assert most(one, other) == Usage(10, 2, 3, 4, cost_nano_usd=9)
    assert most(one, replace(other, cost_nano_usd=None)).cost_nano_usd is None


def test_what_goes_beyond_a_part() -> None:
    assert beyond(USAGE, Usage()) == USAGE
    assert beyond(USAGE, USAGE) == Usage()
    assert beyond(USAGE, Usage(4, 1, cost_nano_usd=400)) == Usage(6, 4, 3, 2, cost_nano_usd=600)
    assert beyond(replace(USAGE, cost_nano_usd=None), USAGE) == Usage(cost_nano_usd=None)
