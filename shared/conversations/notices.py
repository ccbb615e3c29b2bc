"""Who is told of the end of a turn: the caller's URL, and whoever does something after it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from shared.clock import Clock
from shared.conversations.items import turn_id
from shared.conversations.messages import Message
from shared.mailbox.box import BoxKey, Job
from shared.mailbox.deliveries import KIND as DELIVER
from shared.mailbox.deliveries import delivery
from shared.mailbox.jobs import Queued
from shared.mailbox.requests import Requests
from shared.runner.request import Equipped

SHOWN = ("text", "usage", "error", "directive", "escalation")
"""What a callback has of a turn's result."""


class Ended(NamedTuple):
    """A turn that ends: what of it is written to the log now, of which `said` are the last
    messages, before number `end`; None: it has nothing there. `equipped` is the agent of a turn
    that has a reply, and `escalated` the number of the message with which one without has asked for
    a person."""

    outcome: str
    result: Mapping[str, Any]
    log: Sequence[Message] = ()
    said: Sequence[Message] = ()
    end: int | None = None
    equipped: Equipped | None = None
    escalated: int | None = None


@dataclass
class Told:
    """What is written for them with the end of the turn: for each a mailbox that is woken then;
    attributes of META; and when the conversation is looked at again (ms)."""

    queued: list[tuple[Queued, BoxKey]] = field(default_factory=list[tuple[Queued, BoxKey]])
    noted: dict[str, Any] = field(default_factory=dict[str, Any])
    next_at: int | None = None


class Follower(Protocol):
    """Does something after turns, as a job of a mailbox of its own."""

    def follow(self, told: Told, job: Job, ended: Ended) -> None:
        """Add to `told` what is to be written with the end of this turn, if anything."""
        ...


class Notices:
    """Tells them: the caller's URL, and the `followers`."""

    def __init__(
        self, clock: Clock, requests: Requests, *, followers: Sequence[Follower] = ()
    ) -> None:
        self._clock = clock
        self._requests = requests
        self._followers = followers

    def of(self, job: Job, ended: Ended) -> Told:
        """Of a turn that ended so."""
        told = Told()
        self._callback(told, job, ended.outcome, ended.result)
        for follower in self._followers:
            follower.follow(told, job, ended)
        return told

    def _callback(self, told: Told, job: Job, outcome: str, result: Mapping[str, Any]) -> None:
        url = job.payload.get("callback_url")
        if not url:
            return
        body = {
            "turn_id": turn_id(job.key.id, job.ref),
            "session_id": job.payload["session"],
            "status": outcome,
            **{name: result[name] for name in SHOWN if name in result},
        }
        box = BoxKey(DELIVER, job.key.tenant, job.key.id)
        text = json.dumps(body, ensure_ascii=False)
        told.queued.append((delivery(self._requests, box, url, text, self._clock), box))
