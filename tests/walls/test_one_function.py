"""One function decides what somebody may, and everything asks it."""

import json
from typing import Any

import pytest

from shared.identity import access
from tests.walls.asked import OPEN
from tests.walls.conftest import World
from tests.walls.deciding import askers, decide_by
from tests.walls.inventory import Place, actions, routes
from tests.walls.own import EMPTY, EXEMPT, FRAMES, NO_CODE, REQUESTS, SILENT, Fields, Where
from tests.walls.seen import Seen, Visit, watch
from tests.walls.things import marks

FRAME_CASES = [
    pytest.param(action, fields, refusal, id=f"{action} {number}")
    for action, forms in FRAMES.items()
    for number, (fields, refusal) in enumerate(forms)
]
REQUEST_CASES = [
    pytest.param(place, path, refusal, id=f"{' '.join(place)} {number}")
    for place, forms in REQUESTS.items()
    for number, (path, refusal) in enumerate(forms)
]


def test_all_actions_and_routes_are_here(own_world: World) -> None:
    assert {*FRAMES, *EXEMPT} == set(actions())
    assert {*REQUESTS, *OPEN} == set(routes(own_world.town.deployment.http))


def framed(world: World, action: str, fields: Fields, connection: str | None = None) -> Seen:
    """The frame of Ann's, from a connection that uses her sessions."""
    visit = Visit(world.town, world.ann, connection or world.ann.connection)
    named = {"requestId": "q", **fields(world.ann)}
    return watch(visit, lambda visit: visit.frame(action, **named))[0]


def requested(world: World, place: Place, path: Where) -> Seen:
    visit = Visit(world.town, world.ann)
    where, body = path(world.ann)
    return watch(visit, lambda visit: visit.request(place[0], where, body))[0]


@pytest.fixture
def nobody_may(monkeypatch: pytest.MonkeyPatch) -> None:
    placed = decide_by(lambda *_: False, monkeypatch)
    assert placed == {*askers(), access.__name__}


@pytest.mark.usefixtures("nobody_may")
@pytest.mark.parametrize(("action", "fields", "refusal"), FRAME_CASES)
def test_who_may_nothing_is_told_that_there_is_nothing(
    own_world: World, action: str, fields: Fields, refusal: str
) -> None:
    seen = framed(own_world, action, fields)
    assert seen.changed == ["changed CONN"], "its counter alone"
    assert (seen.wakes, seen.others) == ([], [])
    assert not seen.quotes(marks(own_world.ann), json.dumps(fields(own_world.ann)))
    answers = [json.loads(text) for text in seen.answer]
    if refusal == SILENT:
        assert answers == []
    elif refusal == EMPTY:
        assert [answer["data"]["conversations"] for answer in answers] == [[]]
        assert not [note for note in seen.notes if note.startswith("index")], "nothing is looked up"
    elif refusal == NO_CODE:
        assert [answer["data"]["data"]["error"] for answer in answers] == [refusal]
    else:
        assert [answer["error"]["code"] for answer in answers] == [refusal]


@pytest.mark.usefixtures("nobody_may")
@pytest.mark.parametrize(("place", "path", "refusal"), REQUEST_CASES)
def test_who_may_nothing_is_answered_that_there_is_nothing(
    own_world: World, place: Place, path: Where, refusal: str
) -> None:
    seen = requested(own_world, place, path)
    assert (seen.changed, seen.wakes, seen.others) == ([], [], [])
    assert not seen.quotes(marks(own_world.ann), json.dumps(path(own_world.ann)))
    [(status, _, text)] = seen.answer
    if refusal == EMPTY:
        assert (status, json.loads(text)) == (200, [])
        assert seen.notes == [], "nothing is looked up"
    else:
        assert json.loads(text)["error"]["code"] == refusal
        assert status == (403 if refusal == "FORBIDDEN" else 404)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the function was asked, which decides as ever."""
    questions: list[tuple[Any, ...]] = []
    decide = access.may

    def noted(*question: Any) -> bool:
        questions.append(question)
        return decide(*question)

    decide_by(noted, monkeypatch)
    return questions


@pytest.mark.parametrize(("action", "fields", "refusal"), FRAME_CASES)
def test_every_action_asks(
    own_world: World,
    asked: list[tuple[Any, ...]],
    action: str,
    fields: Fields,
    refusal: str,
) -> None:
    framed(own_world, action, fields)
    assert asked
    assert {(each.user, each.tenant) for each, *_ in asked} == {("ann.archer", "acme")}


@pytest.mark.parametrize(("place", "path", "refusal"), REQUEST_CASES)
def test_every_route_asks(
    own_world: World,
    asked: list[tuple[Any, ...]],
    place: Place,
    path: Where,
    refusal: str,
) -> None:
    requested(own_world, place, path)
    assert asked
    assert {(each.user, each.tenant) for each, *_ in asked} == {("ann.archer", "acme")}


@pytest.mark.usefixtures("nobody_may")
def test_who_may_nothing_may_still_say_who_they_are(own_world: World) -> None:
    token = own_world.ann.person.token(own_world.town.clock.now())
    connection = own_world.town.connect(own_world.ann.person)
    seen = framed(own_world, "authenticate", lambda _: {"token": token}, connection)
    assert [json.loads(text)["status"] for text in seen.answer] == [200]
    pong = framed(own_world, "ping", lambda _: {}, connection)
    assert [json.loads(text)["type"] for text in pong.answer] == ["pong"]
    assert seen.changed == pong.changed == ["changed CONN"]
