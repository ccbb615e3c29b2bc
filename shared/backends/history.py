"""The history bridge: records of what is said, delivered to the product that keeps them.

One mailbox per conversation delivers its records in order, each with a key of its own: a repeat of
one whose answer was lost is recognised by whoever honours the key. While the other side cannot
take them they wait, with growing pauses, for up to a day; what it refuses is tried a few times. A
record that is given up is a dead letter: kept, listed, replayed on demand, and counted as missing
with its call until it has been delivered after all.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.backends.call_records import Delivery, delivered, given_up
from shared.backends.control_plane import (
    CallHistory,
    ControlPlaneFault,
    NotThere,
    Refused,
    Unavailable,
)
from shared.mailbox.box import Box, Job
from shared.mailbox.deliveries import DeliveryPolicy, dead_letter
from shared.mailbox.handler import Activation, AsksNobody
from shared.mailbox.jobs import Ending, Scheduled
from shared.mailbox.records import Records
from shared.storage.table import Table

log = logging.getLogger("parley")

PAUSED = 3_600_000
"""Milliseconds between two looks at what waits while nothing is to be sent."""


@dataclass(frozen=True, kw_only=True)
class HistoryPolicy:
    """When a record is tried again, and when it is given up: after `refusals` answers that say no,
    or when the other side could not take it for `patience` seconds."""

    pauses: DeliveryPolicy = field(default_factory=lambda: DeliveryPolicy(base=0.2, cap=300.0))
    refusals: int = 5
    patience: float = 24 * 3600


class History(AsksNobody):
    """The handler of records' mailboxes. Without a `plane` they wait."""

    def __init__(
        self,
        table: Table,
        records: Records,
        plane: CallHistory | None,
        policy: HistoryPolicy | None = None,
    ) -> None:
        self._table = table
        self._records = records
        self._plane = plane
        self._policy = policy or HistoryPolicy()

    def load(self, box: Box, ref: str) -> Job | None:
        item = self._table.get([box.key.job(ref)])[0]
        return Job.read(box.key, ref, item) if item else None

    def scheduled(self, box: Box) -> Scheduled | None:
        more = self._records.more(box)
        if more is not None:
            log.warning("records had been waiting unlisted", extra={"box": box.key.pk})
        return more

    def run(self, activation: Activation) -> Ending | None:
        plane = self._plane
        if plane is None:
            self._later(activation, PAUSED, "no history is recorded", {})
            return None
        activation.keeper.check()
        try:
            done = Delivery(self._table, plane, activation.job).made()
        except ControlPlaneFault as fault:
            return self._failed(activation, fault)
        if done is None:
            return Ending(outcome="cancelled", terminal="")
        return delivered(activation.job, done)

    def _failed(self, activation: Activation, fault: ControlPlaneFault) -> Ending | None:
        job, now = activation.job, activation.clock.now()
        refusals = int(job.attrs.get("refusals", 0)) + isinstance(fault, Refused | NotThere)
        since = int(job.attrs.get("failing_since", now))
        noted = {"refusals": refusals, "failing_since": since}
        extra = {"record": job.ref, "box": job.key.pk, "reason": str(fault)}
        patience = self._policy.patience * 1000
        if refusals >= self._policy.refusals or now - since >= patience:
            log.error("record is a dead letter", extra=extra)
            attempts = {"attempts": job.attempts + 1, **noted}
            return given_up(
                job, {**attempts, **dead_letter(job.key.tenant, activation.clock, str(fault))}
            )
        log.warning("record not delivered", extra={**extra, "attempt": job.attempts + 1})
        pause = self._policy.pauses.pause(job.attempts + 1)
        if isinstance(fault, Unavailable) and fault.retry_after is not None:
            pause = max(pause, min(fault.retry_after, self._policy.pauses.cap))
        self._later(activation, int(pause * 1000), str(fault), noted)
        return None

    def _later(
        self, activation: Activation, pause: int, why: str, noted: Mapping[str, Any]
    ) -> None:
        not_before = activation.clock.now() + pause
        activation.holder.postpone(activation.lease, activation.job, not_before, why, noted)

    def cancelled(self, activation: Activation) -> Ending:
        return Ending(outcome="cancelled", terminal="")

    def failed(self, activation: Activation, reason: Exception | None) -> Ending:
        why = "it stopped its worker" if reason is None else type(reason).__name__
        return given_up(
            activation.job, dead_letter(activation.job.key.tenant, activation.clock, why)
        )

    def publish(self, activation: Activation) -> None:
        """Nobody listens."""
