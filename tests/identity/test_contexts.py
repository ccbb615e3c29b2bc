"""For whom a site's backend may vouch, to the second."""

import hmac

import pytest
from pydantic import SecretStr

from shared.errors import Forbidden
from shared.identity.contexts import WINDOW_SEC, AuthContext, AuthContexts
from shared.identity.principal import SERVICE, USER, Principal
from shared.storage.table import ConditionFailed, Table
from tests.support.clock import FakeClock

SECRET = SecretStr("the-secret-of-the-site's-backend")
SITE = Principal("acme", SERVICE, frozenset({SERVICE}))
ANN = Principal("acme", "ann", frozenset({USER, "admin"}), email="ann@example.com")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def contexts(clock: FakeClock) -> AuthContexts:
    return AuthContexts(SECRET, clock, only_same=False)


def signed(clock: FakeClock, user: str = "ann", age: int = 0) -> AuthContext:
    timestamp = clock.now() // 1000 - age
    key, text = SECRET.get_secret_value().encode(), f"{user}:{timestamp}".encode()
    return AuthContext(
        user=user, timestamp=timestamp, signature=hmac.digest(key, text, "sha256").hex()
    )


def refused(contexts: AuthContexts, context: AuthContext, connected: Principal = SITE) -> bool:
    try:
        contexts.principal(context, connected)
    except Forbidden as fault:
        return fault.error_code == "AUTH_CONTEXT_INVALID" and not fault.details
    return False


@pytest.mark.parametrize(
    ("age", "milliseconds", "out"),
    [
        (WINDOW_SEC, 0, False),
        (WINDOW_SEC, 1, True),
        (WINDOW_SEC + 1, 0, True),
        (-WINDOW_SEC, 0, False),
        (-WINDOW_SEC - 1, 999, True),
        (-WINDOW_SEC - 1, 1000, False),
    ],
)
def test_a_minute_before_and_after(
    contexts: AuthContexts, clock: FakeClock, age: int, milliseconds: int, out: bool
) -> None:
    context = signed(clock, age=age)
    clock.advance(milliseconds / 1000)
    assert refused(contexts, context) is out


def test_it_gives_the_person_and_no_more(contexts: AuthContexts, clock: FakeClock) -> None:
    found = contexts.principal(signed(clock, "bob"), SITE)
    assert found == Principal("acme", "bob", frozenset({USER}))
    # Somebody who is that person already keeps what is known of them.
    assert contexts.principal(signed(clock, "ann"), ANN) is ANN
    assert contexts.principal(signed(clock, "bob"), ANN) == found


def test_the_case_of_the_digits_does_not_matter(contexts: AuthContexts, clock: FakeClock) -> None:
    context = signed(clock)
    upper = AuthContext(
        user=context.user, timestamp=context.timestamp, signature=context.signature.upper()
    )
    assert not refused(contexts, upper)


def test_nobody_becomes_the_service(contexts: AuthContexts, clock: FakeClock) -> None:
    assert refused(contexts, signed(clock, SERVICE))
    assert refused(contexts, signed(clock, SERVICE), ANN)


def test_where_people_are_known_it_may_but_confirm(clock: FakeClock) -> None:
    strict = AuthContexts(SECRET, clock, only_same=True)
    assert strict.principal(signed(clock, "ann"), ANN) is ANN
    assert refused(strict, signed(clock, "bob"), ANN)
    assert refused(strict, signed(clock, "ann"), SITE)


def test_a_signature_is_for_one_user_and_time(contexts: AuthContexts, clock: FakeClock) -> None:
    good = signed(clock)
    for user, timestamp in (
        ("ann:1", good.timestamp),
        ("bob", good.timestamp),
        ("ann", good.timestamp - 1),
    ):
        changed = AuthContext(user=user, timestamp=timestamp, signature=good.signature)
        assert refused(contexts, changed)
    stranger = AuthContexts(SecretStr("another-secret-of-some-length"), clock, only_same=False)
    assert refused(stranger, good)


def test_one_connection_uses_it(contexts: AuthContexts, clock: FakeClock, table: Table) -> None:
    context = signed(clock)
    table.write([contexts.used(context, "acme", "c1")])
    table.write([contexts.used(context, "acme", "c1")])
    with pytest.raises(ConditionFailed):
        table.write([contexts.used(context, "acme", "c2")])
    # Another tenant, person or second is another one.
    table.write([contexts.used(context, "other", "c2")])
    table.write([contexts.used(signed(clock, "bob"), "acme", "c2")])
    table.write([contexts.used(signed(clock, age=1), "acme", "c2")])


def test_what_was_used_is_remembered_for_as_long_as_it_could_be_used_again(
    contexts: AuthContexts, clock: FakeClock
) -> None:
    early = signed(clock, age=-WINDOW_SEC)
    write = contexts.used(early, "acme", "c1")
    assert write.item.ttl is not None
    assert write.item.ttl > early.timestamp + WINDOW_SEC
    assert early.user not in write.item.key.pk
