"""The model and the tools of a run.

What a turn does follows from its request id, so that whoever goes on with it is given the same
steps; what is said differs from one time to the next. A request that the Messages API would refuse
breaks a promise.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.models.port import (
    Completed,
    ModelError,
    ModelEvent,
    ModelRequest,
    StreamClosed,
    TextDelta,
    Usage,
)
from shared.runner.gates import Approval, Gate
from shared.runner.in_process import Agent
from shared.runner.request import Equipped
from shared.tools.port import ToolContext
from tests.faults.seeded.chaos import Chaos
from tests.faults.seeded.diary import Diary, Run
from tests.simulation.hub import Killed, SimEvent, SimTask

FORM = "request_choices"
GATED = frozenset({"refund", "check"})
TURN = re.compile(r"\bq\d+\b")
USAGE = Usage(input_tokens=10, output_tokens=5, cost_nano_usd=1000)


@dataclass
class Plan:
    """What a turn does: before each of its replies but the last it makes these calls. Somebody
    must approve of `refund` and `check`; `request_choices` is filled in by the user."""

    calls: list[list[str]] = field(default_factory=list[list[str]])
    tokens: int = 20
    pace: float = 0.05
    seconds: float = 1.0
    poison: bool = False


FREELY = ["look", "pay"]
WAITING = ["refund", "refund", "check", FORM]


def some_plan(rng: random.Random) -> Plan:
    steps = rng.choice([0, 0, 1, 1, 2, 3])
    calls = [rng.choices(FREELY, k=rng.choice([1, 1, 2])) for _ in range(steps)]
    if calls and rng.random() < 0.7:
        step = rng.choice(calls)
        step += rng.choices([*WAITING, *FREELY], k=rng.choice([0, 1]))
        step.insert(rng.randint(0, len(step)), rng.choice(WAITING))
    return Plan(
        calls,
        tokens=rng.choice([1, 10, 40, 120]),
        pace=rng.choice([0.0, 0.02, 0.1, 0.3]),
        seconds=rng.choice([0.0, 0.3, 3.0, 12.0]),
        poison=rng.random() < 0.05,
    )


class Model:
    """The model port."""

    def __init__(self, chaos: Chaos, diary: Diary) -> None:
        self.plans: dict[str, Plan] = {}
        self.requests: list[ModelRequest] = []
        self.chaos = chaos
        self._diary = diary
        self._asked: dict[str, int] = {}

    def stream(self, request: ModelRequest, *, seconds_left: float) -> Saying:
        fault = invalid(request)
        if fault:
            self._diary.broken.append(f"the model was asked what is not valid: {fault}")
        self.requests.append(request)
        turn, step = _asked(request.messages)
        again = self._asked[turn] = self._asked.get(turn, 0) + 1
        self._diary.model_calls.append((self.chaos.hub.time, turn))
        plan = self.plans[turn]
        if plan.poison:
            self.chaos.kill(SimTask.current().process)
            raise Killed
        return Saying(self.chaos, plan, f"{turn}.{step}.{again}", step, seconds_left)


class Saying:
    """One reply: half of the replies begin alike, all of them go on differently."""

    def __init__(self, chaos: Chaos, plan: Plan, name: str, step: int, seconds_left: float) -> None:
        self._chaos = chaos
        self._plan = plan
        self._name = name
        self._calls = plan.calls[step] if step < len(plan.calls) else []
        self._until = chaos.hub.time + seconds_left
        self._over = SimEvent(chaos.hub)
        self._closed = False

    def __iter__(self) -> Iterator[ModelEvent]:
        chaos, plan, rng = self._chaos, self._plan, self._chaos.rng
        if chaos.hits(chaos.rates.model_fails):
            raise ModelError("It cannot answer.", retryable=rng.random() < 0.5)
        breaks = rng.randrange(plan.tokens) if chaos.hits(chaos.rates.model_breaks) else None
        stalls = rng.randrange(plan.tokens) if chaos.hits(chaos.rates.model_stalls) else None
        said = []
        for number in range(plan.tokens):
            self._wait(plan.pace + (rng.choice([5.0, 40.0, 100.0]) if number == stalls else 0.0))
            chaos.point()
            if number == breaks:
                raise ModelError("It broke off.", retryable=True, usage=USAGE)
            token = "It is 🦉 " if number == 0 and rng.random() < 0.5 else f"{self._name}:{number} "
            said.append(token)
            yield TextDelta(token)
        blocks: list[Mapping[str, Any]] = [{"type": "text", "text": "".join(said)}]
        blocks += [
            {
                "type": "tool_use",
                "id": f"toolu_{self._name}_{n}",
                "name": name,
                "input": asked(name, self._name),
            }
            for n, name in enumerate(self._calls)
        ]
        yield Completed(blocks, "tool_use" if self._calls else "end_turn", USAGE)

    def _wait(self, seconds: float) -> None:
        left = self._until - self._chaos.hub.time
        if self._closed or self._over.wait(min(seconds, max(0.0, left))):
            raise StreamClosed(USAGE)
        if seconds >= left:
            raise ModelError("There was no time left.", retryable=True)

    def close(self) -> None:
        self._closed = True
        self._over.set()


@dataclass
class SeenTool:
    """A tool whose calls are written down. It may die before, with and after its effect."""

    name: str
    repeatable: bool
    model: Model
    diary: Diary
    description: str = "Does something."
    parameters: Mapping[str, Any] = field(
        default_factory=lambda: {"type": "object", "properties": {"of": {"type": "string"}}}
    )
    parallel: bool = True
    timeout: float = 30.0

    def run(self, arguments: Mapping[str, Any], context: ToolContext) -> str:
        chaos = self.model.chaos
        turn = _turn_of(context)
        task, start = SimTask.current(), (chaos.hub.time, turn)
        self.diary.tool_starts.append(start)
        lease = self.diary.lease(turn, task.process, task.spawned_at)
        if lease not in (None, self.diary.lease(turn, task.process, chaos.hub.time)):
            self.diary.late_starts.add(start)
        if self.name in GATED:
            run = Run(chaos.hub.time, turn, context.call, dict(arguments))
            self.diary.approved_runs.append(run)
        seconds = self.model.plans[turn].seconds
        chaos.point()
        chaos.hub.sleep(seconds / 2)
        if not self.repeatable:
            key = context.idempotency_key
            self.diary.effects[key] = self.diary.effects.get(key, 0) + 1
        chaos.point()
        chaos.hub.sleep(seconds / 2)
        return "done"


def equipped(model: Model, diary: Diary) -> Equipped:
    look = SeenTool("look", repeatable=True, model=model, diary=diary)
    pay = SeenTool("pay", repeatable=False, model=model, diary=diary, parallel=False)
    refund = SeenTool("refund", repeatable=False, model=model, diary=diary)
    check = SeenTool("check", repeatable=True, model=model, diary=diary)
    return Equipped(
        agent=Agent(instructions="Be kind.", model="m"),
        tools=[look, pay, refund, check],
        gates=dict.fromkeys(GATED, Gate(approval=Approval())),
        builtins=frozenset({FORM}),
        recorded={"agent": "the one of the run"},
    )


def asked(tool: str, name: str) -> dict[str, Any]:
    """What a call is made with: something else each time that it is asked for."""
    if tool != FORM:
        return {"of": name}
    options = [{"label": "One"}, {"label": "Two"}]
    return {"questions": [{"question": name, "header": "Which", "options": options}]}


def _turn_of(context: ToolContext) -> str:
    from shared.ids import unpack

    _, ref = unpack("turn", context.turn, 2)
    return ref.rpartition("#")[2]


def _asked(messages: Sequence[Mapping[str, Any]]) -> tuple[str, int]:
    """Which turn it is, and how many replies it has given."""
    for at in range(len(messages) - 1, -1, -1):
        if messages[at]["role"] == "user":
            found = TURN.findall(_text(messages[at]["content"]))
            if found:
                replies = [each for each in messages[at:] if each["role"] == "assistant"]
                return str(found[-1]), len(replies)
    raise AssertionError("no question in what the model was asked")


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return " ".join(block["text"] for block in content if block["type"] == "text")


def invalid(request: ModelRequest) -> str:
    """Why the Messages API would refuse these messages; empty if it would not."""
    calls: list[str] = []
    for at, message in enumerate(request.messages):
        if message["role"] != ("user", "assistant")[at % 2]:
            return "roles do not alternate"
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        if not blocks or any(not b["text"].strip() for b in blocks if b["type"] == "text"):
            return "an empty message"
        results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        if sorted(results) != sorted(calls):
            return f"calls {calls} have results {results}"
        if results and any(b["type"] != "tool_result" for b in blocks[: len(results)]):
            return "results do not come first"
        calls = [block["id"] for block in blocks if block["type"] == "tool_use"]
    if not request.messages or request.messages[-1]["role"] != "user":
        return "the last word is not a user's"
    return ""
