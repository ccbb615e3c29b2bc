"""Erasing what a user or a tenant has, or what nobody has used for days (`erasures.py`).

The job reads the whole table, page by page: no index names the conversations that have no message
yet. It has every conversation that it means deleted, and reads the table again until none of them
is left; then what belongs to no conversation has gone too. Where it is, and what it has
counted, is noted after each page: another worker goes on from there.
"""

import logging
from collections.abc import Sequence

from shared.clock import Clock
from shared.conversations.audit import PREFIX, audit_key, counted, gone
from shared.conversations.deleting import Deleting
from shared.conversations.erasures import REF
from shared.conversations.items import META, meta_key
from shared.conversations.retention import rested_since
from shared.ids import time_ordered_id
from shared.mailbox.box import Box, BoxKey, Job, key_part
from shared.mailbox.handler import Activation, AsksNobody, OutOfTime
from shared.mailbox.jobs import Ending, Scheduled
from shared.mailbox.leases import LeaseLost
from shared.storage.expressions import Assign
from shared.storage.table import Check, ConditionFailed, Delete, Item, Key, Table, Update

log = logging.getLogger("parley")

PAGE = 500
WRITES = 90
LEFT = 10.0
"""Seconds that a worker must have left for one more page."""

LOOK_AGAIN = 60_000
"""Milliseconds until the table is read again: removing a conversation takes that long."""

AGAIN = 3_600_000
"""Milliseconds until an erasure that has failed often goes on."""

DAY = 24 * 3600 * 1000
CLOCKS = 60_000
"""Milliseconds by which the clocks of two machines differ at most."""

TIME = 13
"""Characters of an id that are its time."""

OF_TENANT = frozenset({"AGENT", "CONTEXT", "IDEM", "RATE", "TICKETKEY", "USAGE"})
"""What the keys of items begin with, before the tenant, that belong to no conversation and go with
the tenant."""


class Erased(LeaseLost):
    """The mailbox has been removed by its own job."""


class Erasing(AsksNobody):
    """The handler of erasures."""

    def __init__(self, table: Table, deleting: Deleting, clock: Clock) -> None:
        self._table = table
        self._deleting = deleting
        self._clock = clock

    def load(self, box: Box, ref: str) -> Job | None:
        item = self._table.get([box.key.job(ref)])[0]
        return Job.read(box.key, ref, item) if item else None

    def scheduled(self, box: Box) -> Scheduled | None:
        """One that has failed often goes on later."""
        if box.jobs or box.next_at is None:
            return Scheduled() if box.next_at is not None else None
        if box.next_at > self._clock.now():
            return None
        again = Update(box.key.job(REF), [Assign(("state",), "queued")])
        return Scheduled(refs=[REF], items=[again])

    def run(self, activation: Activation) -> Ending | None:
        _Erasure(activation, self._table, self._deleting).run()
        return None

    def cancelled(self, activation: Activation) -> Ending:
        return self._later()

    def failed(self, activation: Activation, reason: Exception | None) -> Ending:
        log.error("erasure failed", extra={"box": activation.box.key.pk})
        return self._later()

    def _later(self) -> Ending:
        at = self._clock.now() + AGAIN
        return Ending(outcome="failed", terminal="", next_at=at, keep_seconds=None)

    def publish(self, activation: Activation) -> None:
        """Nobody listens; the audit says how it stands."""


