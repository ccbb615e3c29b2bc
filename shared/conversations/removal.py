"""What removes a conversation, step by step, under the lease of its mailbox (`removing.py`)."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from shared.conversations.audit import gone
from shared.conversations.deleting import REF
from shared.conversations.items import (
    SESSION,
    connection_key,
    meta_key,
    session_key,
    turn_session,
)
from shared.conversations.uploads import upload_name
from shared.mailbox.box import BoxKey
from shared.mailbox.handler import Activation, OutOfTime
from shared.mailbox.jobs import Stale
from shared.mailbox.leases import LeaseLost, MailboxRemoved
from shared.storage.artifacts import Artifacts, ArtifactsUnavailable
from shared.storage.bodies import spill_prefix
from shared.storage.expressions import Assign, Condition, Remove, attr
from shared.storage.table import (
    Check,
    ConditionFailed,
    Delete,
    Item,
    Key,
    Operation,
    Table,
    Unavailable,
    Update,
)
from shared.tools.workspace import conversation_folder

log = logging.getLogger("parley")

PAGE = 90
"""Items that go in one write, which may have 100 and 4 MB; a page that is read has 1 MB."""

FILES = 100
LEFT = 5.0
"""Seconds that a worker must have left for one more page."""


def files_of(conversation: BoxKey) -> Sequence[str]:
    """Below what the files of a conversation lie."""
    return (
        conversation_folder(conversation.tenant, conversation.id),
        upload_name(conversation.tenant, conversation.id, ""),
    )


class Removal:
    """One activation of it."""

    def __init__(
        self, activation: Activation, table: Table, artifacts: Artifacts, kinds: Sequence[str]
    ) -> None:
        self._activation = activation
        self._box = activation.box.key
        self._table = table
        self._artifacts = artifacts
        self._beside = [BoxKey(kind, self._box.tenant, self._box.id) for kind in kinds]
        self._forgotten: set[str] = set()

    def run(self, settle: int) -> None:
        """Remove what there is.

        Raises:
            MailboxRemoved: all of it has gone.
        """
        self._all()
        if "swept" not in self._activation.job.attrs:
            at = self._activation.clock.now() + settle
            self._note({"swept": True, "not_before": at})
            return
        self._end()

    def _all(self) -> None:
        for box in self._beside:
            self._write([Delete(box.item)])
            self._partition(box)
            # Whoever replayed a dead letter meanwhile has made it anew; from now on nobody can.
            self._write([Delete(box.item)])
        self._partition(self._box, keeping={meta_key(self._box), self._box.job(REF)})
        for prefix in self._prefixes():
            self._files(prefix)
        self._detach()

    def _prefixes(self) -> Iterator[str]:
        yield from files_of(self._box)
        for box in (self._box, *self._beside):
            yield spill_prefix(box.partition)

    # -- the table ------------------------------------------------------------------------

    def _partition(self, box: BoxKey, keeping: frozenset[Key] | set[Key] = frozenset()) -> None:
        cursor: str | None = ""
        while cursor is not None:
            self._go_on()
            page = self._table.query(box.partition, limit=PAGE, cursor=cursor or None)
            keys = [item.key for item in page.items if item.key not in keeping]
            self._sessions(keys)
            if keys:
                self._remove(keys)
            cursor = page.cursor

    def _remove(self, keys: Sequence[Key]) -> None:
        """These items, and count them, once."""
        job = self._activation.job
        before = job.attrs.get("items")
        now = (before or 0) + len(keys)
        unchanged: Condition = (
            attr("items").absent() if before is None else attr("items").eq(before)
        )
        counted = Update(job.key.job(job.ref), [Assign(("items",), now)], unchanged)
        self._write([counted, *map(Delete, keys)], mine=lambda item: item.attrs.get("items") == now)
        self._activation.job = replace(job, attrs={**job.attrs, "items": now})

    def _sessions(self, keys: Sequence[Key]) -> None:
        """Whose records these are: older ones are known by their turns alone."""
        found = {_session_of(key.sk) for key in keys} - {""} - self._forgotten
        if not found:
            return
        self._write([Delete(session_key(each)) for each in sorted(found)])
        for each in sorted(found):
            self._files(spill_prefix(session_key(each).pk))
        self._forgotten |= found

    def _detach(self) -> None:
        """The open connections forget the conversation's name."""
        for name in self._activation.box.conns:
            session, _, connection = name.partition("/")
            condition = attr("attached", session).present()
            forget = Update(connection_key(connection), [Remove(("attached", session))], condition)
            try:
                self._table.update(forget)
            except ConditionFailed:
                continue

    def _end(self) -> None:
        job, lease = self._activation.job, self._activation.lease
        counts = {name: int(job.attrs.get(name, 0)) for name in ("items", "files")}
        now, deletion = self._activation.clock.now(), str(job.attrs["deletion"])
        last: list[Operation] = [
            Delete(self._box.item, lease.fence),
            Delete(meta_key(self._box)),
            Delete(job.key.job(job.ref)),
            gone(self._box.tenant, deletion, now, counts),
        ]
        try:
            self._table.write(last)
        except ConditionFailed as failed:
            if failed.failures.get(0) is not None:
                raise LeaseLost from failed
            # It is gone: this very write was made, and its answer lost.
        log.info("conversation deleted", extra={"deletion": deletion, **counts})
        raise MailboxRemoved

    # -- files ----------------------------------------------------------------------------

    def _files(self, prefix: str) -> None:
        try:
            while True:
                self._go_on()
                listing = self._artifacts.list(prefix, limit=FILES)
                for artifact in listing.artifacts:
                    self._activation.keeper.check()
                    self._artifacts.delete(artifact.name)
                if listing.artifacts:
                    files = int(self._activation.job.attrs.get("files", 0))
                    self._note({"files": files + len(listing.artifacts)})
                if listing.cursor is None:
                    return
        except ArtifactsUnavailable as fault:
            raise Unavailable("the files could not be removed") from fault

    # -- under the lease ------------------------------------------------------------------

    def _write(
        self, operations: Sequence[Operation], mine: Callable[[Item], bool] | None = None
    ) -> None:
        """Fenced. `mine` says whether the first of them had been made before."""
        lease = self._activation.lease
        try:
            self._table.write([Check(lease.box.item, lease.fence), *operations])
        except ConditionFailed as failed:
            if 0 in failed.failures:
                raise LeaseLost from failed
            item = failed.failures.get(1)
            if item is None or mine is None or not mine(item):
                raise Stale from failed

    def _note(self, attrs: dict[str, int | bool]) -> None:
        activation = self._activation
        activation.job = activation.holder.note(activation.lease, activation.job, attrs)

    def _go_on(self) -> None:
        self._activation.keeper.check()
        if self._activation.seconds_left < LEFT:
            raise OutOfTime


def _session_of(ref: str) -> str:
    return ref.removeprefix(SESSION) if ref.startswith(SESSION) else turn_session(ref)
