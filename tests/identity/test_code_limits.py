"""How often codes are sent, to the second."""

import pytest

from shared.errors import RateLimited
from shared.identity.code_limits import PER_ADDRESS, PER_SESSION, CodeLimits
from shared.identity.limits import RateLimits
from shared.identity.principal import USER, Principal
from shared.storage.table import Operation, Table
from tests.identity.ticket_samples import Build
from tests.support.clock import FakeClock
from tests.support.faults import Fault

ANN = "ann@example.org"
HOUR = 3600


@pytest.fixture
def clock() -> FakeClock:
    """Its hour has just begun."""
    begun = FakeClock()
    begun.advance(HOUR - begun.now() % (HOUR * 1000) / 1000)
    return begun


@pytest.fixture
def limits(table: Table, clock: FakeClock) -> CodeLimits:
    return CodeLimits(table, clock)


def sent(
    limits: CodeLimits, session: str = "s1", address: str = ANN, *, tenant: str = "acme"
) -> bool:
    """Whether one more code may be sent."""
    try:
        limits.take(tenant, session, address)
    except RateLimited:
        return False
    return True


def fill(limits: CodeLimits, session: str = "s1", address: str = ANN) -> None:
    """Send as many codes as a session may."""
    assert all(sent(limits, session, address) for _ in range(PER_SESSION))


def test_the_limits() -> None:
    assert (PER_SESSION, PER_ADDRESS) == (5, 10)


def test_so_many_an_hour_in_a_session(limits: CodeLimits, clock: FakeClock) -> None:
    fill(limits)
    assert not sent(limits)
    # To whomever they go.
    assert not sent(limits, address="bob@example.org")
    clock.advance(HOUR - 0.001)
    assert not sent(limits)
    clock.advance(0.001)
    fill(limits)
    assert not sent(limits)


def test_so_many_an_hour_to_an_address(limits: CodeLimits, clock: FakeClock) -> None:
    for number in range(PER_ADDRESS):
        assert sent(limits, f"session {number}")
    assert not sent(limits, "another session")
    assert sent(limits, "another session", "bob@example.org")
    clock.advance(HOUR - 0.001)
    assert not sent(limits, "another session")
    clock.advance(0.001)
    assert sent(limits, "another session")


@pytest.mark.parametrize(
    ("second", "wait"), [(0, 3600), (0.5, 3600), (1, 3599), (1800, 1800), (3599.999, 1)]
)
def test_when_to_come_back(limits: CodeLimits, clock: FakeClock, second: float, wait: int) -> None:
    fill(limits)
    clock.advance(second)
    with pytest.raises(RateLimited) as caught:
        limits.take("acme", "s1", ANN)
    assert caught.value.retry_after == wait
    assert caught.value.error_code == "RATE_LIMITED"
    assert caught.value.message.startswith("Too many codes have been sent;")
    clock.advance(wait)
    assert sent(limits)


def test_neither_limit_tells_which_it_is(limits: CodeLimits) -> None:
    fill(limits)
    fill(limits, "s2")
    told = []
    for session, address in (("s1", "bob@example.org"), ("s3", ANN)):
        with pytest.raises(RateLimited) as caught:
            limits.take("acme", session, address)
        told.append((caught.value.message, caught.value.details))
    assert told[0] == told[1]


def test_a_refusal_counts_for_nothing_else(limits: CodeLimits) -> None:
    """A session that is full does not use up an address, nor the other way round."""
    fill(limits, "s1", "bob@example.org")
    assert not any(sent(limits, "s1", ANN) for _ in range(2 * PER_ADDRESS))
    for number in range(PER_ADDRESS):
        assert sent(limits, f"other {number}", ANN)

    assert not any(sent(limits, "s2", ANN) for _ in range(2 * PER_SESSION))
    fill(limits, "s2", "carl@example.org")


def test_the_case_of_an_address_does_not_matter(limits: CodeLimits) -> None:
    fill(limits, "s1", "Ann@Example.org")
    fill(limits, "s2", "ANN@EXAMPLE.ORG")
    assert not sent(limits, "s3", ANN)
    assert sent(limits, "s3", "ann+1@example.org")


def test_each_tenant_has_its_own(limits: CodeLimits) -> None:
    fill(limits)
    fill(limits, "s2")
    assert not sent(limits, "s3")
    # Neither a name nor the place where it ends can be taken for another one.
    for tenant, session in (("other", "s1"), ("acme#s1", "s1"), ("acme", "#"), ("acme#", "")):
        assert sent(limits, session, "bob@example.org", tenant=tenant)
    assert sent(limits, "s3", ANN, tenant="other")


def test_all_processes_count_together(limits: CodeLimits, table: Table, clock: FakeClock) -> None:
    other = CodeLimits(table, clock)
    assert sum(sent(each) for _ in range(PER_SESSION) for each in (limits, other)) == PER_SESSION


def test_codes_are_counted_apart_from_people_and_their_addresses(
    limits: CodeLimits, table: Table, clock: FakeClock
) -> None:
    fill(limits)
    others = RateLimits(table, clock, per_principal=1, per_address=1)
    others.count(others.principal(Principal("acme", "s1", frozenset({USER}))))
    others.count(others.address(ANN))


def test_a_lost_answer_counts_on_the_strict_side(build: Build, clock: FakeClock) -> None:
    _, faulty = build(lambda call: Fault.LOST_ANSWER if call.number == 0 else None)
    limits = CodeLimits(faulty, clock)
    assert [sent(limits) for _ in range(PER_SESSION)] == [True] * (PER_SESSION - 1) + [False]


def test_what_is_kept_shows_no_address_and_does_not_stay(build: Build, clock: FakeClock) -> None:
    written: list[Operation] = []
    _, heard = build(lambda call: written.extend(call.operations))
    CodeLimits(heard, clock).take("acme", "s1", ANN)
    items = heard.get([each.key for each in written])
    assert len(items) == 2
    for item in items:
        assert item is not None
        assert item.ttl == clock.now() // 1000 + 2 * HOUR
        assert item.attrs == {"count": 1}
        assert item.body is None
        for word in ("ann", "example", "@"):
            assert word not in (item.key.pk + item.key.sk).lower()
