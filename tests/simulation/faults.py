"""What goes wrong: faults of the store beneath the retrying wrapper, and of the wakes."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from shared.messaging.wakes import Wake
from shared.storage.sqlite import SqliteTable
from shared.storage.table import (
    DUE,
    Conflict,
    Index,
    Item,
    Key,
    Operation,
    Page,
    Throttled,
    Unavailable,
    Update,
)
from tests.simulation.hub import Hub, Killed, Process

Answer = TypeVar("Answer")


@dataclass
class Rates:
    """Probabilities per store call, per push and per wake. `on` switches them all."""

    on: bool = True
    kill: float = 0.01
    conflict: float = 0.03
    throttle: float = 0.02
    lost: float = 0.02
    freeze: float = 0.004
    wake_lost: float = 0.1
    wake_doubled: float = 0.1
    wake_late: float = 0.1


class Chaos:
    """The dice of one run, and when they are thrown."""

    def __init__(self, hub: Hub, rng: random.Random, rates: Rates) -> None:
        self.hub = hub
        self.rng = rng
        self.rates = rates

    def hits(self, rate: float) -> bool:
        return self.rates.on and self.rng.random() < rate

    def point(self, process: Process) -> None:
        """A place between two effects: the process may die or freeze here."""
        if self.hits(self.rates.kill):
            process.kill()
            raise Killed
        if self.hits(self.rates.freeze):
            process.freeze(self.rng.choice([3, 12, 40, 90]))
            self.hub.sleep(0)


class LaggingIndex:
    """The due index as it was a little while ago."""

    def __init__(self, engine: SqliteTable, hub: Hub) -> None:
        self._engine = engine
        self._hub = hub
        self._history: dict[Key, list[tuple[float, dict[str, Any]]]] = {}

    def note(self, key: Key) -> None:
        item = self._engine.get([key])[0]
        attrs = dict(item.attrs) if item else {}
        self._history.setdefault(key, []).append((self._hub.time, attrs))

    def query(self, shard: str | int, up_to: int | None, lag: float) -> list[Item]:
        found = []
        for key, states in self._history.items():
            then = [attrs for time, attrs in states if time <= self._hub.time - lag]
            due = then[-1].get("due") if then else None
            if due is None or then[-1].get("due_shard") != shard:
                continue
            if up_to is None or due <= up_to:
                found.append(Item(key, {"due": due, "until": then[-1].get("until")}))
        return sorted(found, key=lambda item: item.attrs["due"])


class ChaoticEngine:
    """A Table engine as one process sees it."""

    def __init__(
        self, engine: SqliteTable, index: LaggingIndex, process: Process, chaos: Chaos
    ) -> None:
        self._engine = engine
        self._index = index
        self._process = process
        self._chaos = chaos

    def _call(self, effect: Callable[[], Answer], *, write: bool) -> Answer:
        chaos, rates = self._chaos, self._chaos.rates
        chaos.hub.sleep(chaos.rng.uniform(0.001, 0.02))
        chaos.point(self._process)
        if write and chaos.hits(rates.conflict):
            raise Conflict
        if chaos.hits(rates.throttle):
            raise Throttled
        if chaos.hits(rates.lost):
            raise Unavailable
        answer = effect()
        chaos.hub.sleep(chaos.rng.uniform(0.0, 0.005))
        chaos.point(self._process)
        if chaos.hits(rates.lost):
            raise Unavailable
        return answer

    def get(self, keys: Sequence[Key], *, consistent: bool = True) -> list[Item | None]:
        return self._call(lambda: self._engine.get(keys, consistent=consistent), write=False)

    def query(self, pk: str, **options: Any) -> Page:
        return self._call(lambda: self._engine.query(pk, **options), write=False)

    def write(self, operations: Sequence[Operation]) -> None:
        def effect() -> None:
            self._engine.write(operations)
            self._noted([operation.key for operation in operations])

        self._call(effect, write=True)

    def update(self, operation: Update) -> Item:
        def effect() -> Item:
            item = self._engine.update(operation)
            self._noted([operation.key])
            return item

        return self._call(effect, write=True)

    def _noted(self, keys: Sequence[Key]) -> None:
        for key in keys:
            if key.pk.startswith("BOX#"):
                self._index.note(key)

    def query_index(
        self, index: Index, value: str | int, *, up_to: int | None = None, **options: Any
    ) -> Page:
        assert index is DUE
        lag = self._chaos.rng.uniform(0, 3) if self._chaos.rates.on else 0
        return self._call(lambda: Page(self._index.query(value, up_to, lag), None), write=False)

    def scan(self, *, limit: int | None = None, cursor: str | None = None) -> Page:
        raise AssertionError("no mailbox is found by a scan")


class ChaoticWakes:
    """The queue: loses, doubles and delays."""

    def __init__(self, chaos: Chaos, deliver: Callable[[Wake, float], None]) -> None:
        self._chaos = chaos
        self._deliver = deliver

    def send(self, wakes: Sequence[Wake]) -> None:
        rng, rates = self._chaos.rng, self._chaos.rates
        for wake in wakes:
            copies = 0 if self._chaos.hits(rates.wake_lost) else 1
            copies += self._chaos.hits(rates.wake_doubled)
            for _ in range(copies):
                late = rng.uniform(1, 45) if self._chaos.hits(rates.wake_late) else 0
                self._deliver(wake, wake.delay + late + rng.uniform(0.005, 0.1))
