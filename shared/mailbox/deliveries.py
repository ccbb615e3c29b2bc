"""Deliveries: HTTP POSTs to other systems, as jobs of a mailbox of their own.

They are written in the transaction of what they report, arrive in order, at least once, and
never hold up what they report. A delivery that fails is tried again with growing pauses; the
last failure makes it a dead letter, which is kept and listed, and the next one goes on.

Each request carries `X-Parley-Delivery` (the same for all attempts), `X-Parley-Timestamp`
(seconds) and `X-Parley-Signature: sha256=<HMAC-SHA256(secret, timestamp + "." + body)>`.
"""

import hashlib
import hmac
import logging
import random
from dataclasses import dataclass
from typing import Any

from shared.clock import Clock
from shared.ids import pack, time_ordered_id
from shared.mailbox.box import Box, BoxKey, Job, key_part
from shared.mailbox.handler import Activation, AsksNobody
from shared.mailbox.jobs import Ending, Queued
from shared.mailbox.requests import Requests
from shared.messaging.http import AddressRefused, HttpFailed, HttpPost
from shared.storage.expressions import ABSENT, Append, attr
from shared.storage.table import Item, Put, Table, Update

log = logging.getLogger("parley")

KIND = "deliver"
ID = "dlv"
"""What the ids of deliveries begin with."""


@dataclass(frozen=True)
class DeliveryPolicy:
    """When to try again (seconds), and how often in all."""

    attempts: int = 10
    base: float = 1.0
    cap: float = 900.0
    timeout: float = 10.0

    def pause(self, failures: int) -> float:
        """The pause after so many failures: exponential, with up to half of it jitter."""
        full = min(self.cap, self.base * 2 ** min(failures - 1, 30))
        return float(full * (0.5 + random.random() / 2))


MAX_WAITING = 200
"""Deliveries that one mailbox holds: its item stays small. Further ones are dead at once."""


def delivery(requests: Requests, box: BoxKey, url: str, body: str, clock: Clock) -> Queued:
    """One POST of a JSON text; where the mailbox is full, it is recorded as a dead letter. The
    caller wakes `box` afterwards."""
    ref = f"DELIVERY#{time_ordered_id(clock.now())}"
    attrs = {"state": "queued", "added_at": clock.now(), "decisions": {}, "marks": {}}
    payload = {"payload": {"url": url, "body": body}}
    room = attr("jobs").absent() | attr("jobs").size_below(MAX_WAITING)
    arrival = Update(box.item, [Append(("jobs",), ref), *requests.ring(box)], room)
    dead = {"state": "done", "outcome": "dead", **dead_letter(box.tenant, clock, "mailbox full")}
    return Queued(
        [Put(Item(box.job(ref), attrs, payload), ABSENT), arrival],
        [Put(Item(box.job(ref), {**attrs, **dead}, payload), ABSENT)],
    )


def dead_letter(tenant: str, clock: Clock, fault: str) -> dict[str, Any]:
    """The attributes by which a tenant's dead letters are listed."""
    return {"error": fault, "owned_by": dead_letters_of(tenant), "listed_at": clock.now()}


def dead_letters_of(tenant: str) -> str:
    """Under what they stand in the index of owners."""
    return f"DEAD#{key_part(tenant)}"


def delivery_id(box: BoxKey, ref: str) -> str:
    """By what receivers and operators know a delivery of their tenant; the same for all attempts,
    also when it is replayed."""
    return pack(ID, box.kind, box.id, ref)


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """The value of `X-Parley-Signature`."""
    message = str(timestamp).encode() + b"." + body
    return "sha256=" + hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


class Deliveries(AsksNobody):
    """The handler of delivery mailboxes."""

    def __init__(
        self, table: Table, http: HttpPost, secret: str, policy: DeliveryPolicy | None = None
    ) -> None:
        self._table = table
        self._http = http
        self._secret = secret
        self._policy = policy or DeliveryPolicy()

    def load(self, box: Box, ref: str) -> Job | None:
        item = self._table.get([box.key.job(ref)])[0]
        return Job.read(box.key, ref, item) if item else None

    def run(self, activation: Activation) -> Ending | None:
        job = activation.job
        fault = self._attempt(activation)
        attempt = {"delivery": delivery_id(job.key, job.ref), "attempt": job.attempts + 1}
        if fault is None:
            log.info("delivery made", extra=attempt)
            return Ending(outcome="completed", terminal="")
        failures = job.attempts + 1
        extra = {**attempt, "reason": fault}
        if failures >= self._policy.attempts:
            log.error("delivery is a dead letter", extra=extra)
            return self._dead(job, activation.clock, fault, failures)
        log.warning("delivery failed", extra=extra)
        pause = int(self._policy.pause(failures) * 1000)
        not_before = activation.clock.now() + pause
        activation.holder.postpone(activation.lease, job, not_before, fault)
        return None

    def _attempt(self, activation: Activation) -> str | None:
        """Send it once; None if the receiver accepted it, otherwise why not."""
        job = activation.job
        body = str(job.payload["body"]).encode()
        timestamp = activation.clock.now() // 1000
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Parley",
            "X-Parley-Delivery": delivery_id(job.key, job.ref),
            "X-Parley-Timestamp": str(timestamp),
            "X-Parley-Signature": sign(self._secret, timestamp, body),
        }
        activation.keeper.check()
        url = str(job.payload["url"])
        try:
            status = self._http.post(url, body, headers, timeout=self._policy.timeout)
        except AddressRefused as refused:
            return f"address refused: {refused}"
        except HttpFailed as failed:
            return f"no answer: {failed}"
        return None if 200 <= status < 300 else f"status {status}"

    def _dead(self, job: Job, clock: Clock, fault: str, failures: int) -> Ending:
        attrs = {"attempts": failures, **dead_letter(job.key.tenant, clock, fault)}
        return Ending(outcome="dead", terminal="", attrs=attrs, keep_seconds=None)

    def cancelled(self, activation: Activation) -> Ending:
        return Ending(outcome="cancelled", terminal="")

    def failed(self, activation: Activation, reason: Exception | None) -> Ending:
        fault = "it stopped its worker" if reason is None else type(reason).__name__
        name = delivery_id(activation.job.key, activation.job.ref)
        log.error("delivery is a dead letter", extra={"delivery": name, "reason": fault})
        return self._dead(activation.job, activation.clock, fault, activation.job.attempts + 1)

    def publish(self, activation: Activation) -> None:
        """A delivery has no listeners."""
