"""Retention: a conversation that nobody has used for so long is removed.

Its mailbox is looked at then, whatever else it is looked at for: the end of each turn sets the time
anew, so nothing runs while nothing is due.
"""

from collections.abc import Callable
from dataclasses import replace

from shared.clock import Clock
from shared.conversations.deleting import REF, RETENTION, Deleting
from shared.conversations.items import living, meta_key
from shared.conversations.notices import Ended, Told
from shared.mailbox.box import Box, Job
from shared.mailbox.jobs import Scheduled
from shared.storage.expressions import Assign
from shared.storage.table import Item, Table


class Retention:
    """Follows turns, and begins the removal. `keep` is in milliseconds."""

    def __init__(self, table: Table, clock: Clock, deleting: Deleting, *, keep: int) -> None:
        self._table = table
        self._clock = clock
        self._deleting = deleting
        self.keep = keep

    def follow(self, told: Told, job: Job, ended: Ended) -> None:
        """See `Follower`. Comes after whoever else sets a time."""
        at = self._clock.now() + self.keep
        told.next_at = at if told.next_at is None else min(told.next_at, at)

    def scheduled(self, box: Box, others: Callable[[Box], Scheduled | None]) -> Scheduled | None:
        """The removal of a conversation that has rested for so long; before that, what the others
        have scheduled, and when to look again."""
        now = self._clock.now()
        if box.next_at is None or box.next_at > now:
            return None
        if box.jobs:
            return others(box)
        meta = living(self._table.get([meta_key(box.key)])[0])
        if meta is None:
            return Scheduled()
        at = rested_since(meta) + self.keep
        if at <= now:
            begun = self._deleting.begun(box.key, by="", reason=RETENTION)
            gone = [Assign(("gone",), True)]
            return Scheduled(refs=[REF], items=[begun.meta, *begun.beside], changes=gone)
        if "call" not in meta.attrs.get("history", {}):
            return Scheduled(next_at=at)
        found = others(box) or Scheduled()
        if found.refs:
            return found
        return replace(found, next_at=at if found.next_at is None else min(found.next_at, at))


def rested_since(meta: Item) -> int:
    """Since when (ms) nobody has used the conversation."""
    return int(meta.attrs.get("listed_at", meta.attrs["created_at"]))
