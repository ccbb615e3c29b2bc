"""Where a list of approvals goes on.

It has two places in the index: the principal's own approvals, then those of the tenant that
somebody with a role decides. In the second one stand such that the principal may know nothing of,
so a cursor names an entry only if the page has shown it; else it has no more than a time.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from shared.conversations.approval_items import approval_key
from shared.conversations.items import box_key
from shared.conversations.prompts import MAX_KEY
from shared.errors import NotFound, ValidationError
from shared.ids import pack, unpack
from shared.storage.cursors import IndexPosition, index_cursor
from shared.storage.table import Item

KIND = "approvals"
OWN, BY_ROLE = 0, 1
MAX_TIME = 10**15


def conversation_of(item: Item) -> str:
    """The conversation in whose partition an approval stands."""
    return item.key.pk.rpartition("#")[2].replace("%23", "#").replace("%25", "%")


@dataclass(frozen=True)
class Spot:
    """After this entry of a place (`entry` is its conversation, turn and call), or at this time
    (ms) where there is none, or at its beginning."""

    place: int = OWN
    at: int | None = None
    entry: tuple[str, str, str] | None = None

    @classmethod
    def of(cls, place: int, entry: Item, *, shown: bool) -> Self:
        """What follows the entry."""
        ref, _, key = entry.key.sk.removeprefix("APPROVAL#").rpartition("#")
        named = (conversation_of(entry), ref, key) if shown else None
        return cls(place, int(entry.attrs["listed_at"]), named)

    @property
    def cursor(self) -> str:
        at = () if self.at is None else (str(self.at),)
        return pack(KIND, str(self.place), *at, *(self.entry or ()))

    @property
    def up_to(self) -> int | None:
        """The time at which the index is read on, if there is no entry after which it is."""
        return None if self.entry else self.at

    def after(self, tenant: str) -> str | None:
        """The position in the index after which it is read on."""
        if self.entry is None or self.at is None:
            return None
        conversation, ref, key = self.entry
        where = approval_key(box_key(tenant, conversation), ref, key)
        return index_cursor(IndexPosition(self.at, where))

    @classmethod
    def read(cls, cursor: str) -> Self:
        """What `cursor` has been; the entry need not be there any more.

        Raises:
            ValidationError: it is none of such a list.
        """
        for count in (5, 2, 1):
            with suppress(NotFound, ValueError):
                place, *rest = unpack(KIND, cursor, count)
                found = cls(int(place), int(rest[0]) if rest else None, _entry(rest[1:]))
                if found.cursor == cursor and found._is_somewhere:
                    return found
        raise ValidationError(
            "cursor: is none of this list. Take it from the Link of the page before.",
            details={"field": "cursor"},
        )

    @property
    def _is_somewhere(self) -> bool:
        return self.place in (OWN, BY_ROLE) and (self.at is None or 0 <= self.at < MAX_TIME)


def _entry(parts: list[str]) -> tuple[str, str, str] | None:
    if not parts:
        return None
    conversation, ref, key = parts
    if len(key) > MAX_KEY:
        raise ValueError("no call has such a key")
    return conversation, ref, key
