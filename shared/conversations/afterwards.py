"""What is done after turns, as small jobs that ask a model: a title, a verdict, a summary.

Each kind has a mailbox of its own for each conversation, so that it delays neither the turn that it
follows nor the next one. Whatever fails leaves the conversation as it is.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.clock import Clock
from shared.conversations.services import Rates
from shared.conversations.usage import Ledger
from shared.mailbox.box import Box, BoxKey, Job
from shared.mailbox.handler import Activation, AsksNobody
from shared.mailbox.jobs import Ending, Queued
from shared.mailbox.listeners import NOT_GONE
from shared.mailbox.requests import Requests
from shared.models.port import Completed, Model, ModelRequest, Usage
from shared.storage.expressions import ABSENT, Append, attr
from shared.storage.table import Item, Operation, Put, Table, Update

MAX_SECONDS = 30.0
"""For one short answer of a model."""

MAX_WAITING = 4
"""Jobs of one mailbox; what is asked for beyond is not done."""

KEEP_SECONDS = 24 * 3600


def asked_for(
    requests: Requests,
    box: BoxKey,
    ref: str,
    payload: Mapping[str, Any],
    clock: Clock,
    *,
    waiting: int = MAX_WAITING,
) -> Queued:
    """The writes that add such a job, for the transaction that ends a turn. The caller wakes `box`
    afterwards. `overflow` is nothing: it can be done without."""
    attrs = {"state": "queued", "added_at": clock.now(), "decisions": {}, "marks": {}}
    room = NOT_GONE & (attr("jobs").absent() | attr("jobs").size_below(waiting))
    return Queued(
        [
            Put(Item(box.job(ref), attrs, {"payload": payload}), ABSENT),
            Update(box.item, [Append(("jobs",), ref), *requests.ring(box)], room),
        ],
        [],
    )


class Afterwards(AsksNobody):
    """What the handlers of these mailboxes share."""

    def __init__(self, table: Table, model: Model, ledger: Ledger, rates: Rates | None) -> None:
        self._table = table
        self._model = model
        self._ledger = ledger
        self._rates = rates

    def load(self, box: Box, ref: str) -> Job | None:
        item = self._table.get([box.key.job(ref)])[0]
        return Job.read(box.key, ref, item) if item else None

    def asked(
        self, tenant: str, request: ModelRequest, *, seconds: float, beside: int = 0
    ) -> Completed:
        """What the model answers, in one piece. `beside`: see `Ledger.check`.

        Raises:
            ModelError: it does not; or too much has been asked of it.
            TurnFailed: BUDGET_EXCEEDED.
        """
        self._ledger.check(tenant, beside=beside)
        if self._rates is not None:
            self._rates.take(tenant, request.model)
        stream = self._model.stream(request, seconds_left=seconds)
        try:
            ends = [event for event in stream if isinstance(event, Completed)]
        finally:
            stream.close()
        return ends[-1]

    def counted(self, job: Job, usage: Usage) -> list[Operation]:
        """The writes that count what a job has cost."""
        return [self._ledger.add(job.key.tenant, job.key.id, usage, turns=0)]

    def ended(
        self,
        outcome: str,
        counted: Sequence[Operation] = (),
        written: Sequence[Operation] = (),
    ) -> Ending:
        """The end of a job, which keeps nothing of what was said. What was to be `written` is
        dropped where one of its conditions does not hold."""
        return Ending(
            outcome=outcome,
            terminal="",
            beside=counted,
            queued=[Queued(written, ())],
            keep_seconds=KEEP_SECONDS,
            body={"payload": {}},
        )

    def cancelled(self, activation: Activation) -> Ending:
        return self.ended("cancelled")

    def failed(self, activation: Activation, reason: Exception | None) -> Ending:
        return self.ended("failed")

    def publish(self, activation: Activation) -> None:
        """Nobody waits for it."""
