"""What is somebody else's looks like what does not exist: outside, and to whoever measures."""

from collections.abc import Mapping, Sequence
from functools import partial

import pytest

from shared.identity.credentials import SERVICE_PATHS
from tests.walls.asked import ROUTES, probes
from tests.walls.conftest import World
from tests.walls.pairs import Pair
from tests.walls.people import BEA, BOB, COLLEAGUE, FELLOWS, FOREIGN, KEY_LIKE, Person
from tests.walls.probes import Probe
from tests.walls.seen import Seen, Visit, watch
from tests.walls.things import Things, marks

PROBES = probes()
WRITING = [
    "send_message session_id 0",
    "rename_conversation conversation_id 0",
    "cancel session_id 1",
    "POST /turns/{turn_id}/cancel path.turn_id 0",
    "POST /executor/turns body.session_id 0",
    "confirm_tool_action approval_id 1",
    "submit_interaction interaction_id 1",
    "verify_otp session_id 0",
    "POST /approvals/{approval_id} path.approval_id 0",
    "POST /deliveries/{delivery_id}/replay path.delivery_id 0",
]
PEOPLE: Mapping[str, Person] = {**FOREIGN, **FELLOWS}


def seen(world: World, person: Person, probe: Probe, sent: str, theirs: Things) -> Seen:
    """What this person sees who asks for that; nothing of the owner's has changed then, and no
    other connection has heard of it."""
    mine = world.others[person]
    # A request takes its time there, so that one connection asks for everything.
    visit = Visit(world.town, mine, mine.connection if world.slow else None)
    if probe.attached and not world.slow:
        world.town.send(visit.connection, "create_conversation_session", agentId="assistant")
    found, changed = watch(visit, partial(_asked, probe, sent), rows=not world.slow)
    assert not changed & world.keys[theirs.person], "something of the owner's"
    assert not found.others, "something for another connection"
    assert not found.quotes(marks(theirs) - marks(mine), sent)
    return found


def pairs(world: World, person: Person, probe: Probe, owner: Things) -> Sequence[Pair]:
    theirs = owner if person.tenant != owner.person.tenant else owner.unshared
    return probe.pairs(world.town, theirs, world.others[person])


def compare(world: World, person: Person, probe: Probe, pair: Pair, owner: Things) -> None:
    real, never = pair
    there = seen(world, person, probe, never, owner).shown(never)
    assert seen(world, person, probe, real, owner).shown(real) == there, real


def doors(person: Person) -> list[str]:
    """The probes that a person can try: with the service token some of the routes alone."""
    served = tuple(f"{method} {path}" for method, path in ROUTES if path.startswith(SERVICE_PATHS))
    own = [name for name in PROBES if name.startswith(served) and " header." not in name]
    return own if person.behalf else list(PROBES)


@pytest.mark.parametrize(
    ("who", "name"), [(who, name) for who, person in PEOPLE.items() for name in doors(person)]
)
def test_it_looks_like_nothing(world: World, name: str, who: str) -> None:
    person, probe = PEOPLE[who], PROBES[name]
    every = None if person in (BEA, BOB) else 1
    for pair in pairs(world, person, probe, world.ann)[:every]:
        compare(world, person, probe, pair, world.ann)


@pytest.mark.parametrize("person", [COLLEAGUE, KEY_LIKE], ids=["with an address", "without"])
@pytest.mark.parametrize("name", PROBES)
def test_who_has_no_address_is_as_protected(world: World, name: str, person: Person) -> None:
    bob, probe = world.others[BOB], PROBES[name]
    for pair in pairs(world, person, probe, bob)[:1]:
        compare(world, person, probe, pair, bob)


@pytest.mark.parametrize("person", [BEA, BOB], ids=["another tenant", "another user"])
@pytest.mark.parametrize("name", PROBES)
def test_it_looks_like_nothing_on_dynamodb(small_world: World, name: str, person: Person) -> None:
    probe, ann = PROBES[name], small_world.ann
    compare(small_world, person, probe, pairs(small_world, person, probe, ann)[0], ann)


def test_nothing_of_anns_has_changed_on_dynamodb(small_world: World) -> None:
    ann, before = small_world.ann, small_world.rows()
    for person in (BEA, BOB):
        visit = Visit(small_world.town, small_world.others[person])
        for probe in (PROBES[name] for name in WRITING):
            probe.ask(visit, pairs(small_world, person, probe, ann)[0][0])
    assert small_world.rows() == before


@pytest.mark.parametrize("name", [name for name, probe in PROBES.items() if not probe.same])
def test_its_owner_sees_the_difference(own_world: World, name: str) -> None:
    """Otherwise the comparisons above would compare nothing with nothing."""
    ann, probe = own_world.ann, PROBES[name]
    real, never = probe.pairs(own_world.town, ann, own_world.others[BOB])[0]
    shown = []
    for sent in (never, real):
        visit = Visit(own_world.town, ann, ann.connection if probe.attached else None)
        shown.append(watch(visit, partial(_asked, probe, sent))[0].shown(sent))
    assert shown[0] != shown[1]


def _asked(probe: Probe, sent: str, visit: Visit) -> None:
    probe.ask(visit, sent)
