"""Principals, and what they may."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.identity.access import may, owner_key
from shared.identity.principal import ALL, SERVICE, USER, Principal

names = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=20)
principals = st.builds(
    Principal,
    tenant=names,
    user=names,
    roles=st.frozensets(names, max_size=3),
    email=st.none() | names,
    groups=st.frozensets(names, max_size=3),
)

ANN = Principal("acme", "ann", frozenset({USER}))
BOB = Principal("acme", "bob", frozenset({USER}))
WORKER = Principal("acme", "service", frozenset({SERVICE}))
DEVELOPER = Principal("acme", "local", frozenset({ALL}))
ACTIONS = ["read", "write", "stop", "decide", "delete"]


@given(principals)
def test_what_is_stored_comes_back(principal: Principal) -> None:
    assert Principal.from_dict(json.loads(json.dumps(principal.to_dict()))) == principal


def test_little_is_stored_of_little() -> None:
    assert ANN.to_dict() == {"tenant": "acme", "user": "ann", "roles": ["user"]}


@pytest.mark.parametrize("name", ["", " ", "x" * 129, "a\nb", "a\u0000", "\ud800", "a\u202eb"])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(ValueError, match="1 to 128 printable"):
        Principal(name, "ann", frozenset())
    with pytest.raises(ValueError, match="1 to 128 printable"):
        Principal("acme", name, frozenset())
    with pytest.raises(ValueError, match="printable"):
        Principal("acme", "ann", frozenset({name}))


def test_other_limits() -> None:
    with pytest.raises(ValueError, match="1 to 254"):
        Principal("acme", "ann", frozenset(), email="x" * 255)
    with pytest.raises(ValueError, match="at most 64"):
        Principal("acme", "ann", frozenset(), groups=frozenset(map(str, range(65))))


@pytest.mark.parametrize("action", ACTIONS)
def test_owners_may_everything_with_their_own(action: str) -> None:
    assert may(ANN, action, tenant="acme", owner="ann")
    assert not may(BOB, action, tenant="acme", owner="ann")


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("principal", [WORKER, DEVELOPER])
def test_the_service_may_everything_in_its_tenant(principal: Principal, action: str) -> None:
    assert may(principal, action, tenant="acme", owner="ann")
    assert not may(principal, action, tenant="other", owner="ann")


@pytest.mark.parametrize("principal", [ANN, WORKER, DEVELOPER])
def test_what_is_not_known_is_not_allowed(principal: Principal) -> None:
    assert not may(principal, "fly", tenant="acme", owner=principal.user)


@given(principals, principals, st.sampled_from(ACTIONS))
def test_nobody_may_anything_in_another_tenant(
    principal: Principal, other: Principal, action: str
) -> None:
    allowed = may(principal, action, tenant=other.tenant, owner=other.user)
    assert not allowed or principal.tenant == other.tenant


@given(principals, principals)
def test_owners_are_told_apart(one: Principal, other: Principal) -> None:
    same = (one.tenant, one.user) == (other.tenant, other.user)
    assert (owner_key(one) == owner_key(other)) == same


def test_names_cannot_reach_into_each_other() -> None:
    one, other = Principal("a#b", "c", frozenset()), Principal("a", "b#c", frozenset())
    assert owner_key(one) != owner_key(other)
    longest = Principal("#" * 128, "#" * 128, frozenset())
    assert len(owner_key(longest)) <= 1000
