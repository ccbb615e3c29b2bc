"""Conversations as they stand in the list of their owner, and reading that list."""

from shared.conversations.items import meta_key, owned_by
from shared.conversations.listing import Conversations, Listed, ListPage
from shared.identity.principal import Principal
from shared.storage.expressions import Assign
from shared.storage.table import Update
from tests.conversations.pieces import ANNA, Pieces

T0 = 1_700_000_000_000
ID = "0191f3a4-0000-7000-8000-00000000000a"
"""The id of no conversation."""


def used(pieces: Pieces, at: int, *, owner: Principal = ANNA, **attrs: object) -> str:
    """A conversation whose last turn ended at this time, with what the end of a turn notes."""
    session = pieces.session(owner)
    noted = {
        "count": 2,
        "messages": 2,
        "owned_by": owned_by(owner.tenant, owner.user),
        "listed_at": T0 + at,
        **attrs,
    }
    changes = [Assign((name,), value) for name, value in noted.items()]
    pieces.write(Update(meta_key(session.box), changes))
    return session.conversation


def touch(pieces: Pieces, lists: Conversations, name: str, at: int) -> None:
    """The conversation has another turn."""
    box = lists.find(ANNA, name, "read")
    pieces.write(Update(meta_key(box), [Assign(("listed_at",), T0 + at)]))


def ids(page: ListPage) -> list[str]:
    return [each.id for each in page.conversations]


def everything(lists: Conversations, limit: int, query: str | None = None) -> list[Listed]:
    """All pages, one after the other."""
    found: list[Listed] = []
    cursor: str | None = None
    for _ in range(100):
        page = lists.page(ANNA, limit=limit, cursor=cursor, query=query)
        assert len(page.conversations) <= limit
        found += page.conversations
        cursor = page.next_cursor
        if cursor is None:
            return found
    raise AssertionError("the pages never end")
