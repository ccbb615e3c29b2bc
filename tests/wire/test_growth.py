"""What a turn costs does not depend on how many there were before it.

Compared are turns 1, 100 and 2,000 of conversations that are told apart by nothing else: the round
trips to the store, and the bytes that are written and read in them, counted beneath the wrapper. A
warm worker's turn is the same from the first one on, but that the first one writes what the
conversation is found by, such as its title, which the others read. A worker that has not seen the
conversation reads its history, too, which grows until it fills the budget and is as large as that
from there on: such turns are compared at 100 and at 2,000, over as many as there are between
two summaries.

The log of the long conversations is put there as turns would have written it; with FAULTS=long each
of its turns is held, on SQLite.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.conversations.items import box_key, meta_key, session_key
from shared.conversations.memory import summary_key
from shared.conversations.summarising import summary_box
from shared.mailbox.box import BoxKey
from shared.mailbox.jobs import message_key
from shared.models.port import Completed, ModelEvent, ModelRequest, TextDelta, Usage
from shared.runner.history import estimate_tokens, staying
from shared.storage.expressions import Assign
from shared.storage.sizes import item_size
from shared.storage.table import Item, Table, Update
from tests.faults.forms import LONG
from tests.wire.metered import Metered, Weighed
from tests.wire.scene import Scene
from tests.wire.store_calls import SqliteWire, Wire

BUDGET = 1000
SETTINGS = {
    "HISTORY_TOKEN_BUDGET": str(BUDGET),
    "RATE_LIMIT_PER_MINUTE": "0",
    "RATE_LIMIT_PRINCIPAL_PER_MINUTE": "0",
}
ASKED = "Tell me more of it, please. " * 7
SAID = "so it was said " * 13
KEPT = "What was said before, in short. " * 10
ITEMS = ("META", "BOX", "BOX of summaries", "SUMMARY", "TURN")
AT = 1_900_000_000_000


class Talker:
    """Says the same each time, and keeps the same summary."""

    def __init__(self) -> None:
        self.kept = 0

    def stream(self, request: ModelRequest, *, seconds_left: float) -> "Talk":
        keeps = request.system.startswith("You keep the memory")
        self.kept += keeps
        return Talk(KEPT if keeps else SAID)


@dataclass
class Talk:
    text: str

    def __iter__(self) -> Iterator[ModelEvent]:
        yield TextDelta(self.text)
        usage = Usage(1000, 50, cost_nano_usd=1000)
        yield Completed([{"type": "text", "text": self.text}], "end_turn", usage)

    def close(self) -> None:
        """Nothing goes on."""


@dataclass
class Held:
    """A conversation over a metered engine."""

    wire: Wire
    folder: Path
    metered: Metered = field(init=False)
    scene: Scene = field(init=False)
    session: str = field(init=False)
    model: Talker = field(default_factory=Talker)
    turns: int = 0

    def __post_init__(self) -> None:
        self.metered = Metered(self.wire.table)
        self.begin()
        self.session = self.scene.session("c1")

    def begin(self) -> None:
        """A process that has seen nothing."""
        self.scene = Scene(self.metered, self.folder, **SETTINGS)
        model: Any = self.model
        self.scene.deployment.model = model
        self.scene.connect("c1")

    @property
    def table(self) -> Table:
        return self.scene.deployment.table

    @property
    def box(self) -> BoxKey:
        item = self.table.get([session_key(self.session)])[0]
        assert item is not None
        assert item.body is not None
        return box_key("local", item.body["conversation"])

    def turn(self) -> Sequence[Weighed]:
        """Hold one more; its round trips, but for those of a summary that it leads to."""
        self.turns += 1
        name = f"r{self.turns:06d}"
        self.metered.trips.clear()
        assert self.scene.say("c1", self.session, name, ASKED)["status"] == 202
        self.scene.work()
        trips = self.metered.trips.copy()
        assert self.scene.events("c1", name)[-1]["type"] == "eventual_response"
        self.scene.push.sent.clear()
        return trips

    def summarised(self) -> Sequence[Weighed]:
        """The round trips of the summary that waits to be made; none if none does."""
        self.metered.trips.clear()
        self.scene.work()
        return self.metered.trips.copy()

    def reach(self, turns: int) -> None:
        """The conversation after so many turns, when a summary has just been made."""
        if LONG and isinstance(self.wire, SqliteWire):
            made: Sequence[Weighed] = ()
            while self.turns < turns or not made:
                self.turn()
                made = self.summarised()
        else:
            self._fill(turns)

    def _fill(self, turns: int) -> None:
        # The first turn leaves things that no other one does, such as a title.
        self.turn()
        box = self.box
        log = [_message(number) for number in range(2 * turns)]
        items = [
            Item(message_key(box, number), {"by": f"{number:032d}"}, message)
            for number, message in enumerate(log)
            if number > 1
        ]
        weight = sum(map(estimate_tokens, log))
        attrs = {"count": len(log), "messages": len(log), "weight": weight}
        if weight > BUDGET:
            upto = staying(log, BUDGET // 2)
            below = sum(map(estimate_tokens, log[:upto]))
            attrs |= {"summary": upto, "summary_weight": below, "summary_asked": weight}
            items.append(Item(summary_key(box), {"upto": upto}, {"text": KEPT.strip()}))
        self.wire.fill(items)
        self.table.write([Update(meta_key(box), [Assign((n,), v) for n, v in attrs.items()])])
        self.turns = turns

    def sizes(self) -> dict[str, int]:
        """Of the items that every turn reads or writes."""
        box = self.box
        keys = [meta_key(box), box.item, summary_box(box).item, summary_key(box)]
        ref = f"TURN#{self.session}#r{self.turns:06d}"
        found = self.wire.table.get([*keys, box.job(ref)])
        return {
            name: item_size(item.key, item.attrs)
            for name, item in zip(ITEMS, found, strict=True)
            if item
        }


def _message(number: int) -> dict[str, Any]:
    asked = number % 2 == 0
    head = {"id": f"01900000-0000-7000-8000-{number:012d}", "at": AT + number}
    turn = {"turn": f"TURN#01900000-0000-7000-8000-000000000000#r{number // 2 + 1:06d}"}
    if asked:
        return {**head, **turn, "role": "user", "text": ASKED}
    return {**head, **turn, "role": "assistant", "text": SAID.strip(), "stop_reason": "end_turn"}


def weights(trips: Sequence[Weighed]) -> tuple[int, int]:
    return sum(trip.written for trip in trips), sum(trip.read for trip in trips)


def flat(one: float, other: float) -> bool:
    return abs(one - other) <= 0.1 * max(one, other)


def warm(wire: Wire, folder: Path, number: int) -> tuple[list[str], tuple[int, int]]:
    """Turn `number` of a conversation, in a process that has held the one before."""
    held = Held(wire, folder)
    if number == 1:
        # Another conversation has made it warm: this one has no turn before.
        first, held.session = held.session, held.scene.session("c1")
        held.turn()
        held.session, held.turns = first, 0
    else:
        held.reach(number - 2)
        held.turn()
        held.summarised()
    trips = held.turn()
    return [trip.name for trip in trips], weights(trips)


def test_a_warm_turn_costs_the_same_at_1_and_100_and_2000(wire: Wire, tmp_path: Path) -> None:
    costs = [warm(wire, tmp_path, number) for number in (1, 100, 2000)]
    names = [each[0] for each in costs]
    assert names[0] == ["get", "write", "update", "get", "write", "update"]
    assert names[1:] == [names[0], names[0]]
    for what in (0, 1):
        assert flat(costs[1][1][what], costs[2][1][what]), costs
    # The first turn writes what the others read: what the conversation is found by.
    assert flat(sum(costs[0][1]), sum(costs[2][1])), costs


def cold(
    wire: Wire, folder: Path, number: int
) -> tuple[list[Sequence[Weighed]], list[int], dict[str, int]]:
    """The turns from `number` on, each in a process of its own, from one summary to the next; what
    the next one cost; and how large everything is in the end."""
    held = Held(wire, folder)
    held.reach(number - 1)
    turns: list[Sequence[Weighed]] = []
    made: Sequence[Weighed] = ()
    while not made:
        held.begin()
        turns.append(held.turn())
        made = held.summarised()
        assert len(turns) < 50
    return turns, [len(made), *weights(made)], held.sizes()


def test_a_cold_turn_costs_the_same_at_100_and_2000(wire: Wire, tmp_path: Path) -> None:
    some, made_some, size = cold(wire, tmp_path, 100)
    many, made_many, sizes = cold(wire, tmp_path, 2000)
    names = [[trip.name for trip in trips] for trips in (*some, *many)]
    # The summary, and one page of the history.
    assert set(map(tuple, names)) == {
        ("get", "write", "update", "get", "get", "query", "write", "update")
    }
    assert len(some) == len(many) > 3
    for what in (0, 1):
        totals = [sum(weights(trips)[what] for trips in turns) for turns in (some, many)]
        assert flat(*totals), totals
    assert made_some[0] == made_many[0] == 7
    assert all(flat(one, other) for one, other in zip(made_some, made_many, strict=True))
    assert size.keys() == sizes.keys() == set(ITEMS)
    assert all(flat(size[name], sizes[name]) for name in ITEMS), (size, sizes)
