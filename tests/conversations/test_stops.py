"""Which turn a request to stop means, and whose it may be."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.conversations.items import Session, turn_id, turn_ref
from shared.conversations.stops import Stops
from shared.errors import NotFound
from shared.identity.principal import Principal
from shared.storage.sqlite import SqliteTable
from tests.conversations.pieces import ANNA, BEN, SERVICE, STRANGER, Pieces, pieces_in
from tests.support.faults import Fault, FaultyTable
from tests.wire.scene import Scene


@pytest.fixture
def pieces(tmp_path: Path) -> Iterator[Pieces]:
    with pieces_in(tmp_path) as made:
        yield made


@pytest.fixture
def stops(pieces: Pieces) -> Stops:
    return Stops(pieces.table, pieces.requests, pieces.turns)


def asked(pieces: Pieces, session: Session, *requests: str) -> None:
    for request in requests:
        pieces.turns.add(ANNA, session, request_id=request, message="Hi")


def stopped(pieces: Pieces, session: Session) -> list[str]:
    """The requests of the session's mailbox that were asked to stop."""
    return [ref.rpartition("#")[2] for ref in pieces.box(session.box).stops]


def connected(pieces: Pieces, *sessions: Session) -> None:
    """A connection `c1` that uses these sessions."""
    pieces.connect("c1")
    for session in sessions:
        pieces.write(pieces.connections.attach(pieces.connection("c1"), session))


def test_the_turn_of_a_request_running_or_waiting(pieces: Pieces, stops: Stops) -> None:
    session = pieces.session()
    asked(pieces, session, "q1", "q2", "q3")
    stops.request(ANNA, session, "q2")
    assert stopped(pieces, session) == ["q2"]
    stops.request(ANNA, session, "q1")
    stops.request(ANNA, session, "q1")
    stops.request(ANNA, session, "unknown")
    assert stopped(pieces, session) == ["q2", "q1"]
    item = pieces.item(session.box.job(turn_ref(session.id, "q1")))
    assert item.attrs["stop"]["who"] == "anna"
    assert [wake.box for wake in pieces.wakes.sent] == [session.box.pk] * 2


def test_what_a_conversation_is_at_whichever_session_asked(pieces: Pieces, stops: Stops) -> None:
    first = pieces.session()
    second = pieces.session(conversation=first.conversation)
    asked(pieces, first, "q1", "q2")
    stops.current(ANNA, second)
    assert stopped(pieces, first) == ["q1"]
    stops.current(ANNA, second)
    assert stopped(pieces, first) == ["q1"], "what waits was not meant"


def test_nothing_to_stop_is_nothing(pieces: Pieces, stops: Stops) -> None:
    session = pieces.session()
    stops.current(ANNA, session)
    stops.request(ANNA, session, "q1")
    connected(pieces)
    stops.anywhere(pieces.connection("c1"), None)
    stops.anywhere(pieces.connection("c1"), "q1")
    assert pieces.wakes.sent == []


@pytest.mark.parametrize(
    ("principal", "may"), [(ANNA, True), (SERVICE, True), (BEN, False), (STRANGER, False)]
)
def test_only_who_may_stops(pieces: Pieces, stops: Stops, principal: Principal, may: bool) -> None:
    session = pieces.session()
    asked(pieces, session, "q1", "q2")
    stops.current(principal, session)
    stops.request(principal, session, "q2")
    assert stopped(pieces, session) == (["q1", "q2"] if may else [])


def test_without_a_session_among_those_of_the_connection(pieces: Pieces, stops: Stops) -> None:
    one, two, elsewhere = (pieces.session() for _ in range(3))
    for session in (one, two, elsewhere):
        asked(pieces, session, "q1", "q2")
    connected(pieces, one, two)
    stops.anywhere(pieces.connection("c1"), "q2")
    assert [stopped(pieces, each) for each in (one, two, elsewhere)] == [["q2"], ["q2"], []]
    stops.anywhere(pieces.connection("c1"), None)
    assert stopped(pieces, one) == stopped(pieces, two) == ["q2", "q1"]
    assert stopped(pieces, elsewhere) == []


def test_without_a_session_another_sessions_turn_goes_on(pieces: Pieces, stops: Stops) -> None:
    mine = pieces.session()
    beside = pieces.session(conversation=mine.conversation)
    asked(pieces, beside, "q1")
    asked(pieces, mine, "q2")
    connected(pieces, mine)
    stops.anywhere(pieces.connection("c1"), None)
    assert stopped(pieces, mine) == []
    stops.anywhere(pieces.connection("c1"), "q1")
    assert stopped(pieces, mine) == []


def test_a_connection_has_no_say_over_a_session_that_is_somebody_elses(
    pieces: Pieces, stops: Stops
) -> None:
    """Whatever its item says."""
    session = pieces.session()
    asked(pieces, session, "q1")
    pieces.connect("c1", BEN)
    pieces.write(pieces.connections.attach(pieces.connection("c1"), session))
    stops.anywhere(pieces.connection("c1"), None)
    stops.anywhere(pieces.connection("c1"), "q1")
    assert stopped(pieces, session) == []


def test_a_turn_by_its_id(pieces: Pieces, stops: Stops) -> None:
    session = pieces.session()
    asked(pieces, session, "q1")
    name = turn_id(session.conversation, turn_ref(session.id, "q1"))
    for other in (BEN, STRANGER):
        with pytest.raises(NotFound) as refused:
            stops.turn(other, name)
        assert refused.value.error_code == "TURN_NOT_FOUND"
    assert stopped(pieces, session) == []
    for _ in range(2):
        assert stops.turn(ANNA, name).status == "queued"
    assert stopped(pieces, session) == ["q1"]
    assert len(pieces.wakes.sent) == 1


def test_a_stop_that_fails_is_no_end_of_the_turn(engine: SqliteTable, tmp_path: Path) -> None:
    """An error under the turn's request id would be its end, as clients see it."""
    broken: list[bool] = []
    table = FaultyTable(engine, lambda _: Fault.THROTTLE if broken else None)
    scene = Scene(table, tmp_path)
    scene.connect("c1")
    session = scene.session("c1")
    scene.say("c1", session, "q1", "Hi")
    broken.append(True)
    told = scene.frame("c1", "cancel", requestId="q1", sessionId=session)
    assert (told["type"], told["error"]["code"]) == ("error", "SERVICE_UNAVAILABLE")
    assert "requestId" not in told
    broken.clear()
    scene.work()
    assert scene.events("c1", "q1")[-1]["type"] == "eventual_response"
