"""What reads the table for an erasure, page by page, under its mailbox's lease (`erasing.py`)."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from shared.conversations.audit import PREFIX, audit_key, counted, gone
from shared.conversations.belongings import CLOCKS, Belongings
from shared.conversations.deleting import Deleting
from shared.conversations.erasures import asked_at, unasked
from shared.conversations.items import DELETING, META, session_key
from shared.conversations.leftovers import Leftovers
from shared.conversations.retention import rested_since
from shared.ids import time_ordered_id
from shared.mailbox.box import BoxKey, Job, key_part
from shared.mailbox.handler import Activation, OutOfTime
from shared.mailbox.leases import LeaseLost, MailboxRemoved
from shared.storage.artifacts import Artifacts
from shared.storage.bodies import spill_prefix
from shared.storage.expressions import Assign
from shared.storage.table import Check, ConditionFailed, Delete, Item, Key, Table, Update

log = logging.getLogger("parley")

PAGE = 500
WRITES = 90
LEFT = 10.0
"""Seconds that a worker must have left for one more page, or conversation."""

LOOK_AGAIN = 60_000
"""Milliseconds until the table is read again: removing a conversation takes that long."""

DAY = 24 * 3600 * 1000
TIME = 13
"""Characters of an id that are its time."""


class _AskedAgain(Exception):
    """Somebody has asked for the same meanwhile: what was read counts no more."""


class Erasure:
    """One activation of it."""

    def __init__(
        self, activation: Activation, table: Table, artifacts: Artifacts, deleting: Deleting
    ) -> None:
        self._activation = activation
        self._table = table
        self._deleting = deleting
        attrs = activation.job.attrs
        self._tenant = activation.job.key.tenant
        self._kind: str = attrs["kind"]
        self._target: str = attrs["target"]
        self._deletion: str = attrs["deletion"]
        self._conversations = f"CONV#{key_part(self._tenant)}#"
        self._belongings = Belongings(table, activation.clock, self._tenant, attrs)
        self._leftovers = Leftovers(table, artifacts, self._tenant, self._go_on)

    def run(self) -> None:
        """Read the table from where it was left to its end, and end or wait.

        Raises:
            MailboxRemoved: there is nothing left.
        """
        while True:
            try:
                return self._read()
            except _AskedAgain:
                self._begin_anew()

    def _begin_anew(self) -> None:
        job = self._activation.job
        item = self._table.get([job.key.job(job.ref)])[0]
        if item is None:
            raise LeaseLost
        self._activation.job = Job.read(job.key, job.ref, item)
        self._belongings.asked_at = asked_at(item.attrs)

    def _read(self) -> None:
        attrs = self._activation.job.attrs
        if "session" in attrs:
            # Whoever removed it may have died before its long bodies went.
            self._leftovers.below(spill_prefix(session_key(attrs["session"]).pk))
        cursor: str | None = attrs.get("cursor")
        while True:
            self._go_on()
            page = self._table.scan(limit=PAGE, cursor=cursor)
            found = sum(self._conversation(item) for item in page.items)
            waiting = sum(self._session(item) for item in page.items)
            removed = [item.key for item in page.items if self._belongings.of_tenant(item)]
            self._remove(removed)
            cursor = page.cursor
            self._noted(cursor, found, waiting, len(removed))
            if cursor is None:
                break
        if self._activation.job.attrs.get("left") or self._suspects():
            at = self._activation.clock.now() + LOOK_AGAIN
            self._note({"left": 0, "not_before": at})
            return
        self._end()

    def _noted(self, cursor: str | None, found: int, waiting: int, removed: int) -> None:
        # The first time that the table is read it finds them all.
        first = found if "read" not in self._activation.job.attrs else 0
        noted: dict[str, Any] = {
            "cursor": cursor,
            "left": self._count("left") + found + waiting,
            "conversations": self._count("conversations") + first,
            "items": self._count("items") + removed,
        }
        if cursor is None:
            noted["read"] = 1
        self._note(noted)
        self._write([counted(self._tenant, self._deletion, self._counts())])

    # -- conversations --------------------------------------------------------------------

    def _conversation(self, item: Item) -> bool:
        """Whether it is a conversation that is meant; if so, it is being deleted."""
        if item.key.sk != META or not item.key.pk.startswith(self._conversations):
            return False
        if int(item.attrs["created_at"]) > self._belongings.asked_at or not self._means(item):
            return False
        if DELETING in item.attrs:
            # Its mailbox sees to that.
            return True
        self._go_on()
        box = BoxKey.parse(f"BOX#conv#{item.key.pk.removeprefix('CONV#')}")
        why = self._deletion
        if self._kind != "idle":
            self._deleting.ask(box, item, by=why, reason=why)
            return True
        # The page may be old by now.
        meta = self._table.get([item.key])[0]
        if meta is None or not self._means(meta):
            return False
        return self._deleting.ask(box, meta, by=why, reason=why, idle=True) is not None

    def _means(self, meta: Item) -> bool:
        if self._kind == "user":
            return bool(meta.attrs["owner"] == self._target)
        if self._kind == "tenant" or DELETING in meta.attrs:
            return self._kind == "tenant"
        return rested_since(meta) + int(self._target) * DAY <= self._belongings.asked_at

    # -- what belongs to none -------------------------------------------------------------

    def _session(self, item: Item) -> bool:
        """Whether it is a session that is meant and must wait until its turns are over; one that
        need not goes."""
        if not item.key.pk.startswith("SESS#"):
            return False
        self._go_on()
        found = self._belongings.session(item)
        if found is None:
            return False
        of = found.conversation
        if of is not None and not self._deleting.leave(of, found.id, by=self._deletion):
            return True
        self._note({"session": found.id, "items": self._count("items") + len(found.keys)})
        self._remove(found.keys)
        self._leftovers.below(spill_prefix(found.keys[0].pk))
        return False

    def _remove(self, keys: Sequence[Key]) -> None:
        for at in range(0, len(keys), WRITES):
            self._write([Delete(key) for key in keys[at : at + WRITES]])

    def _suspects(self) -> bool:
        """Remove the files of a tenant that belong to no conversation; whether to look again."""
        if self._kind != "tenant":
            return False
        gone = self._leftovers.folders()
        suspects = self._activation.job.attrs.get("suspects", ())
        spilled, found = self._leftovers.spilled(frozenset(suspects))
        self._note({"files": self._count("files") + gone + spilled, "suspects": found})
        return bool(found)

    # -- under the lease ------------------------------------------------------------------

    def _end(self) -> None:
        job, lease = self._activation.job, self._activation.lease
        counts = {**self._counts(), "conversations": self._deleted()}
        try:
            self._table.write(
                [
                    Delete(lease.box.item, lease.fence),
                    Delete(job.key.job(job.ref), unasked(job.attrs)),
                    gone(self._tenant, self._deletion, self._activation.clock.now(), counts),
                ]
            )
        except ConditionFailed as failed:
            if failed.failures.get(0) is not None:
                raise LeaseLost from failed
            if failed.failures.get(1) is not None:
                raise _AskedAgain from failed
            # It is gone: this very write was made, and its answer lost.
        log.info("erasure ended", extra={"deletion": self._deletion, "kind": self._kind, **counts})
        raise MailboxRemoved

    def _deleted(self) -> int:
        """How many conversations went because of this, by the audit: a worker may have died between
        having one deleted and noting it."""
        own = audit_key(self._tenant, self._deletion)
        found = 0
        # Those that began after it, by clocks that differ.
        first = int(self._activation.job.attrs["added_at"])
        since = time_ordered_id(first - CLOCKS)[:TIME]
        cursor: str | None = f"{PREFIX}{since}"
        while cursor is not None:
            self._go_on()
            page = self._table.query(own.pk, prefix=PREFIX, cursor=cursor)
            found += sum(item.attrs.get("reason") == self._deletion for item in page.items)
            cursor = page.cursor
        return found

    def _count(self, name: str) -> int:
        return int(self._activation.job.attrs.get(name, 0))

    def _counts(self) -> dict[str, int]:
        return {name: self._count(name) for name in ("conversations", "items", "files")}

    def _write(self, operations: Sequence[Delete | Update]) -> None:
        lease = self._activation.lease
        try:
            self._table.write([Check(lease.box.item, lease.fence), *operations])
        except ConditionFailed as failed:
            if 0 in failed.failures:
                raise LeaseLost from failed

    def _note(self, attrs: Mapping[str, Any]) -> None:
        job, lease = self._activation.job, self._activation.lease
        changes = [Assign((name,), value) for name, value in attrs.items()]
        noted = Update(job.key.job(job.ref), changes, unasked(job.attrs))
        try:
            self._table.write([Check(lease.box.item, lease.fence), noted])
        except ConditionFailed as failed:
            if 0 in failed.failures:
                raise LeaseLost from failed
            raise _AskedAgain from failed
        self._activation.job = replace(job, attrs={**job.attrs, **attrs})

    def _go_on(self) -> None:
        self._activation.keeper.check()
        if self._activation.seconds_left < LEFT:
            raise OutOfTime
