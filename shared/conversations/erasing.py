"""Erasing what a user or a tenant has, or what nobody has used for days (`erasures.py`).

The job reads the whole table, page by page: no index names the conversations that have no message
yet. It has every conversation that it means deleted, and reads the table again until none of them
is left; then what belongs to no conversation has gone too (`belongings.py`), and at last what lies
in a tenant's folders without a conversation (`leftovers.py`). Where it is, and what it has counted,
is noted after each page: another worker goes on from there. Whoever asks for it once more has it
begin with the table anew: what it notes, and its end, have the condition that nobody has.
"""

import logging

from shared.clock import Clock
from shared.conversations.deleting import Deleting
from shared.conversations.erasure import Erasure
from shared.conversations.erasures import REF
from shared.mailbox.box import Box, Job
from shared.mailbox.handler import Activation, AsksNobody
from shared.mailbox.jobs import Ending, Scheduled
from shared.storage.artifacts import Artifacts
from shared.storage.expressions import Assign
from shared.storage.table import Table, Update

log = logging.getLogger("parley")

AGAIN = 3_600_000
"""Milliseconds until an erasure that has failed often goes on."""


class Erasing(AsksNobody):
    """The handler of erasures."""

    def __init__(
        self, table: Table, artifacts: Artifacts, deleting: Deleting, clock: Clock
    ) -> None:
        self._table = table
        self._artifacts = artifacts
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
        Erasure(activation, self._table, self._artifacts, self._deleting).run()
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
