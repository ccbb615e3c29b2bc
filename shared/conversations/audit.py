"""What is kept of deletions: who asked for what, when it was done, how much went. No content.

AUDIT#tenant / DELETION#id
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from shared.errors import NotFound
from shared.identity.access import Thing, may
from shared.identity.principal import Principal
from shared.ids import pack, unpack
from shared.mailbox.box import key_part
from shared.storage.expressions import ABSENT, Assign, attr
from shared.storage.table import Item, Key, Put, Table, Update

PREFIX = "DELETION#"
ID = "del"
"""What the ids of deletions begin with."""

Kind = Literal["conversation", "user", "tenant", "idle"]
State = Literal["deleting", "deleted"]


@dataclass(frozen=True, kw_only=True)
class Deletion:
    """One deletion, of a tenant. `target` is the conversation, the user or the tenant, or for idle
    conversations the days; `by` is who asked, `reason` why: request, retention, or the id of the
    deletion that this one is part of. `items` and `files` count what has gone so far,
    `conversations` those whose deletion it asked for. Times are milliseconds."""

    id: str
    kind: Kind
    target: str
    by: str
    reason: str
    asked_at: int
    state: State = "deleting"
    conversations: int = 0
    items: int = 0
    files: int = 0
    done_at: int | None = None

    @classmethod
    def read(cls, item: Item) -> Self:
        attrs: Mapping[str, Any] = item.attrs
        return cls(
            id=item.key.sk.removeprefix(PREFIX),
            kind=attrs["kind"],
            target=attrs["target"],
            by=attrs["by"],
            reason=attrs["reason"],
            asked_at=attrs["asked_at"],
            state=attrs["state"],
            conversations=attrs.get("conversations", 0),
            items=attrs.get("items", 0),
            files=attrs.get("files", 0),
            done_at=attrs.get("done_at"),
        )

    def begun(self, tenant: str) -> Put:
        """The write that notes it, in the transaction by which it begins."""
        attrs = {
            "kind": self.kind,
            "target": self.target,
            "by": self.by,
            "reason": self.reason,
            "asked_at": self.asked_at,
            "state": self.state,
        }
        return Put(Item(audit_key(tenant, self.id), attrs), ABSENT)


class Deletions:
    """Reads them."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def find(self, principal: Principal, public: str) -> Deletion:
        """The deletion with this id.

        Raises:
            NotFound: there is none; or the principal has not asked for it, and is none of those who
                administer the tenant.
        """
        item = self._table.get([audit_key(principal.tenant, named(public))])[0]
        if item is None:
            raise no_such_deletion()
        found = Deletion.read(item)
        things = [Thing(tenant=principal.tenant, owner=owner) for owner in (None, found.by)]
        if not any(may(principal, "read", thing) for thing in things):
            raise no_such_deletion()
        return found


def audit_key(tenant: str, deletion: str) -> Key:
    return Key(f"AUDIT#{key_part(tenant)}", f"{PREFIX}{deletion}")


def gone(tenant: str, deletion: str, now: int, counts: Mapping[str, int]) -> Update:
    """The write that notes its end, in the transaction that removes the last of it. One that is
    not kept any more is not made again."""
    changed: dict[str, Any] = {**counts, "state": "deleted", "done_at": now}
    changes = [Assign((name,), value) for name, value in changed.items()]
    return Update(audit_key(tenant, deletion), changes)


def counted(tenant: str, deletion: str, counts: Mapping[str, int]) -> Update:
    """The write that notes how far it has come."""
    changes = [Assign((name,), value) for name, value in counts.items()]
    return Update(audit_key(tenant, deletion), changes, attr("state").eq("deleting"))


def public_id(deletion: str) -> str:
    """The id under which callers know it."""
    return pack(ID, deletion)


def named(public: str) -> str:
    """The deletion of an id that came from outside. Raises NotFound: none can have it."""
    try:
        (found,) = unpack(ID, public, 1)
    except NotFound as fault:
        raise no_such_deletion() from fault
    return found


def no_such_deletion() -> NotFound:
    return NotFound("There is no such deletion.", code="DELETION_NOT_FOUND")
