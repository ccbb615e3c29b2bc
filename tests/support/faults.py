"""Faults between `ResilientTable` and its engine: conflicts, throttles, lost requests and
answers, and anything else that a hook does, such as killing the caller.
"""

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from shared.storage.table import (
    Conflict,
    Index,
    Item,
    Key,
    Operation,
    Page,
    Table,
    Throttled,
    Unavailable,
    Update,
)

Answer = TypeVar("Answer")


class Fault(Enum):
    """What goes wrong with one call."""

    CONFLICT = "conflict"
    THROTTLE = "throttle"
    LOST_REQUEST = "lost request"
    LOST_ANSWER = "lost answer"


@dataclass(frozen=True)
class Hooks:
    """Run around one call; what a hook raises reaches the caller, who then sees no answer."""

    before: Callable[[], None] | None = None
    after: Callable[[], None] | None = None


@dataclass(frozen=True)
class Call:
    """One call of the engine: the name of its method, its number from 0, what it writes."""

    method: str
    number: int
    operations: Sequence[Operation] = ()


Plan = Callable[[Call], Fault | Hooks | None]
"""Says before each call what goes wrong with it; None means nothing."""

_NO_EFFECT = {
    Fault.CONFLICT: Conflict,
    Fault.THROTTLE: Throttled,
    Fault.LOST_REQUEST: Unavailable,
}


class FaultyTable:
    """An engine with faults. Belongs beneath `ResilientTable`, which must cope with them."""

    def __init__(self, engine: Table, plan: Plan) -> None:
        self._engine = engine
        self._plan = plan
        self._number = 0
        self._guard = threading.Lock()

    def get(self, keys: Sequence[Key], *, consistent: bool = True) -> list[Item | None]:
        return self._call("get", lambda: self._engine.get(keys, consistent=consistent))

    def query(
        self,
        pk: str,
        *,
        prefix: str = "",
        descending: bool = False,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page:
        return self._call(
            "query",
            lambda: self._engine.query(
                pk, prefix=prefix, descending=descending, limit=limit, cursor=cursor
            ),
        )

    def write(self, operations: Sequence[Operation]) -> None:
        self._call("write", lambda: self._engine.write(operations), operations)

    def update(self, operation: Update) -> Item:
        return self._call("update", lambda: self._engine.update(operation), [operation])

    def query_index(
        self,
        index: Index,
        value: str | int,
        *,
        up_to: int | None = None,
        descending: bool = False,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page:
        return self._call(
            "query_index",
            lambda: self._engine.query_index(
                index, value, up_to=up_to, descending=descending, limit=limit, cursor=cursor
            ),
        )

    def scan(self, *, limit: int | None = None, cursor: str | None = None) -> Page:
        return self._call("scan", lambda: self._engine.scan(limit=limit, cursor=cursor))

    def _call(
        self, method: str, work: Callable[[], Answer], operations: Sequence[Operation] = ()
    ) -> Answer:
        with self._guard:
            call = Call(method, self._number, operations)
            self._number += 1
        chosen = self._plan(call)
        if isinstance(chosen, Fault) and chosen in _NO_EFFECT:
            raise _NO_EFFECT[chosen](f"injected: {chosen.value}")
        hooks = chosen if isinstance(chosen, Hooks) else Hooks()
        if hooks.before:
            hooks.before()
        answer = work()
        if hooks.after:
            hooks.after()
        if chosen is Fault.LOST_ANSWER:
            raise Unavailable("injected: lost answer")
        return answer


def seeded(
    seed: int,
    *,
    conflict: float = 0.0,
    throttle: float = 0.0,
    lost_request: float = 0.0,
    lost_answer: float = 0.0,
    in_a_row: int = 3,
) -> Plan:
    """Random faults with these probabilities, the same for the same seed and order of calls.

    No thread meets more than `in_a_row` faults one after the other, so retries win in the end.
    """
    dice = random.Random(seed)
    guard = threading.Lock()
    row: dict[int, int] = {}
    weights = {
        Fault.CONFLICT: conflict,
        Fault.THROTTLE: throttle,
        Fault.LOST_REQUEST: lost_request,
        Fault.LOST_ANSWER: lost_answer,
    }

    def plan(_call: Call) -> Fault | None:
        me = threading.get_ident()
        with guard:
            thrown = dice.choices([None, *weights], [1 - sum(weights.values()), *weights.values()])
            fault = thrown[0] if row.get(me, 0) < in_a_row else None
            row[me] = row.get(me, 0) + 1 if fault else 0
        return fault

    return plan
