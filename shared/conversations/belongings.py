"""What an erasure finds in the table that is no conversation, and goes with a user or a tenant.

What counts a limit that is running, or marks something as used up, stays until its time is over:
today's usage, rates, and contexts of authentication. Otherwise an erasure would give a tenant its
budget anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.clock import Clock
from shared.conversations.erasures import asked_at
from shared.conversations.items import box_key, known_session_key, meta_key
from shared.conversations.usage import day_of
from shared.mailbox.box import BoxKey, key_part
from shared.storage.table import Item, Key, Table

CLOCKS = 60_000
"""Milliseconds by which the clocks of two machines differ at most."""

OF_TENANT = frozenset({"AGENT", "IDEM", "TICKETKEY"})
"""What the keys of items begin with, before the tenant, that go with it."""

USAGE = "USAGE"


@dataclass(frozen=True)
class Leaving:
    """A session that goes, with the keys of its items. `conversation` is the one of somebody else
    that it was of; None: that has gone."""

    id: str
    keys: list[Key]
    conversation: BoxKey | None = None


class Belongings:
    """What an erasure means, by the attributes of its job. `asked_at`: what had begun by then."""

    def __init__(self, table: Table, clock: Clock, tenant: str, erasure: Mapping[str, Any]) -> None:
        self._table = table
        self._clock = clock
        self._tenant = tenant
        self._kind: str = erasure["kind"]
        self._target: str = erasure["target"]
        self.asked_at = asked_at(erasure)

    def of_tenant(self, item: Item) -> bool:
        """Whether it goes with the tenant, without anything else."""
        first, _, rest = item.key.pk.partition("#")
        tenant, _, day = rest.partition("#")
        if self._kind != "tenant" or tenant != key_part(self._tenant):
            return False
        if first == USAGE:
            return day < day_of(self._clock.now() - CLOCKS).isoformat()
        return first in OF_TENANT

    def session(self, item: Item) -> Leaving | None:
        """The session of this item (`SESS#`), if it goes: one of theirs whose conversation has
        gone; or of a user, who had opened it in a conversation of somebody else."""
        attrs = item.attrs
        if self._kind == "idle":
            return None
        theirs = self._kind == "tenant" or attrs.get("user") == self._target
        if attrs.get("tenant") != self._tenant or not theirs:
            return None
        found = self._table.get([item.key])[0]
        if found is None or found.body is None:
            return None
        name = item.key.pk.removeprefix("SESS#")
        box = box_key(self._tenant, str(found.body["conversation"]))
        meta = self._table.get([meta_key(box)])[0]
        if meta is None:
            return Leaving(name, [item.key])
        if self._kind == "tenant" or meta.attrs["owner"] == self._target:
            # It goes with its conversation.
            return None
        if int(found.body.get("created_at", 0)) > self.asked_at:
            return None
        return Leaving(name, [item.key, known_session_key(box, name)], box)
