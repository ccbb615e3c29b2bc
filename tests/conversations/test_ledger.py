"""What a tenant has used today: every turn counts once, whichever shard it falls on."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shared.conversations.usage import SHARDS, Ledger
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
