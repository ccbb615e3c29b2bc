"""The history bridge: records of what is said, delivered to the product that keeps them.

One mailbox per conversation delivers its records in order, each with a key of its own: a repeat of
one whose answer was lost is recognised by whoever honours the key. While the other side cannot
take them they wait, with growing pauses, for up to a day; what it refuses is tried a few times. A
record that is given up is a dead letter: kept, listed, replayed on demand, and counted as missing
with its call until it has been delivered after all.
"""

import logging
import random
from dataclasses import dataclass, field

from shared.backends.breaker import Breaker
from shared.backends.call_records import Delivered, Delivery, is_end, missing_of
from shared.backends.control_plane import (
    CallHistory,
    ControlPlaneFault,
    CredentialRefused,
    Malformed,
    NotThere,
    Refused,
    Unavailable,
)
from shared.backends.record_endings import delivered, given_up
from shared.mailbox.box import Box, Job
from shared.mailbox.deliveries import DeliveryPolicy, dead_letter, delivery_id
from shared.mailbox.handler import Activation, AsksNobody
from shared.mailbox.jobs import Ending, Scheduled
from shared.mailbox.leases import LeaseLost
from shared.mailbox.records import Records
from shared.storage.table import Table, TransientError

log = logging.getLogger("parley")

PAUSED = 300.0
"""Seconds between two looks at what waits while nothing is to be sent."""


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
        breaker: Breaker,
        policy: HistoryPolicy | None = None,
    ) -> None:
        self._breaker = breaker
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
            self._wait(activation, PAUSED)
            return None
        rest = self._breaker.enter()
        if rest:
            self._wait(activation, rest)
            return None
        took: bool | None = None
        try:
            job = self._noted(activation)
            done = _sent(Delivery(self._table, plane, job, activation.keeper.check))
            took = done is not None or None
        except (Unavailable, Malformed) as fault:
            took = False
            return self._failed(activation, fault)
        except ControlPlaneFault as fault:
            took = True
            return self._failed(activation, fault)
        finally:
            self._breaker.leave(took=took)
        if done is None:
            return Ending(outcome="cancelled", terminal="")
        name = delivery_id(activation.job.key, activation.job.ref)
        attempt = {"delivery": name, "attempt": activation.job.attempts + 1}
        log.info("record delivered", extra=attempt)
        return delivered(activation.job, done)

    def _wait(self, activation: Activation, seconds: float) -> None:
        """Look again then, or a while later: others wait for the same."""
        pause = int(seconds * (1 + random.random() / 2) * 1000)
        not_before = activation.clock.now() + pause
        activation.holder.wait(activation.lease, activation.job, not_before)

    def _noted(self, activation: Activation) -> Job:
        """The job with what it tells that may change between two attempts: under one key the same
        must be said."""
        job = activation.job
        if is_end(job) and "told" not in job.attrs:
            told = {"told": missing_of(self._table, job)}
            activation.job = activation.holder.note(activation.lease, job, told)
        return activation.job

    def _failed(self, activation: Activation, fault: ControlPlaneFault) -> Ending | None:
        job, now = activation.job, activation.clock.now()
        refused = isinstance(fault, Refused | NotThere) and not isinstance(fault, CredentialRefused)
        refusals = int(job.attrs.get("refusals", 0)) + refused
        since = int(job.attrs.get("failing_since", now))
        noted = {"refusals": refusals, "failing_since": since}
        name = delivery_id(job.key, job.ref)
        extra = {"delivery": name, "attempt": job.attempts + 1, "reason": str(fault)}
        patience = self._policy.patience * 1000
        if refusals >= self._policy.refusals or now - since >= patience:
            log.error("record is a dead letter", extra=extra)
            attempts = {"attempts": job.attempts + 1, **noted}
            return given_up(
                job, {**attempts, **dead_letter(job.key.tenant, activation.clock, str(fault))}
            )
        # One line when it begins; the rest is for whoever looks closer.
        level = logging.INFO if job.attempts else logging.WARNING
        if isinstance(fault, CredentialRefused):
            level = logging.ERROR
        log.log(level, "record not delivered", extra=extra)
        pause = self._policy.pauses.pause(job.attempts + 1)
        if isinstance(fault, Unavailable) and fault.retry_after is not None:
            pause = max(pause, min(fault.retry_after, self._policy.pauses.cap))
        not_before = now + int(pause * 1000)
        activation.holder.postpone(activation.lease, job, not_before, str(fault), noted)
        return None

    def cancelled(self, activation: Activation) -> Ending:
        return Ending(outcome="cancelled", terminal="")

    def failed(self, activation: Activation, reason: Exception | None) -> Ending:
        why = "it stopped its worker" if reason is None else type(reason).__name__
        name = delivery_id(activation.job.key, activation.job.ref)
        log.error("record is a dead letter", extra={"delivery": name, "reason": why})
        return given_up(
            activation.job, dead_letter(activation.job.key.tenant, activation.clock, why)
        )

    def publish(self, activation: Activation) -> None:
        """Nobody listens."""


def _sent(delivery: Delivery) -> Delivered | None:
    """Send it. Raises ControlPlaneFault, LeaseLost, TransientError."""
    try:
        return delivery.made()
    except (ControlPlaneFault, LeaseLost, TransientError):
        raise
    except Exception as fault:
        # Nobody had foreseen it, and it may pass: that is no reason to give the record up.
        log.exception("record not sent")
        raise Malformed(type(fault).__name__) from fault
