"""Finding the turn that a conversation waits with; what is somebody else's is not there."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.conversations.items import turn_ref
from shared.conversations.pages import Pages
from shared.conversations.waiting import Waiting
from shared.models.port import Usage
from tests.conversations.pieces import ANNA, BEN, SERVICE, STRANGER, Pieces, pieces_in

SHOP = "https://shop.example.com"


class OfTheShop:
    """An agent that one shop's pages may use."""

    def admits(self, origin: str | None) -> bool:
        return origin in (None, SHOP)


class Agents:
    def get(self, agent_id: str, tenant: str) -> OfTheShop:
        return OfTheShop()


@pytest.fixture
def pieces(tmp_path: Path) -> Iterator[Pieces]:
    with pieces_in(tmp_path) as made:
        yield made


@pytest.fixture
def waiting(pieces: Pieces) -> Waiting:
    return Waiting(pieces.table, Pages(Agents()))


@pytest.mark.parametrize(
    ("principal", "seen", "own"),
    [
        (ANNA, True, True),
        (SERVICE, True, True),
        # Somebody with a role decides in a session that is not theirs.
        (BEN, True, False),
        (STRANGER, False, False),
    ],
)
def test_whose_session_it_is(
    pieces: Pieces, waiting: Waiting, principal: Any, seen: bool, own: bool
) -> None:
    session = pieces.session()
    opened = pieces.connect("c1", principal)
    assert (waiting.session(opened, session.id) is not None) == seen
    assert (waiting.own(opened, session.id) is not None) == own


def test_no_such_session(pieces: Pieces, waiting: Waiting) -> None:
    opened = pieces.connect("c1")
    for unknown in ("00000000-0000-0000-0000-000000000000", "nonsense", "a#b"):
        assert waiting.session(opened, unknown) is None
        assert waiting.own(opened, unknown) is None
        assert not waiting.goes_on(opened, unknown, "r1")


@pytest.mark.parametrize(
    ("origin", "admitted"), [(None, True), (SHOP, True), ("https://evil.example.com", False)]
)
def test_a_page_that_may_not_use_the_agent(
    pieces: Pieces, waiting: Waiting, origin: str | None, admitted: bool
) -> None:
    session = pieces.session()
    pieces.ask(session, "r1")
    opened = replace(pieces.connect("c1"), origin=origin)
    assert (waiting.session(opened, session.id) is not None) == admitted
    assert (waiting.own(opened, session.id) is not None) == admitted
    assert waiting.goes_on(opened, session.id, "r1") == admitted


def test_the_turn_that_the_conversation_is_at(pieces: Pieces, waiting: Waiting) -> None:
    session = pieces.session()
    assert waiting.current(session) is None
    first = pieces.ask(session, "r1")
    pieces.ask(session, "r2")
    found = waiting.current(session)
    assert found is not None
    assert found.ref == first.ref
    # Another session of the conversation sees the same turn.
    beside = pieces.session(conversation=session.conversation)
    assert waiting.current(beside) == found


def test_a_turn_that_was_stopped_or_has_ended_waits_for_nothing(
    pieces: Pieces, waiting: Waiting
) -> None:
    session = pieces.session()
    job = pieces.ask(session, "r1")
    lease = pieces.take(session)
    pieces.requests.cancel(session.box, job.ref, who="anna")
    assert waiting.current(session) is None
    pieces.end(lease, job, pieces.endings.cancelled(job, Usage(), at_head=True))
    assert waiting.current(session) is None


def test_which_requests_go_on(pieces: Pieces, waiting: Waiting) -> None:
    """An error under the id of one of these would look like its end."""
    session, other = pieces.session(), pieces.session()
    opened = pieces.connect("c1")
    job = pieces.ask(session, "r1")
    assert job.ref == turn_ref(session.id, "r1")
    assert waiting.goes_on(opened, session.id, "r1")
    assert not waiting.goes_on(opened, session.id, "r2")
    assert not waiting.goes_on(opened, other.id, "r1")
    pieces.end(pieces.take(session), job, pieces.endings.failed(job, None, Usage()))
    assert not waiting.goes_on(opened, session.id, "r1")
