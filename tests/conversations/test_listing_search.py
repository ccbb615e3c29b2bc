"""Searching an owner's conversations, and what they are called."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.conversations.listing import MAX_READS, SCAN, UNTITLED, Conversations
from shared.errors import NotFound, ValidationError
from shared.identity.principal import Principal
from tests.conversations.listed import ID, everything, ids, used
from tests.conversations.pieces import ANNA, BEN, SERVICE, STRANGER, Pieces, pieces_in


@pytest.fixture
def pieces(tmp_path: Path) -> Iterator[Pieces]:
    with pieces_in(tmp_path) as made:
        yield made


@pytest.fixture
def lists(pieces: Pieces) -> Conversations:
    return Conversations(pieces.table)


# -- search -------------------------------------------------------------------------------------


def test_a_search_looks_at_titles_and_first_messages(pieces: Pieces, lists: Conversations) -> None:
    renamed = used(pieces, 4, title="Straße und Weg", auto_title="Roads", first="where is the road")
    automatic = used(pieces, 3, auto_title="Refund", first="i want my money back")
    untitled = used(pieces, 2)

    def found(query: str | None) -> list[str]:
        return ids(lists.page(ANNA, limit=50, query=query))

    assert found("STRASSE") == [renamed]
    assert found("ROAD") == [renamed]
    assert found("refUND") == found("  Money back ") == [automatic]
    assert found("new conversation") == [], "what nobody wrote is not found"
    assert found("") == found(" \t") == found(None) == [renamed, automatic, untitled]
    assert found("%") == found("\x00") == []


def test_a_search_finds_all_across_pages(pieces: Pieces, lists: Conversations) -> None:
    dice = random.Random(3)
    wanted = []
    for at in range(SCAN * 2 + 10):
        hit = dice.random() < 0.1
        name = used(pieces, at, auto_title=f"{'Refund' if hit else 'Parcel'} {at}")
        wanted += [name] if hit else []
    for limit in (1, 7, 200):
        assert [each.id for each in everything(lists, limit, "refund")] == wanted[::-1]


def test_a_search_that_finds_little_stops_and_says_where(
    pieces: Pieces, lists: Conversations
) -> None:
    last = used(pieces, 0, auto_title="Refund")
    for at in range(1, SCAN * MAX_READS + 1):
        used(pieces, at, auto_title="Parcel")
    pieces.calls.clear()
    page = lists.page(ANNA, limit=50, query="refund")
    assert len(pieces.calls) == 2 * MAX_READS
    assert page.conversations == []
    assert page.next_cursor is not None
    assert ids(lists.page(ANNA, limit=50, query="refund", cursor=page.next_cursor)) == [last]


def test_a_plain_page_takes_two_reads(pieces: Pieces, lists: Conversations) -> None:
    for at in range(60):
        used(pieces, at)
    pieces.calls.clear()
    assert len(lists.page(ANNA, limit=50).conversations) == 50
    assert [call.method for call in pieces.calls] == ["query_index", "get"]


# -- titles -------------------------------------------------------------------------------------


def test_the_title_that_is_shown(pieces: Pieces, lists: Conversations) -> None:
    names = [
        used(pieces, 2),
        used(pieces, 1, auto_title="Automatic"),
        used(pieces, 0, auto_title="Automatic", title="Mine"),
    ]
    page = lists.page(ANNA, limit=3)
    assert ids(page) == names
    titles = [each.title for each in page.conversations]
    assert titles == [UNTITLED, "Automatic", "Mine"] == ["New conversation", "Automatic", "Mine"]


def test_a_renaming_is_seen_at_once_and_moves_nothing(pieces: Pieces, lists: Conversations) -> None:
    older = used(pieces, 0, auto_title="Automatic")
    newer = used(pieces, 1)
    assert lists.rename(ANNA, older, ' **"My  title"**\n') == "My title"
    page = lists.page(ANNA, limit=2)
    assert ids(page) == [newer, older]
    assert page.conversations[1].title == "My title"
    assert lists.rename(SERVICE, older, "Yours") == "Yours", "the service may, for its people"


@pytest.mark.parametrize("title", ["", " ", '""', "\x00\n", "****"])
def test_a_title_needs_some_text(pieces: Pieces, lists: Conversations, title: str) -> None:
    name = used(pieces, 0, title="Before")
    with pytest.raises(ValidationError) as refused:
        lists.rename(ANNA, name, title)
    assert refused.value.details == {"field": "title"}
    assert lists.page(ANNA, limit=1).conversations[0].title == "Before"


@pytest.mark.parametrize("principal", [BEN, STRANGER])
def test_what_is_somebody_elses_cannot_be_renamed(
    pieces: Pieces, lists: Conversations, principal: Principal
) -> None:
    name = used(pieces, 0, title="Before")
    for who, what in [(principal, name), (ANNA, ID), (ANNA, "nonsense"), (ANNA, f"{name}#x")]:
        with pytest.raises(NotFound) as refused:
            lists.rename(who, what, "Mine now")
        assert refused.value.error_code == "CONVERSATION_NOT_FOUND"
        assert refused.value.message == "There is no such conversation."
    assert lists.page(ANNA, limit=1).conversations[0].title == "Before"
    assert pieces.table.query("CONV#acme#" + ID).items == [], "nothing came to be"
