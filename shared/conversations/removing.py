"""Removing a conversation: the job at the end of its mailbox.

Whoever holds the mailbox is the only one who writes into the conversation, and every write of a
worker of one of the mailboxes beside it carries the fence of that mailbox: once its box is gone,
nothing more is written there. So the boxes beside go first, then what stands in their partitions,
in the log, and in files; then, when nobody can be on the way any more with a file that he was about
to name in an item, all of it once more; at last META, the job and the mailbox in one write. A
worker that dies in between leaves the job where it was, and the next one begins anew with what is
left.
"""

import logging
from collections.abc import Sequence

from shared.clock import Clock
from shared.conversations.deleting import REF, removal
from shared.conversations.items import meta_key
from shared.conversations.removal import Removal
from shared.mailbox.box import Box, BoxKey, Job
from shared.mailbox.handler import Activation, AsksNobody
from shared.mailbox.jobs import Ending, Scheduled
from shared.storage.artifacts import Artifacts
from shared.storage.expressions import Assign
from shared.storage.table import Operation, Table, Update

log = logging.getLogger("parley")

AGAIN = 3_600_000
"""Milliseconds until a removal that has failed often is tried again."""


class Removals(AsksNobody):
    """The handler of removals. `kinds` are those of the mailboxes beside a conversation's own,
    `settle` is how long (ms) somebody may be on the way who has lost his lease."""

    def __init__(
        self,
        table: Table,
        artifacts: Artifacts,
        clock: Clock,
        *,
        kinds: Sequence[str],
        settle: int,
    ) -> None:
        self._table = table
        self._artifacts = artifacts
        self._clock = clock
        self._kinds = kinds
        self._settle = settle

    def load(self, box: Box, ref: str) -> Job | None:
        item = self._table.get([box.key.job(ref)])[0]
        return Job.read(box.key, ref, item) if item else None

    def scheduled(self, box: Box) -> Scheduled | None:
        """What is being deleted has its removal at the end of its queue until it is gone."""
        if box.jobs:
            return Scheduled(next_at=self._clock.now() + AGAIN) if box.next_at else None
        if box.next_at is not None and box.next_at > self._clock.now():
            return None
        return Scheduled(refs=[REF], items=[self._again(box)])

    def _again(self, box: Box) -> Operation:
        item = self._table.get([box.key.job(REF)])[0]
        if item is None:
            return removal(box.key, self._deletion(box.key), self._clock.now())
        return Update(item.key, [Assign(("state",), "queued")])

    def _deletion(self, box: BoxKey) -> str:
        meta = self._table.get([meta_key(box)])[0]
        return str(meta.attrs["deleting"]["id"]) if meta else ""

    def run(self, activation: Activation) -> Ending | None:
        Removal(activation, self._table, self._artifacts, self._kinds).run(self._settle)
        return None

    def cancelled(self, activation: Activation) -> Ending:
        return self._later()

    def failed(self, activation: Activation, reason: Exception | None) -> Ending:
        log.error("removal failed", extra={"box": activation.box.key.pk})
        return self._later()

    def _later(self) -> Ending:
        """It is never given up."""
        at = self._clock.now() + AGAIN
        return Ending(outcome="failed", terminal="", next_at=at, keep_seconds=None)

    def publish(self, activation: Activation) -> None:
        """Nobody is told: there is nobody any more."""
