"""Lists of an owner's conversations: order, pages, search, titles."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.conversations.items import meta_key, owned_by
from shared.conversations.listing import (
    PAGE_BYTES,
    Conversations,
    Listed,
    ListPage,
)
from shared.errors import ValidationError
from shared.protocol.events import MAX_EVENT_BYTES, encode, immediate_response
from shared.protocol.replies import conversation_item, conversations_page
from shared.storage.expressions import Assign
from shared.storage.table import Delete, Update
from tests.conversations.listed import ID, T0, everything, ids, touch, used
from tests.conversations.pieces import ANNA, BEN, SERVICE, STRANGER, Pieces, pieces_in


@pytest.fixture
def pieces(tmp_path: Path) -> Iterator[Pieces]:
    with pieces_in(tmp_path) as made:
        yield made


@pytest.fixture
def lists(pieces: Pieces) -> Conversations:
    return Conversations(pieces.table)


# -- order and pages ----------------------------------------------------------------------------


def test_what_a_list_says(pieces: Pieces, lists: Conversations) -> None:
    name = used(pieces, 5, messages=3, count=7, auto_title="Hello")
    expected = Listed(id=name, title="Hello", agent="support", updated_at=T0 + 5, messages=3)
    assert lists.page(ANNA, limit=50) == ListPage([expected], None)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(times=st.lists(st.integers(0, 6), max_size=14), limit=st.integers(1, 16))
def test_all_of_them_the_last_used_first_whatever_the_page(
    tmp_path_factory: pytest.TempPathFactory, times: list[int], limit: int
) -> None:
    with pieces_in(tmp_path_factory.mktemp("listing")) as pieces:
        made = [(at, used(pieces, at)) for at in times]
        found = everything(Conversations(pieces.table), limit)
    assert [(each.updated_at - T0, each.id) for each in found] == sorted(made, reverse=True)


def test_a_page_that_ends_with_the_list_has_no_next(pieces: Pieces, lists: Conversations) -> None:
    for at in range(4):
        used(pieces, at)
    assert lists.page(ANNA, limit=4).next_cursor is None
    page = lists.page(ANNA, limit=2)
    assert lists.page(ANNA, limit=2, cursor=page.next_cursor).next_cursor is None


def test_what_is_used_between_two_pages_loses_nobody_else(
    pieces: Pieces, lists: Conversations
) -> None:
    names = [used(pieces, at) for at in range(6)][::-1]
    first = lists.page(ANNA, limit=3)
    touch(pieces, lists, names[2], 50)  # the very one that the cursor names
    touch(pieces, lists, names[4], 51)
    assert ids(lists.page(ANNA, limit=3, cursor=first.next_cursor)) == [names[3], names[5]]
    assert ids(lists.page(ANNA, limit=2)) == [names[4], names[2]]


def test_one_that_is_deleted_between_two_pages_is_no_end(
    pieces: Pieces, lists: Conversations
) -> None:
    names = [used(pieces, at) for at in range(4)][::-1]
    first = lists.page(ANNA, limit=2)
    pieces.write(Delete(meta_key(lists.find(ANNA, names[1], "read"))))
    assert ids(lists.page(ANNA, limit=2, cursor=first.next_cursor)) == names[2:]


def test_empty_ones_are_hidden(pieces: Pieces, lists: Conversations) -> None:
    pieces.session()
    used(pieces, 1, messages=0)
    shown = used(pieces, 0, count=1, messages=1)
    assert ids(lists.page(ANNA, limit=1)) == [shown]


def test_without_a_count_of_what_people_see_all_messages_count(
    pieces: Pieces, lists: Conversations
) -> None:
    session = pieces.session()
    noted = {"count": 4, "owned_by": owned_by("acme", "anna"), "listed_at": T0}
    changes = [Assign((name,), value) for name, value in noted.items()]
    pieces.write(Update(meta_key(session.box), changes))
    assert lists.page(ANNA, limit=1).conversations[0].messages == 4


def test_everybody_has_a_list_of_their_own(pieces: Pieces, lists: Conversations) -> None:
    mine, his = used(pieces, 1), used(pieces, 2, owner=BEN)
    assert ids(lists.page(ANNA, limit=50)) == [mine]
    assert ids(lists.page(BEN, limit=50)) == [his]
    for other in (SERVICE, STRANGER):
        assert ids(lists.page(other, limit=50)) == []


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


TIME = "2025-10-09T08:53:20.007+00:00"


@pytest.mark.parametrize(
    "cursor",
    [
        *["x", "bTEy", "ä", "=", "!!!!", encoded("|"), encoded(TIME), encoded(ID)],
        *[encoded(f"{TIME}|"), encoded(f"{TIME}|{ID.upper()}"), encoded(f"{TIME}|{ID}|")],
        *[encoded(f"|{ID}"), encoded(f"2025-10-09|{ID}"), encoded(f"{TIME[:-6]}|{ID}")],
        *[encoded(f"{TIME[:-6]}+02:00|{ID}"), encoded(f"9999-99-99T00:00:00.000+00:00|{ID}")],
        *[encoded(f"{TIME}\x00|{ID}"), encoded(f"{TIME}|{ID}#META"), encoded(f"{TIME}|\x00")],
        *[
            encoded(f"{year}T23:59:59.999{way}14:00|{ID}")
            for year in ("0001-01-01", "9999-12-31")
            for way in "+-"
        ],
        *["!" + encoded(f"{TIME}|{ID}"), encoded(f"{TIME}|{ID}") + "=="],
    ],
)
def test_a_cursor_of_something_else_is_refused(lists: Conversations, cursor: str) -> None:
    with pytest.raises(ValidationError, match="nextCursor"):
        lists.page(ANNA, limit=5, cursor=cursor)


def test_a_cursor_says_where_it_stands(pieces: Pieces, lists: Conversations) -> None:
    names = [used(pieces, at) for at in range(2)]
    cursor = lists.page(ANNA, limit=1).next_cursor
    assert cursor == encoded(f"2023-11-14T22:13:20.001+00:00|{names[1]}")
    assert ids(lists.page(BEN, limit=5, cursor=cursor)) == [], "it opens nobody else's list"


def test_a_page_fits_an_event_whatever_the_titles(pieces: Pieces, lists: Conversations) -> None:
    names = [used(pieces, at, title="\\" * 500) for at in range(150)]
    found: list[str] = []
    cursor: str | None = None
    while cursor is not None or not found:
        page = lists.page(ANNA, limit=200, cursor=cursor)
        items = [
            conversation_item(each.id, each.title, updated_at=each.updated_at, messages=10**9)
            for each in page.conversations
        ]
        data = conversations_page(items, page.next_cursor)
        size = len(encode(immediate_response("q" * 128, 200, at=T0, data=data)))
        assert size <= PAGE_BYTES + 1000 < MAX_EVENT_BYTES
        found += ids(page)
        cursor = page.next_cursor
    assert found == names[::-1]


def test_a_page_of_the_usual_titles_is_full(pieces: Pieces, lists: Conversations) -> None:
    for at in range(201):
        used(pieces, at, title="x" * 60)
    assert len(lists.page(ANNA, limit=200).conversations) == 200
