"""How often a connection may ask, to the second, and how many sessions it may use."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.conversations.connections import MAX_SESSIONS
from shared.conversations.items import Session, listener_name
from shared.errors import ConflictError, RateLimited
from shared.storage.table import ConditionFailed
from tests.conversations.pieces import ANNA, BEN, STRANGER, Pieces, pieces_in

LIMIT = 5


@pytest.fixture
def pieces(tmp_path: Path) -> Iterator[Pieces]:
    with pieces_in(tmp_path, per_minute=LIMIT) as made:
        begun = made.clock.now() % 60_000
        made.clock.advance(60 - begun / 1000)
        yield made


def frame(pieces: Pieces, session: Session, connection: str = "k1") -> None:
    found = pieces.connection(connection)
    pieces.write(*pieces.connections.frame(found, session))


def test_so_many_frames_a_minute_and_no_more(pieces: Pieces) -> None:
    session = pieces.session(connection=pieces.connect("k1"))
    for _ in range(LIMIT):
        frame(pieces, session)

    for second in range(60):
        with pytest.raises(RateLimited) as refused:
            frame(pieces, session)
        assert refused.value.retry_after == 60 - second
        pieces.clock.advance(1)
    for _ in range(LIMIT):
        frame(pieces, session)
    with pytest.raises(RateLimited):
        frame(pieces, session)


def test_a_refused_client_that_waits_as_told_is_let_in(pieces: Pieces) -> None:
    session = pieces.session(connection=pieces.connect("k1"))
    pieces.clock.advance(59.999)
    for _ in range(LIMIT):
        frame(pieces, session)
    with pytest.raises(RateLimited) as refused:
        frame(pieces, session)

    pieces.clock.advance(refused.value.retry_after)
    frame(pieces, session)


def test_what_was_not_used_in_a_minute_is_not_kept(pieces: Pieces) -> None:
    session = pieces.session(connection=pieces.connect("k1"))
    pieces.clock.advance(600)
    for _ in range(LIMIT):
        frame(pieces, session)
    with pytest.raises(RateLimited):
        frame(pieces, session)


def test_frames_at_the_same_moment_cannot_slip_past_the_limit(pieces: Pieces) -> None:
    """All of them saw the connection as it was before."""
    session = pieces.session(connection=pieces.connect("k1"))
    frame(pieces, session)
    seen = pieces.connection("k1")
    for _ in range(LIMIT - 1):
        pieces.write(*pieces.connections.frame(seen, session))

    with pytest.raises(ConditionFailed):
        pieces.write(*pieces.connections.frame(seen, session))
    assert pieces.connection("k1").frames == LIMIT


def test_a_minute_begins_only_once(pieces: Pieces) -> None:
    session = pieces.session(connection=pieces.connect("k1"))
    seen = pieces.connection("k1")
    pieces.write(*pieces.connections.frame(seen, session))

    with pytest.raises(ConditionFailed):
        pieces.write(*pieces.connections.frame(seen, session))
    assert pieces.connection("k1").frames == 1


def test_connections_are_counted_apart(pieces: Pieces) -> None:
    session = pieces.session(connection=pieces.connect("k1"))
    pieces.connect("k2")
    for _ in range(LIMIT):
        frame(pieces, session, "k1")

    frame(pieces, session, "k2")


def test_a_connection_that_has_closed_counts_nothing(pieces: Pieces) -> None:
    session = pieces.session(connection=pieces.connect("k1"))
    seen = pieces.connection("k1")
    pieces.connections.closed("k1")

    with pytest.raises(ConditionFailed):
        pieces.write(*pieces.connections.frame(seen, session))
    assert pieces.connections.get("k1") is None


def test_a_connection_may_use_so_many_sessions_and_no_more(pieces: Pieces) -> None:
    pieces.connect("k1")
    opened = [pieces.session(connection=pieces.connection("k1")) for _ in range(MAX_SESSIONS)]
    before = pieces.session()

    with pytest.raises(ConflictError) as refused:
        pieces.session(connection=pieces.connection("k1"))
    assert refused.value.error_code == "TOO_MANY_SESSIONS"
    with pytest.raises(ConflictError):
        frame(pieces, before)
    frame(pieces, opened[0])
    assert len(pieces.connection("k1").attached) == MAX_SESSIONS


def test_a_refused_session_leaves_nothing_behind(pieces: Pieces) -> None:
    connection = pieces.connect("k1")
    pieces.connections.closed("k1")

    with pytest.raises(ConflictError):
        pieces.session(connection=connection, session_id="0" * 8)
    assert pieces.sessions.find(ANNA, "0" * 8) is None


def test_a_disconnect_detaches_from_all_conversations_and_from_no_others(pieces: Pieces) -> None:
    pieces.connect("k1")
    pieces.connect("k2")
    sessions = [pieces.session(connection=pieces.connection("k1")) for _ in range(3)]
    conversation = sessions[0].conversation
    other = pieces.session(connection=pieces.connection("k2"), conversation=conversation)

    pieces.connections.closed("k1")
    pieces.connections.closed("k1")

    assert list(pieces.box(sessions[0].box).conns) == [listener_name(other.id, "k2")]
    assert [list(pieces.box(session.box).conns) for session in sessions[1:]] == [[], []]


def test_a_session_is_found_only_by_who_may_use_it(pieces: Pieces) -> None:
    session = pieces.session()
    for name, principal, allowed in [
        ("k1", ANNA, True),
        ("k2", BEN, False),
        ("k3", STRANGER, False),
    ]:
        pieces.connect(name, principal)
        found = pieces.connections.load(name, session.id)[1]
        assert (found == session) if allowed else (found is None)
    assert pieces.connections.load("k1", "unknown")[1] is None
    assert pieces.connections.load("unknown", session.id) == (None, None)
