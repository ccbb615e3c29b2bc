"""The jobs of a conversation's mailbox: its turns, its end, its removal."""

from collections.abc import Sequence
from dataclasses import replace

from shared.conversations.closing import Ends, is_end
from shared.conversations.deleting import is_removal
from shared.conversations.removing import Removals
from shared.conversations.retention import Retention
from shared.mailbox.box import Box, Job
from shared.mailbox.handler import Activation, Handler
from shared.mailbox.jobs import Ending, Scheduled
from shared.storage.table import Operation


class ConversationJobs:
    """The handler of conversations' mailboxes. What a job is says its ref."""

    def __init__(
        self, turns: Handler, ends: Ends, removals: Removals, retention: Retention | None = None
    ) -> None:
        self._turns = turns
        self._ends = ends
        self._removals = removals
        self._retention = retention

    def _of(self, ref: str) -> Handler:
        if is_removal(ref):
            return self._removals
        return self._ends if is_end(ref) else self._turns

    def load(self, box: Box, ref: str) -> Job | None:
        job = self._of(ref).load(box, ref)
        if job is None or not box.gone or is_removal(ref) or job.stopped:
            return job
        # What is being deleted is over, for all of its jobs, also those that wait for somebody.
        return replace(job, attrs={**job.attrs, "stop": {"who": ""}})

    def scheduled(self, box: Box) -> Scheduled | None:
        if box.gone:
            return self._removals.scheduled(box)
        if self._retention is not None:
            return self._retention.scheduled(box, self._ends.scheduled)
        return self._ends.scheduled(box)

    def run(self, activation: Activation) -> Ending | None:
        return self._of(activation.job.ref).run(activation)

    def heard(self, activation: Activation, box: Box) -> None:
        self._of(activation.job.ref).heard(activation, box)

    def cancelled(self, activation: Activation) -> Ending:
        return self._of(activation.job.ref).cancelled(activation)

    def failed(self, activation: Activation, reason: Exception | None) -> Ending:
        return self._of(activation.job.ref).failed(activation, reason)

    def publish(self, activation: Activation) -> None:
        self._of(activation.job.ref).publish(activation)

    def prompt(self, activation: Activation, expires_at: int) -> None:
        self._of(activation.job.ref).prompt(activation, expires_at)

    def waiting(self, activation: Activation, expires_at: int) -> None:
        self._of(activation.job.ref).waiting(activation, expires_at)

    def prompt_timeout(self, job: Job) -> int:
        return self._of(job.ref).prompt_timeout(job)

    def beside_wait(self, job: Job, expires_at: int | None) -> Sequence[Operation]:
        return self._of(job.ref).beside_wait(job, expires_at)
