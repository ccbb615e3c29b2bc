"""How often people and addresses may ask, to the second."""

from collections.abc import Sequence

import pytest

from shared.errors import RateLimited
from shared.identity.limits import RateLimits
from shared.identity.principal import ALL, SERVICE, USER, Principal
from shared.storage.table import Operation, Table
from tests.support.clock import FakeClock

ANN = Principal("acme", "ann", frozenset({USER}))
LIMIT = 3


@pytest.fixture
def clock() -> FakeClock:
    """Its minute has just begun."""
    begun = FakeClock()
    begun.advance(60 - begun.now() % 60_000 / 1000)
    return begun


@pytest.fixture
def limits(table: Table, clock: FakeClock) -> RateLimits:
    return RateLimits(table, clock, per_principal=LIMIT, per_address=LIMIT)


def person(limits: RateLimits, principal: Principal = ANN) -> bool:
    """Whether one more act of a person is let through."""
    return counted(limits, limits.principal(principal))


def knock(limits: RateLimits, address: str | None) -> bool:
    return counted(limits, limits.address(address))


def counted(limits: RateLimits, writes: Sequence[Operation]) -> bool:
    try:
        limits.count(writes)
    except RateLimited:
        return False
    return True


def room(limits: RateLimits, principal: Principal = ANN) -> int:
    """How many acts are let through of twice as many as there is room for."""
    return sum(person(limits, principal) for _ in range(2 * LIMIT))


def test_so_many_a_minute_and_no_more(limits: RateLimits, clock: FakeClock) -> None:
    assert [person(limits) for _ in range(LIMIT + 2)] == [True] * LIMIT + [False] * 2
    clock.advance(59.999)
    assert not person(limits)
    clock.advance(0.001)
    assert room(limits) == LIMIT


@pytest.mark.parametrize(("second", "wait"), [(0, 60), (0.5, 60), (1, 59), (59, 1), (59.999, 1)])
def test_when_to_come_back(limits: RateLimits, clock: FakeClock, second: float, wait: int) -> None:
    """After that the minute is over, whatever fraction of a second it was."""
    for _ in range(LIMIT):
        limits.count(limits.principal(ANN))
    clock.advance(second)
    with pytest.raises(RateLimited) as caught:
        limits.count(limits.principal(ANN))
    assert caught.value.retry_after == wait
    assert caught.value.details == {"retryAfter": wait}
    assert caught.value.http_status == 429
    clock.advance(wait)
    assert person(limits)


def test_each_user_of_each_tenant_has_their_own(limits: RateLimits) -> None:
    others = [
        Principal("acme", "bob", frozenset({USER})),
        Principal("other", "ann", frozenset({USER})),
        # Neither a name nor the place where it ends can be taken for another one.
        Principal("acme#ann", "x", frozenset({USER})),
        Principal("acme", "ann#x", frozenset({USER})),
        Principal("acme#ann", "#x", frozenset({USER})),
        Principal("acme", "%23", frozenset({USER})),
        Principal("acme", "#", frozenset({USER})),
    ]
    for each in (ANN, *others):
        assert room(limits, each) == LIMIT


def test_roles_make_nobody_else_of_them(limits: RateLimits) -> None:
    assert person(limits)
    assert person(limits, Principal("acme", "ann", frozenset({"admin", USER})))
    assert person(limits, Principal("acme", "ann", frozenset({USER}), email="a@example.com"))
    assert not person(limits)


@pytest.mark.parametrize("roles", [{SERVICE}, {SERVICE, "admin"}, {ALL}])
def test_who_acts_for_many_is_not_counted(limits: RateLimits, roles: set[str]) -> None:
    """Nor is the only person of a machine."""
    assert limits.principal(Principal("acme", "ann", frozenset(roles))) == []


def test_nothing_is_counted_without_a_limit(table: Table, clock: FakeClock) -> None:
    none = RateLimits(table, clock, per_principal=0, per_address=0)
    assert none.principal(ANN) == none.address("192.0.2.1") == []
    none.count([])


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        # A subscriber of IPv6 has a whole /64.
        ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", True),
        ("2001:db8:0:0:1::", "2001:DB8::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("nonsense", "nonsense", True),
        ("nonsense", "nonsense#", False),
        ("x" * 64, "x" * 65, True),
    ],
)
def test_which_addresses_are_one(limits: RateLimits, one: str, two: str, same: bool) -> None:
    for _ in range(LIMIT):
        assert knock(limits, one)
    assert not knock(limits, one)
    assert knock(limits, two) is not same


@pytest.mark.parametrize("nobody", [None, ""])
def test_an_address_that_is_not_known_is_not_counted(
    limits: RateLimits, nobody: str | None
) -> None:
    assert limits.address(nobody) == []


def test_addresses_and_people_are_counted_apart(limits: RateLimits) -> None:
    for _ in range(LIMIT):
        assert person(limits)
    assert knock(limits, "user#acme#ann")


def test_a_full_counter_counts_nothing_beside_it(limits: RateLimits) -> None:
    """All that rides together fails together."""
    for _ in range(LIMIT):
        assert knock(limits, "192.0.2.1")
    both = [*limits.principal(ANN), *limits.address("192.0.2.1")]
    assert not counted(limits, both)
    assert room(limits) == LIMIT


def test_all_processes_count_together(limits: RateLimits, table: Table, clock: FakeClock) -> None:
    other = RateLimits(table, clock, per_principal=LIMIT, per_address=LIMIT)
    assert sum(person(each) for _ in range(LIMIT) for each in (limits, other)) == LIMIT


def test_counters_do_not_stay(limits: RateLimits, table: Table, clock: FakeClock) -> None:
    [write] = limits.principal(ANN)
    limits.count([write])
    item = table.get([write.key])[0]
    assert item is not None
    assert item.ttl == clock.now() // 1000 + 120
