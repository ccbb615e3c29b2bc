"""Ending a conversation: its call is over, and whoever keeps the history is told so.

The end is a job of the conversation's own mailbox, so what has been asked before it is answered
and recorded before it. A message that comes later begins another call.
"""

from typing import Any

from shared.clock import Clock
from shared.conversations.items import meta_key, turn_session
from shared.conversations.recording import Recorded, Recording
from shared.identity.principal import Principal
from shared.ids import time_ordered_id
from shared.mailbox.box import Box, BoxKey, Job
from shared.mailbox.handler import Activation, AsksNobody
from shared.mailbox.jobs import Ending, Scheduled
from shared.mailbox.requests import Added, MailboxGone, NewJob, Requests
from shared.messaging.wakes import Wake, Wakes
from shared.storage.expressions import Assign
from shared.storage.table import Item, Put, Table, Update

KEEP_SECONDS = 24 * 3600
PREFIX = "END#"
UNDER_WAY = 10 * 60 * 1000
"""Milliseconds, at least, between two looks at a conversation that is not at rest."""

LONG = 24 * 3600 * 1000
"""Milliseconds between two looks at a call that nobody is told of at present."""


def is_end(ref: str) -> bool:
    """Whether a job of a conversation's mailbox is its end."""
    return ref.startswith(PREFIX)


class Closing:
    """Asks for the end of conversations. Without `recording` nobody needs to be told of it."""

    def __init__(
        self,
        table: Table,
        clock: Clock,
        requests: Requests,
        wakes: Wakes,
        recording: Recording | None,
    ) -> None:
        self._table = table
        self._clock = clock
        self._requests = requests
        self._wakes = wakes
        self._recording = recording

    def end(self, principal: Principal, box: BoxKey) -> None:
        """Ask for the end of a conversation that the principal may `manage`, behind whatever it
        still has to do. Again, or where nothing has been said since the last end, changes
        nothing."""
        # One after the other: a turn that has left the box has written META before.
        head = self._table.get([box.item])[0]
        meta = self._table.get([meta_key(box)])[0]
        if meta is None:
            return
        jobs = Box.read(box, head).jobs if head else ()
        history = meta.attrs.get("history", {})
        begun = "call" in history or any(turn_session(job) for job in jobs)
        if self._recording is None or not begun or (jobs and is_end(jobs[-1])):
            return
        # The same for all who ask at the same moment.
        ref = f"{PREFIX}{jobs[-1] if jobs else history['call']}"
        try:
            if self._add(box, ref, principal).job.done:
                # One that could not end the call, or has just ended it: then this one finds none.
                self._add(box, f"{PREFIX}{time_ordered_id(self._clock.now())}", principal)
        except MailboxGone:
            return  # it is being deleted
        self._wakes.send([Wake(box.pk, box.tenant)])

    def _add(self, box: BoxKey, ref: str, principal: Principal) -> Added:
        job = NewJob(ref=ref, hash=ref, payload={"by": principal.user})
        return self._requests.add(box, job, bound=None, made=True)


class Ends(AsksNobody):
    """The handler of the ends in conversations' mailboxes, and of the time that they rest."""

    def __init__(
        self,
        table: Table,
        clock: Clock,
        recording: Recording | None,
        *,
        keep: int | None = None,
    ) -> None:
        """`keep` is for how long (ms) a conversation is kept that nobody uses; None: for ever."""
        self._table = table
        self._clock = clock
        self._recording = recording
        self._keep = keep

    def load(self, box: Box, ref: str) -> Job | None:
        job, meta = self._table.get([box.key.job(ref), meta_key(box.key)])
        if job is None or meta is None:
            return None
        known = {"history": meta.attrs.get("history", {}), "count": meta.attrs["count"]}
        known["since"] = meta.attrs.get("listed_at", meta.attrs["created_at"])
        return Job(box.key, ref, {**job.attrs, **known}, job.body or {})

    def run(self, activation: Activation) -> Ending:
        job = activation.job
        ended: Recorded | None = None
        if self._recording is not None:
            count, now = int(job.attrs["count"]), self._clock.now()
            ended = self._recording.end(job.key, job.attrs["history"], count, now)
        # What it rests for from now on is its removal, if that comes at all.
        next_at = 0 if self._keep is None else int(job.attrs["since"]) + self._keep
        if ended is None:
            return self._ending("completed", next_at=next_at)
        noted = Update(meta_key(job.key), [Assign(("history",), ended.history)])
        return self._ending(
            "completed", beside=[noted], queued=[ended.queued], wakes=[ended.box], next_at=next_at
        )

    def _ending(self, outcome: str, **more: Any) -> Ending:
        return Ending(outcome=outcome, terminal="", keep_seconds=KEEP_SECONDS, **more)

    def scheduled(self, box: Box) -> Scheduled | None:
        now = self._clock.now()
        if box.next_at is None or box.next_at > now:
            return None
        if self._recording is None:
            # It may be switched on again.
            return Scheduled(next_at=now + LONG)
        if box.jobs:
            # Each of them sets the time anew when it ends; but one may have ended, and not left
            # yet. Not so soon that whoever looks would send wakes for it.
            return Scheduled(next_at=now + max(self._recording.idle, UNDER_WAY))
        ref = f"{PREFIX}{time_ordered_id(now)}"
        attrs = {"state": "queued", "hash": ref, "added_at": now, "decisions": {}, "marks": {}}
        item = Item(box.key.job(ref), attrs, {"payload": {"by": ""}})
        return Scheduled(refs=[ref], items=[Put(item)])

    def cancelled(self, activation: Activation) -> Ending:
        return self._again("cancelled")

    def failed(self, activation: Activation, reason: Exception | None) -> Ending:
        return self._again("failed")

    def _again(self, outcome: str) -> Ending:
        """The call is still open: it ends when the conversation has rested once more."""
        idle = self._recording.idle if self._recording else None
        return self._ending(outcome, next_at=None if idle is None else self._clock.now() + idle)

    def publish(self, activation: Activation) -> None:
        """Nobody is told: whoever has sessions goes on in them."""
