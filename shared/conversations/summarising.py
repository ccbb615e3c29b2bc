"""Summaries of what does not fit into a turn's memory any more.

At the end of a turn with which the messages since the last summary exceed the budget of the memory,
a job in a mailbox of its own is asked for. It puts the oldest of them in a summary, so that the
rest takes half of the budget: until that is full again, a turn sees all that has been said, in
its words or in short. The job delays no turn and is delayed by none: it reads the log, which only
grows, and what it writes says up to which message it goes. When it fails nothing is lost, and it is
tried again when the conversation has grown a little.
"""

import logging
from itertools import chain

from shared.clock import Clock
from shared.conversations.afterwards import Afterwards, asked_for
from shared.conversations.items import STANDS, box_key, living, meta_key
from shared.conversations.memory import newest_first, oldest_first, page_size, summary_key
from shared.conversations.messages import Message
from shared.conversations.notices import Ended, Told
from shared.conversations.services import Rates
from shared.conversations.summaries import MAX_TOKENS, parts, summary_of, summary_request
from shared.conversations.usage import Ledger
from shared.errors import ParleyError
from shared.mailbox.box import BoxKey, Job
from shared.mailbox.handler import Activation
from shared.mailbox.jobs import Ending, Queued
from shared.mailbox.requests import Requests
from shared.models.port import Model, ModelError, Usage
from shared.runner.history import estimate_tokens, staying
from shared.storage.expressions import Assign, attr
from shared.storage.table import Item, Operation, Put, Table, Update

log = logging.getLogger("parley")

KIND = "memory"
MAX_SECONDS = 90.0
MAX_PARTS = 8
"""Requests that one job makes, if there is so much to put in a summary."""

AGAIN = 16
"""After this part of the budget a job is asked for that has been asked for before."""


def summary_box(conversation: BoxKey) -> BoxKey:
    """The mailbox of a conversation's summaries."""
    return BoxKey(KIND, conversation.tenant, conversation.id)


def summary_job(
    requests: Requests, conversation: BoxKey, turn: str, model: str, clock: Clock
) -> Queued:
    """The writes that ask for a summary, for the transaction that ends the turn with this ref. The
    caller wakes `summary_box(conversation)` afterwards. While one job waits, another would do
    nothing else."""
    box, ref = summary_box(conversation), f"SUMMARY#{turn}"
    return asked_for(requests, box, ref, {"model": model}, clock, waiting=1)


class Summarising:
    """Keeps the weight of the log, and asks for a summary. `model_id`: the model that makes it;
    None: the agent's own."""

    def __init__(
        self, clock: Clock, requests: Requests, *, budget: int, model_id: str | None
    ) -> None:
        self._clock = clock
        self._requests = requests
        self._budget = budget
        self._model_id = model_id

    def follow(self, told: Told, job: Job, ended: Ended) -> None:
        """See `Follower`."""
        if ended.end is None:
            return
        meta = job.attrs.get("meta", {})
        earlier = int(meta.get("weight", 0)) + int(job.attrs.get("weight", 0))
        weight = earlier + sum(map(estimate_tokens, ended.log))
        told.noted["weight"] = weight
        over = weight - int(meta.get("summary_weight", 0)) > self._budget
        asked = meta.get("summary_asked")
        waits = asked is not None and weight - int(asked) < self._budget // AGAIN
        if not over or waits or ended.equipped is None:
            return
        model = self._model_id or ended.equipped.agent.model
        queued = summary_job(self._requests, job.key, job.ref, model, self._clock)
        told.queued.append((queued, summary_box(job.key)))
        told.noted["summary_asked"] = weight


class Summaries(Afterwards):
    """The handler of these mailboxes."""

    def __init__(
        self,
        table: Table,
        model: Model,
        ledger: Ledger,
        rates: Rates | None = None,
        *,
        budget: int,
    ) -> None:
        super().__init__(table, model, ledger, rates)
        self._budget = budget

    def run(self, activation: Activation) -> Ending:
        job = activation.job
        conversation = box_key(job.key.tenant, job.key.id)
        standing, meta = self._table.get([summary_key(conversation), meta_key(conversation)])
        if living(meta) is None or meta is None:
            return self.ended("cancelled")
        before = int(standing.attrs["upto"]) if standing else 0
        size = page_size(meta.attrs, int(meta.attrs["count"]), self._budget)
        target, rest = self._target(conversation, before, int(meta.attrs["count"]), size)
        if target <= before:
            return self.ended("completed")
        old = str((standing.body or {})["text"]) if standing else None
        text, upto, spent = self._made(activation, old, before, target, size)
        counted = self.counted(job, spent)
        if text is None:
            return self.ended("failed", counted)
        # Where it did not come to the target, the weight stays too great: it will be asked for.
        below = int(meta.attrs.get("summary_weight", 0))
        if upto == target:
            below = max(int(meta.attrs.get("weight", 0)) - rest, below)
        unchanged = attr("summary").eq(before) if standing else attr("summary").absent()
        noted = [Assign(("summary",), upto), Assign(("summary_weight",), below)]
        written: list[Operation] = [
            Update(meta_key(conversation), noted, STANDS & unchanged),
            Put(Item(summary_key(conversation), {"upto": upto}, {"text": text})),
        ]
        return self.ended("completed", counted, written)

    def _target(self, conversation: BoxKey, before: int, count: int, size: int) -> tuple[int, int]:
        """From which message on they stay as they are, and their weight."""
        half = self._budget // 2
        found: list[Message] = []
        for page in newest_first(self._table, conversation, count, before, size):
            found += page
            asked = any(message["role"] == "user" for message in found)
            if asked and sum(map(estimate_tokens, found)) > half:
                break
        found.reverse()
        start = staying(found, half)
        return count - len(found) + start, sum(map(estimate_tokens, found[start:]))

    def _made(
        self, activation: Activation, text: str | None, before: int, target: int, size: int
    ) -> tuple[str | None, int, Usage]:
        """The summary of the messages before the target, or of as many as could be taken in, up
        to which message it goes, and what it cost; None: it could not be made."""
        job = activation.job
        tenant, model = job.key.tenant, str(job.payload["model"])
        tokens = min(MAX_TOKENS, self._budget // 4)
        pages = oldest_first(
            self._table, box_key(tenant, job.key.id), before, target, min(size, 200)
        )
        upto, spent = before, Usage()
        try:
            for number, part in enumerate(parts(chain.from_iterable(pages), before)):
                left = activation.seconds_left
                if number == MAX_PARTS or (number and left < MAX_SECONDS):
                    break
                activation.keeper.check()
                end = self.asked(
                    tenant,
                    summary_request(model, text, part, tokens=tokens),
                    seconds=min(MAX_SECONDS, left),
                    beside=spent.cost_nano_usd or 0,
                )
                spent += end.usage
                made = summary_of(end)
                if not made:
                    log.warning("no summary", extra={"code": "NO_WORDS"})
                    break
                text, upto = made, part.upto
        except ParleyError as fault:
            log.warning("no summary", extra={"code": fault.error_code}, exc_info=True)
            spent += fault.usage if isinstance(fault, ModelError) else Usage()
        return (text if upto > before else None), upto, spent
