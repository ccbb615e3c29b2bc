"""A conversation with a workflow of three steps, and the jobs that judge them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.conversations.items import box_key, meta_key
from shared.conversations.judging import KIND, Judge, judge_box, judging
from shared.conversations.usage import Ledger
from shared.mailbox.box import Box
from shared.models.port import Completed, ModelEvent, ModelRequest, Usage
from shared.runner.workflow import Place
from shared.storage.table import Item, Put
from tests.mailbox.drained import DrainRig

CONVERSATION = box_key("acme", "0191f3a4-0000-7000-8000-00000000000a")
BOX = judge_box(CONVERSATION)
META = meta_key(CONVERSATION)
SPENT = Usage(30, 4, cost_nano_usd=500)
STEPS = ["find", "solve", "thank"]


def call(verdict: Any, name: str = "verdict") -> dict[str, Any]:
    return {"type": "tool_use", "id": "t1", "name": name, "input": {"verdict": verdict}}


@dataclass
class Arbiter:
    """A model: what it says next, and how that ends; `during` happens meanwhile."""

    says: Sequence[Mapping[str, Any]] = field(default_factory=lambda: [call("yes")])
    stop_reason: str = "tool_use"
    fault: Exception | None = None
    requests: list[ModelRequest] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    closed: int = 0
    during: Callable[[], object] | None = None

    def stream(self, request: ModelRequest, *, seconds_left: float) -> "Said":
        self.requests.append(request)
        self.seconds.append(seconds_left)
        if self.during:
            self.during()
        return Said(self)


@dataclass
class Said:
    arbiter: Arbiter

    def __iter__(self) -> Iterator[ModelEvent]:
        if self.arbiter.fault:
            raise self.arbiter.fault
        yield Completed(self.arbiter.says, self.arbiter.stop_reason, SPENT)

    def close(self) -> None:
        self.arbiter.closed += 1


class Scene:
    """`place` is where META says that the conversation is."""

    def __init__(self, folder: Path) -> None:
        self.rig = DrainRig(folder)
        self.arbiter = Arbiter()
        self.ledger = Ledger(self.rig.clock)
        self.use(None)
        self.put(Place(step="find"))

    def put(self, place: Place | None) -> None:
        attrs: dict[str, Any] = {"owner": "ann", "count": 2}
        if place is not None:
            attrs["workflow"] = place.to_dict()
        self.rig.table.write([Put(Item(META, attrs))])

    def use(self, model: str | None, ledger: Ledger | None = None, rates: Any = None) -> None:
        made = Judge(self.rig.table, self.arbiter, model, ledger or self.ledger, rates)
        self.rig.handlers[KIND] = made

    def queue(self, step: str = "find", *, ref: str = "t", **said: str) -> None:
        """A turn that was to take this step has ended."""
        about = {"id": step, "intent": f"Do {step}", "criteria": f"{step} is done"}
        payload = {
            "model": "agents-model",
            "goal": "Solve it",
            "step": about,
            "steps": STEPS,
            "message": "It is order 42",
            "reply": "Thanks.",
            **said,
        }
        queued = judging(self.rig.requests, CONVERSATION, f"TURN#s#{ref}", payload, self.rig.clock)
        self.rig.table.write(queued.writes)

    def judge(self) -> None:
        self.rig.drain(key=BOX)

    @property
    def meta(self) -> Item | None:
        return self.rig.table.get([META])[0]

    @property
    def place(self) -> Place:
        assert self.meta is not None
        return Place.of(STEPS, self.meta.attrs["workflow"])

    @property
    def job(self) -> Item:
        [item] = self.rig.table.query(BOX.partition, prefix="JUDGE#").items
        return item

    def counted(self, name: str = "cost") -> int:
        items = self.rig.table.get(Ledger(self.rig.clock).keys("acme"))
        return sum(item.attrs[name] for item in items if item)

    def at_rest(self) -> bool:
        item = self.rig.table.get([BOX.item])[0]
        assert item is not None
        box = Box.read(BOX, item)
        return (box.jobs, box.owner, box.due) == ((), None, None)
