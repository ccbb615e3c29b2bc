"""Principals, and what they may."""

import json
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.conversations.items import owned_by
from shared.identity.access import Action, Thing, may, own
from shared.identity.principal import ADMIN, ALL, SERVICE, USER, Principal

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
ADMIN_ANN = Principal("acme", "ann", frozenset({USER, ADMIN}))
AGENT = Principal("acme", "carl", frozenset({USER, "agent"}))
ACTIONS = get_args(Action)
OWNED = Thing(tenant="acme", owner="ann")
SHARED = Thing(tenant="acme", owner="ann", shared=True)
TENANTS = Thing(tenant="acme", owner=None)
ASKED_OF_AGENTS = Thing(tenant="acme", owner="ann", deciders=frozenset({"agent", ADMIN}))


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
    with pytest.raises(ValueError, match="at most 256"):
        Principal("acme", "ann", frozenset(), groups=frozenset(map(str, range(257))))


@pytest.mark.parametrize("action", ACTIONS)
def test_owners_may_everything_with_their_own_and_others_nothing(action: str) -> None:
    assert may(ANN, action, OWNED)
    assert not may(BOB, action, OWNED)
    assert may(BOB, action, own(BOB))


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("principal", [WORKER, DEVELOPER])
@pytest.mark.parametrize("thing", [OWNED, SHARED, TENANTS, ASKED_OF_AGENTS])
def test_the_service_may_everything_in_its_tenant(
    principal: Principal, action: str, thing: Thing
) -> None:
    assert may(principal, action, thing)
    assert not may(principal, action, replace(thing, tenant="other"))


def test_others_take_part_in_what_is_shared() -> None:
    assert {action for action in ACTIONS if may(BOB, action, SHARED)} == {"read", "write", "stop"}


def test_what_belongs_to_the_tenant_is_for_its_admin() -> None:
    assert not any(may(ANN, action, TENANTS) for action in ACTIONS)
    allowed = {action for action in ACTIONS if may(ADMIN_ANN, action, TENANTS)}
    assert allowed == {"list", "read", "replay", "erase"}


def test_an_admin_sees_nobody_elses_conversations() -> None:
    admin = Principal("acme", "eve", frozenset({USER, ADMIN}))
    assert not any(may(admin, action, OWNED) for action in ACTIONS)


def test_who_decides() -> None:
    assert may(ANN, "decide", OWNED)
    assert not may(AGENT, "decide", OWNED)
    # The roles are named because the owner is not the one to decide.
    assert not may(ANN, "decide", ASKED_OF_AGENTS)
    assert may(AGENT, "decide", ASKED_OF_AGENTS)
    assert may(ADMIN_ANN, "decide", ASKED_OF_AGENTS)
    assert not may(AGENT, "read", ASKED_OF_AGENTS)
    assert not may(replace(AGENT, tenant="other"), "decide", ASKED_OF_AGENTS)


@pytest.mark.parametrize("principal", [ANN, WORKER, DEVELOPER])
def test_what_is_not_known_is_not_allowed(principal: Principal) -> None:
    assert not may(principal, "fly", own(principal))


@given(principals, principals, st.sampled_from(ACTIONS), st.booleans(), st.frozensets(names))
def test_nobody_may_anything_in_another_tenant(
    principal: Principal, other: Principal, action: str, shared: bool, deciders: frozenset[str]
) -> None:
    thing = Thing(tenant=other.tenant, owner=other.user, shared=shared, deciders=deciders)
    assert not may(principal, action, thing) or principal.tenant == other.tenant


@given(principals, principals)
def test_owners_are_told_apart(one: Principal, other: Principal) -> None:
    same = (one.tenant, one.user) == (other.tenant, other.user)
    assert (owned_by(one.tenant, one.user) == owned_by(other.tenant, other.user)) == same


def test_names_cannot_reach_into_each_other() -> None:
    one, other = Principal("a#b", "c", frozenset()), Principal("a", "b#c", frozenset())
    assert owned_by(one.tenant, one.user) != owned_by(other.tenant, other.user)
    longest = Principal("#" * 128, "#" * 128, frozenset())
    assert len(owned_by(longest.tenant, longest.user)) <= 1000
