"""A log, and a model that keeps the memory of it."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.conversations.items import box_key, meta_key
from shared.conversations.memory import summary_key
from shared.conversations.summarising import KIND, Summaries, summary_box, summary_job
from shared.conversations.usage import Ledger
from shared.mailbox.box import Box
from shared.mailbox.jobs import message_key
from shared.models.port import Completed, ModelEvent, ModelRequest, TextDelta, Usage
from shared.runner.history import estimate_tokens
from shared.storage.expressions import Assign
from shared.storage.table import Item, Put, Update
from tests.mailbox.drained import DrainRig

CONVERSATION = box_key("acme", "0191f3a4-0000-7000-8000-00000000000a")
BOX = summary_box(CONVERSATION)
META = meta_key(CONVERSATION)
SUMMARY = summary_key(CONVERSATION)
SPENT = Usage(3000, 40, cost_nano_usd=500)
BUDGET = 1000


@dataclass
class Keeper:
    """A model: what it says, how it ends, what it was asked; `during` happens meanwhile."""

    says: Callable[[int], str] = lambda number: f"Summary {number}."
    stop_reason: str = "end_turn"
    faults: list[Exception | None] = field(default_factory=list[Exception | None])
    during: Callable[[], object] = lambda: None
    requests: list[ModelRequest] = field(default_factory=list[ModelRequest])
    closed: int = 0

    def stream(self, request: ModelRequest, *, seconds_left: float) -> "Kept":
        self.requests.append(request)
        self.during()
        return Kept(self, self.faults.pop(0) if self.faults else None, len(self.requests))

    @property
    def asked(self) -> list[dict[str, Any]]:
        return [json.loads(request.messages[0]["content"]) for request in self.requests]


@dataclass
class Kept:
    keeper: Keeper
    fault: Exception | None
    number: int

    def __iter__(self) -> Iterator[ModelEvent]:
        if self.fault is not None:
            raise self.fault
        text = self.keeper.says(self.number)
        yield TextDelta(text)
        thought = {"type": "thinking", "thinking": "Hm.", "signature": "s"}
        content = [thought, {"type": "text", "text": text}]
        yield Completed(content, self.keeper.stop_reason, SPENT)

    def close(self) -> None:
        self.keeper.closed += 1


class LogRig:
    """A conversation whose log a test writes, and the mailbox of its summaries."""

    def __init__(self, folder: Path, budget: int = BUDGET) -> None:
        self.rig = DrainRig(folder)
        self.keeper = Keeper()
        self.ledger = Ledger(self.rig.clock)
        self.budget = budget
        self.count = self.weight = 0
        self.use()
        self.rig.table.write([Put(Item(META, {"owner": "ann", "count": 0}))])

    def use(self, ledger: Ledger | None = None, rates: Any = None) -> None:
        self.rig.handlers[KIND] = Summaries(
            self.rig.table, self.keeper, ledger or self.ledger, rates, budget=self.budget
        )

    def log(self, *messages: dict[str, Any]) -> None:
        """As turns write it."""
        puts = [
            Put(Item(message_key(CONVERSATION, self.count + at), {"by": "t"}, message))
            for at, message in enumerate(messages)
        ]
        for start in range(0, len(puts), 90):
            self.rig.table.write(puts[start : start + 90])
        self.count += len(messages)
        self.weight += sum(map(estimate_tokens, messages))
        changes = [Assign(("count",), self.count), Assign(("weight",), self.weight)]
        self.rig.table.write([Update(META, changes)])

    def talk(self, turns: int, text: str = "so it was said " * 8) -> None:
        """Questions and answers of about 38 tokens each."""
        first = self.count // 2
        for number in range(first, first + turns):
            asked = {"role": "user", "text": f"Q{number} {text}"}
            self.log(asked, {"role": "assistant", "text": f"A{number} {text}"})

    def queue(self, ref: str = "t", model: str = "m") -> None:
        queued = summary_job(self.rig.requests, CONVERSATION, ref, model, self.rig.clock)
        self.rig.table.write(queued.writes)

    def make(self, seconds: float = 900) -> None:
        self.rig.drain(seconds, key=BOX)

    @property
    def meta(self) -> Item | None:
        return self.rig.table.get([META])[0]

    @property
    def state(self) -> tuple[int | None, int]:
        """Up to which message the summary goes, and the weight of those."""
        assert self.meta is not None
        return self.meta.attrs.get("summary"), self.meta.attrs.get("summary_weight", 0)

    @property
    def summary(self) -> tuple[int, str] | None:
        item = self.rig.table.get([SUMMARY])[0]
        return (item.attrs["upto"], (item.body or {})["text"]) if item else None

    @property
    def outcomes(self) -> list[Any]:
        items = self.rig.table.query(BOX.partition, prefix="SUMMARY#").items
        return [item.attrs.get("outcome") for item in items]

    def cost(self) -> int:
        items = self.rig.table.get(Ledger(self.rig.clock).keys("acme"))
        return sum(item.attrs["cost"] for item in items if item)

    def at_rest(self) -> bool:
        item = self.rig.table.get([BOX.item])[0]
        assert item is not None
        box = Box.read(BOX, item)
        return (box.jobs, box.owner, box.due) == ((), None, None)
