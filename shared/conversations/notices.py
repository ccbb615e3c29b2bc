"""Who is told of the end of a turn: the caller's URL, whoever finds titles, whoever keeps the
history."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.clock import Clock
from shared.conversations.items import turn_id
from shared.conversations.messages import Message, question
from shared.conversations.recording import Recording
from shared.conversations.titles import title_box, titling
from shared.mailbox.box import BoxKey, Job
from shared.mailbox.deliveries import KIND as DELIVER
from shared.mailbox.deliveries import delivery
from shared.mailbox.jobs import Queued
from shared.mailbox.requests import Requests


@dataclass
class Told:
    """What is written for them with the end of the turn: for each a mailbox that is woken then;
    attributes of META; and when the conversation is looked at again (ms)."""

    queued: list[tuple[Queued, BoxKey]] = field(default_factory=list[tuple[Queued, BoxKey]])
    noted: dict[str, Any] = field(default_factory=dict[str, Any])
    next_at: int | None = None


class Notices:
    """Tells them. `titles`: somebody finds titles for conversations; `recording`: somebody keeps
    the history of them."""

    def __init__(
        self,
        clock: Clock,
        requests: Requests,
        *,
        titles: bool = False,
        recording: Recording | None = None,
    ) -> None:
        self._clock = clock
        self._requests = requests
        self._titles = titles
        self._recording = recording

    def of(
        self,
        job: Job,
        outcome: str,
        result: Mapping[str, Any],
        said: Sequence[Message],
        end: int | None,
    ) -> Told:
        """Of a turn that ended so. `said` are its last messages in the log, before number `end`;
        None: it has none there."""
        told = Told()
        self._callback(told, job, outcome, result)
        self._title(told, job, said)
        if end is not None:
            self._record(told, job, said, end)
        return told

    def _callback(self, told: Told, job: Job, outcome: str, result: Mapping[str, Any]) -> None:
        url = job.payload.get("callback_url")
        if not url:
            return
        body = {
            "turn_id": turn_id(job.key.id, job.ref),
            "session_id": job.payload["session"],
            "status": outcome,
            **{name: result[name] for name in ("text", "usage", "error") if name in result},
        }
        box = BoxKey(DELIVER, job.key.tenant, job.key.id)
        text = json.dumps(body, ensure_ascii=False)
        told.queued.append((delivery(self._requests, box, url, text, self._clock), box))

    def _title(self, told: Told, job: Job, said: Sequence[Message]) -> None:
        whole = bool(said) and not said[0].get("stopped")
        if not self._titles or not whole or job.attrs.get("titled"):
            return
        asked, answered = job.payload["message"], str(said[0]["text"])
        queued = titling(self._requests, job.key, job.ref, asked, answered, self._clock)
        told.queued.append((queued, title_box(job.key)))
        told.noted["titled"] = True

    def _record(self, told: Told, job: Job, said: Sequence[Message], end: int) -> None:
        if self._recording is None:
            return
        numbered = enumerate(said, start=end - len(said))
        first = (int(job.attrs["count"]), question(job))
        recorded = self._recording.turn(job, [first, *numbered])
        told.queued.append((recorded.queued, recorded.box))
        told.noted["history"] = recorded.history
        told.next_at = self._clock.now() + self._recording.idle
