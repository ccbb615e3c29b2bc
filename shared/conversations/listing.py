"""The conversations of an owner: listed, searched, renamed.

They are found through the index of owners, in which a conversation stands under the time of its
last turn once it has a message. The index lags behind, and a conversation moves to its front
whenever it is used: a reader of pages may meet one twice, and misses none that stayed in place.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.conversations.items import (
    STANDS,
    box_key,
    conversation_thing,
    living,
    meta_key,
    owned_by,
)
from shared.conversations.naming import clean
from shared.errors import NotFound, ValidationError
from shared.identity.access import Action, may, own
from shared.identity.principal import Principal
from shared.mailbox.box import BoxKey
from shared.protocol.events import encode
from shared.protocol.frames import NO_CONVERSATION
from shared.protocol.replies import iso_time
from shared.storage.cursors import IndexPosition, index_cursor
from shared.storage.expressions import Assign
from shared.storage.table import OWNED, ConditionFailed, Item, Table, Update

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)

UNTITLED = "New conversation"
MAX_READS = 5
"""Reads of the index for one page; what lies beyond is for the next page."""

SCAN = 100
"""Entries in one such read while searching."""

PAGE_BYTES = 96 * 1024
"""Bytes of titles in a page, and of what stands around them; a message to a client has 128 KB."""

_AROUND = 200
"""Bytes of an entry of a page beside its title, in JSON, and some to spare."""


@dataclass(frozen=True, kw_only=True)
class Listed:
    """One conversation in a list. `updated_at` is in milliseconds; `workflow` is META's, of one
    that is asked for by itself."""

    id: str
    title: str
    agent: str
    updated_at: int
    messages: int
    workflow: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class ListPage:
    """Some conversations, the one used last first. More may follow while `next_cursor` is not
    None, even if there are none here."""

    conversations: Sequence[Listed]
    next_cursor: str | None


class Conversations:
    """The lists of owners."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def page(
        self,
        principal: Principal,
        *,
        limit: int,
        cursor: str | None = None,
        query: str | None = None,
        shown: Callable[[str], bool] = lambda _agent: True,
    ) -> ListPage:
        """Up to `limit` of the principal's own conversations, of those in which the query stands
        if there is one, and with the agents that may be `shown`. It reads a bounded number of
        them, so a search may find the rest of its hits on later pages.

        Raises:
            ValidationError: the cursor is none of this list.
        """
        if not may(principal, "list", own(principal)):
            return ListPage([], None)
        after = _read_cursor(principal.tenant, cursor) if cursor else None
        wanted = (query or "").strip().casefold()
        found: list[Listed] = []
        room = PAGE_BYTES
        last = cursor or ""
        for _ in range(MAX_READS):
            size = SCAN if wanted else min(SCAN, limit + 1 - len(found))
            owner = owned_by(principal.tenant, principal.user)
            entries = self._table.query_index(
                OWNED, owner, descending=True, limit=size, cursor=after
            )
            metas = self._table.get([entry.key for entry in entries.items])
            for entry, meta in zip(entries.items, metas, strict=True):
                listed = _listed(principal, entry, meta, wanted)
                if listed is not None and shown(listed.agent):
                    room -= _AROUND + len(encode({"title": listed.title}))
                    if len(found) == limit or (found and room < 0):
                        return ListPage(found, last)
                    found.append(listed)
                last = _cursor(entry)
            after = entries.cursor
            if after is None:
                return ListPage(found, None)
        return ListPage(found, last)

    def rename(self, principal: Principal, conversation: str, title: str) -> str:
        """Give the conversation a title that nothing but another renaming changes; the title as
        it stands then.

        Raises:
            NotFound: no such conversation, or not the principal's: the same answer.
            ValidationError: nothing of the title is left once it has been cleaned.
        """
        cleaned = clean(title)
        if not cleaned:
            raise ValidationError(
                "The title has no text. Send some words.", details={"field": "title"}
            )
        box = self.find(principal, conversation, "manage")
        try:
            self._table.update(Update(meta_key(box), [Assign(("title",), cleaned)], STANDS))
        except ConditionFailed as failed:
            raise no_such_conversation() from failed
        return cleaned

    def one(self, principal: Principal, conversation: str) -> Listed:
        """One conversation that the principal may read. Raises NotFound like `find`."""
        box, meta = self._found(principal, conversation, "read")
        return Listed(
            id=box.id,
            title=title_of(meta) or UNTITLED,
            agent=meta.attrs["agent"],
            updated_at=int(meta.attrs.get("listed_at", meta.attrs["created_at"])),
            messages=int(meta.attrs.get("messages", meta.attrs["count"])),
            workflow=meta.attrs.get("workflow"),
        )

    def find(self, principal: Principal, conversation: str, action: Action) -> BoxKey:
        """A conversation with which the principal may do this.

        Raises:
            NotFound: no such conversation, or not for the principal: the same answer.
        """
        return self._found(principal, conversation, action)[0]

    def exportable(self, principal: Principal, conversation: str) -> tuple[BoxKey, Item]:
        """A conversation that the principal may take out whole, and its META: what its users have
        looked up stands in it, too, which is not for all who take part. Raises NotFound like
        `find`."""
        return self._found(principal, conversation, "manage")

    def deletable(self, principal: Principal, conversation: str) -> tuple[BoxKey, Item]:
        """A conversation that the principal may have deleted, also one that is being deleted, and
        its META. Raises NotFound like `find`."""
        return self._found(principal, conversation, "manage", deleting=True)

    def _found(
        self, principal: Principal, conversation: str, action: Action, *, deleting: bool = False
    ) -> tuple[BoxKey, Item]:
        box = _box(principal.tenant, conversation)
        found = self._table.get([meta_key(box)])[0]
        meta = found if deleting else living(found)
        if meta is None:
            raise no_such_conversation()
        if not may(principal, action, conversation_thing(principal.tenant, meta)):
            raise no_such_conversation()
        return box, meta