class _Erasure:
    """One activation of it."""

    def __init__(self, activation: Activation, table: Table, deleting: Deleting) -> None:
        self._activation = activation
        self._table = table
        self._deleting = deleting
        attrs = activation.job.attrs
        self._tenant = activation.job.key.tenant
        self._kind: str = attrs["kind"]
        self._target: str = attrs["target"]
        self._deletion: str = attrs["deletion"]
        self._asked_at = int(attrs["added_at"])
        self._conversations = f"CONV#{key_part(self._tenant)}#"

    def run(self) -> None:
        """Read the table from where it was left to its end, and end or wait.

        Raises:
            Erased: there is nothing left.
        """
        cursor: str | None = self._activation.job.attrs.get("cursor")
        while True:
            self._go_on()
            page = self._table.scan(limit=PAGE, cursor=cursor)
            found = sum(self._conversation(item) for item in page.items)
            removed = self._remove([each.key for each in page.items if self._is_rest(each)])
            cursor = page.cursor
            self._noted(cursor, found, removed)
            if cursor is None:
                break
        if self._activation.job.attrs.get("left"):
            at = self._activation.clock.now() + LOOK_AGAIN
            self._note({"left": 0, "not_before": at})
            return
        self._end()

    def _noted(self, cursor: str | None, found: int, removed: int) -> None:
        attrs = self._activation.job.attrs
        noted = {
            "cursor": cursor,
            "left": int(attrs.get("left", 0)) + found,
            # The first time that the table is read it finds them all.
            "conversations": int(attrs.get("conversations", 0))
            + (found if "read" not in attrs else 0),
            "items": int(attrs.get("items", 0)) + removed,
        }
        if cursor is None:
            noted["read"] = 1
        self._note(noted)
        counts = {name: int(noted[name] or 0) for name in ("conversations", "items")}
        self._write([counted(self._tenant, self._deletion, counts)])

    # -- conversations --------------------------------------------------------------------

    def _conversation(self, item: Item) -> bool:
        """Whether it is a conversation that is meant; if so, it is being deleted."""
        if item.key.sk != META or not item.key.pk.startswith(self._conversations):
            return False
        box = BoxKey.parse(f"BOX#conv#{item.key.pk.removeprefix('CONV#')}")
        if int(item.attrs["created_at"]) > self._asked_at or not self._means(item, box):
            return False
        self._deleting.ask(box, item, by=self._deletion, reason=self._deletion)
        return True

    def _means(self, meta: Item, box: BoxKey) -> bool:
        if self._kind == "user":
            return bool(meta.attrs["owner"] == self._target)
        if self._kind == "tenant" or meta.attrs.get("deleting"):
            return self._kind == "tenant"
        if rested_since(meta) + int(self._target) * DAY > self._asked_at:
            return False
        head = self._table.get([box.item])[0]
        return not (head and Box.read(box, head).jobs)

    # -- what belongs to none -------------------------------------------------------------

    def _is_rest(self, item: Item) -> bool:
        first, _, rest = item.key.pk.partition("#")
        if first == "SESS":
            return self._kind != "idle" and self._is_left(item)
        if self._kind != "tenant" or first not in OF_TENANT:
            return False
        return rest.partition("#")[0] == key_part(self._tenant)

    def _is_left(self, session: Item) -> bool:
        """Whether it is a session of theirs whose conversation has gone."""
        attrs = session.attrs
        theirs = self._kind == "tenant" or attrs.get("user") == self._target
        if attrs.get("tenant") != self._tenant or not theirs:
            return False
        item = self._table.get([session.key])[0]
        if item is None or item.body is None:
            return False
        box = BoxKey("conv", self._tenant, str(item.body["conversation"]))
        return self._table.get([meta_key(box)])[0] is None

    def _remove(self, keys: Sequence[Key]) -> int:
        for at in range(0, len(keys), WRITES):
            self._write([Delete(key) for key in keys[at : at + WRITES]])
        return len(keys)

    # -- under the lease ------------------------------------------------------------------

    def _end(self) -> None:
        job, lease = self._activation.job, self._activation.lease
        counts = {"conversations": self._deleted(), "items": int(job.attrs.get("items", 0))}
        try:
            self._table.write(
                [
                    Delete(lease.box.item, lease.fence),
                    Delete(job.key.job(job.ref)),
                    gone(self._tenant, self._deletion, self._activation.clock.now(), counts),
                ]
            )
        except ConditionFailed as failed:
            if failed.failures.get(0) is not None:
                raise LeaseLost from failed
            # It is gone: this very write was made, and its answer lost.
        log.info("erasure ended", extra={"deletion": self._deletion, "kind": self._kind, **counts})
        raise Erased

    def _deleted(self) -> int:
        """How many conversations went because of this, by the audit: a worker may have died between
        having one deleted and noting it."""
        own = audit_key(self._tenant, self._deletion)
        found = 0
        # Those that began after it, by clocks that differ.
        since = time_ordered_id(self._asked_at - CLOCKS)[:TIME]
        cursor: str | None = f"{PREFIX}{since}"
        while cursor is not None:
            self._go_on()
            page = self._table.query(own.pk, prefix=PREFIX, cursor=cursor)
            found += sum(item.attrs.get("reason") == self._deletion for item in page.items)
            cursor = page.cursor
        return found

    def _write(self, operations: Sequence[Delete | Update]) -> None:
        lease = self._activation.lease
        try:
            self._table.write([Check(lease.box.item, lease.fence), *operations])
        except ConditionFailed as failed:
            if 0 in failed.failures:
                raise LeaseLost from failed

    def _note(self, attrs: dict[str, int | str | None]) -> None:
        activation = self._activation
        activation.job = activation.holder.note(activation.lease, activation.job, attrs)

    def _go_on(self) -> None:
        self._activation.keeper.check()
        if self._activation.seconds_left < LEFT:
            raise OutOfTime
