"""Coming back to a conversation: one's own goes on, any other is a fresh one without a word."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.conversations.items import listener_name, meta_key
from shared.identity.principal import Principal
from shared.ids import new_id
from tests.conversations.pieces import ANNA, BEN, SERVICE, STRANGER, Pieces, pieces_in


@pytest.fixture
def pieces(tmp_path: Path) -> Iterator[Pieces]:
    with pieces_in(tmp_path) as made:
        yield made


def test_the_same_principal_comes_back_to_the_same_conversation(pieces: Pieces) -> None:
    first = pieces.session()
    pieces.fill(first, ["Hello", "Hello yourself"])
    again = pieces.session(conversation=first.conversation)

    assert again.conversation == first.conversation
    assert again.id != first.id
    assert pieces.item(meta_key(again.box)).attrs["count"] == 2


@pytest.mark.parametrize("principal", [BEN, STRANGER])
def test_a_foreign_conversation_and_an_unknown_one_look_the_same(
    pieces: Pieces, principal: Principal
) -> None:
    mine = pieces.session(supports=("images",))
    before = pieces.box(mine.box)

    foreign = pieces.session(principal, conversation=mine.conversation)
    unknown = pieces.session(principal, conversation=new_id())

    assert len({mine.conversation, foreign.conversation, unknown.conversation}) == 3
    for fresh in (foreign, unknown):
        assert (fresh.tenant, fresh.user) == (principal.tenant, principal.user)
        assert fresh.supports == ()
        assert pieces.item(meta_key(fresh.box)).attrs["owner"] == principal.user
    assert pieces.box(mine.box) == before


def test_the_id_that_was_asked_for_is_not_taken_for_the_fresh_one(pieces: Pieces) -> None:
    """Otherwise whoever asks first would own what another one's id will mean."""
    wanted = new_id()

    assert pieces.session(conversation=wanted).conversation != wanted


def test_a_service_goes_on_in_its_user_s_name(pieces: Pieces) -> None:
    mine = pieces.session()
    theirs = pieces.session(SERVICE, conversation=mine.conversation)

    assert (theirs.conversation, theirs.user) == (mine.conversation, "anna")
    assert pieces.sessions.find(ANNA, theirs.id) == theirs


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (None, ("images", "stream_truncate")),
        ((), ()),
        (("forms",), ("forms",)),
    ],
)
def test_what_a_client_supports_is_inherited_or_replaced(
    pieces: Pieces, asked: tuple[str, ...] | None, expected: tuple[str, ...]
) -> None:
    first = pieces.session(supports=("images", "stream_truncate"))
    again = pieces.session(conversation=first.conversation, supports=asked)

    assert again.supports == expected
    found = pieces.sessions.find(ANNA, again.id)
    assert found is not None
    assert found.supports == expected


def test_with_a_session_id_a_repeat_returns_what_stands(pieces: Pieces) -> None:
    wanted = new_id()
    first = pieces.session(session_id=wanted, user_name="Anna", supports=("images",))
    pieces.clock.advance(3600)
    again = pieces.session(session_id=wanted, user_name="Somebody")

    assert again == first
    assert again.conversation == first.conversation
    assert pieces.sessions.find(ANNA, wanted) == first


def test_a_repeat_leaves_no_second_conversation_behind(pieces: Pieces) -> None:
    wanted = new_id()
    pieces.session(session_id=wanted)
    pieces.calls.clear()
    pieces.session(session_id=wanted)

    (write,) = [call for call in pieces.calls if call.method == "write"]
    made = [pieces.table.get([operation.key])[0] for operation in write.operations]
    assert [item is not None for item in made] == [True, False, False, False]


def test_a_session_that_comes_back_hears_the_conversation(pieces: Pieces) -> None:
    first = pieces.session(connection=pieces.connect("k1"))
    again = pieces.session(connection=pieces.connect("k2"), conversation=first.conversation)

    assert set(pieces.box(first.box).conns) == {
        listener_name(first.id, "k1"),
        listener_name(again.id, "k2"),
    }
    assert pieces.connection("k2").attached == {again.id: first.conversation}


def test_the_agent_of_a_conversation_is_told_to_who_may_read_it(pieces: Pieces) -> None:
    mine = pieces.session()
    assert pieces.sessions.agent_of(ANNA, mine.conversation) == "support"
    assert pieces.sessions.agent_of(SERVICE, mine.conversation) == "support"
    for stranger in (BEN, STRANGER):
        assert pieces.sessions.agent_of(stranger, mine.conversation) is None
    assert pieces.sessions.agent_of(ANNA, new_id()) is None