def no_such_conversation() -> NotFound:
    """The one answer for one that does not exist and for one that is somebody else's."""
    return NotFound(NO_CONVERSATION, code="CONVERSATION_NOT_FOUND")


def title_of(meta: Item) -> str | None:
    """What a person called the conversation, or else what it is called by its first turn."""
    title: str | None = meta.attrs.get("title") or meta.attrs.get("auto_title")
    return title


def _listed(principal: Principal, entry: Item, meta: Item | None, wanted: str) -> Listed | None:
    """The entry as it is shown; None if it is gone, empty, or not among what is wanted."""
    meta = living(meta)
    if meta is None or meta.attrs["owner"] != principal.user:
        return None
    if not may(principal, "read", conversation_thing(principal.tenant, meta)):
        return None
    messages = int(meta.attrs.get("messages", meta.attrs["count"]))
    title = title_of(meta)
    texts = [title or "", str(meta.attrs.get("first", ""))]
    if messages < 1 or not any(wanted in text.casefold() for text in texts):
        return None
    return Listed(
        id=_id(entry),
        title=title or UNTITLED,
        agent=meta.attrs["agent"],
        # The index's time, though the conversation may have moved: pages go by it.
        updated_at=int(entry.attrs["listed_at"]),
        messages=messages,
    )


def _id(entry: Item) -> str:
    return entry.key.pk.rpartition("#")[2]


def _box(tenant: str, conversation: str) -> BoxKey:
    """The mailbox of an id that came from outside.

    Raises:
        NotFound: no conversation can have it.
    """
    if not _UUID.fullmatch(conversation):
        raise no_such_conversation()
    return box_key(tenant, conversation)


def _cursor(entry: Item) -> str:
    """What follows this entry."""
    return _cursor_at(int(entry.attrs["listed_at"]), _id(entry))


def _cursor_at(at: int, conversation: str) -> str:
    text = f"{iso_time(at)}|{conversation}"
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _read_cursor(tenant: str, cursor: str) -> str:
    """Where in the index of an owner the cursor stands, whether or not the entry is still there."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        time, _, conversation = text.partition("|")
        at = round(datetime.fromisoformat(time).timestamp() * 1000)
        issued = _cursor_at(at, conversation) == cursor
    except (ValueError, OverflowError, binascii.Error) as fault:
        raise _unknown_cursor() from fault
    if not issued or not _UUID.fullmatch(conversation):
        raise _unknown_cursor()
    return index_cursor(IndexPosition(at, meta_key(box_key(tenant, conversation))))


def _unknown_cursor() -> ValidationError:
    return ValidationError("The cursor is not one of this list. Use `nextCursor` as it came.")
