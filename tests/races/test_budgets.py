"""The budget of a tenant under many turns at once: real threads, several deployments, one table."""

import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from shared.clock import Clock, SystemClock
from shared.conversations.items import Session
from shared.conversations.usage_reports import Used
from shared.identity.credentials import LOCAL
from shared.messaging.wakes import Wake
from shared.models.port import Completed, ModelEvent, ModelRequest, Usage
from shared.runner.in_process import Agent
from shared.runner.request import Equipped
from shared.settings import Settings
from shared.storage.dynamodb import DynamoTable
from shared.storage.sqlite import SqliteTable
from shared.storage.table import Table
from shared.wiring import Deployment
from tests.runner.said import MadeTool, use
from tests.support.aws import client, fresh_table

TURNS, DEPLOYMENTS = 20, 4
COST = 1000
WITHIN = 47
"""Calls that the budget pays for."""

NOON = 1_800_014_400_000
CALLS = 6
"""What each turn would make of them."""


@dataclass
class Model:
    """Calls a tool again and again. The turns make their first calls together."""

    counted: Deployment
    lock: threading.Lock = field(default_factory=threading.Lock)
    together: threading.Barrier = field(default_factory=lambda: threading.Barrier(TURNS))
    calls: Counter[str] = field(default_factory=Counter[str])
    late: Counter[str] = field(default_factory=Counter[str])

    def stream(self, request: ModelRequest, *, seconds_left: float) -> "Said":
        turn = str(request.messages[0]["content"])
        if self.calls[turn] == 0:
            self.together.wait(60)
        reached = spent(self.counted).cost >= WITHIN * COST
        with self.lock:
            self.calls[turn] += 1
            self.late[turn] += reached
        return Said(last=self.calls[turn] == CALLS)


@dataclass
class Said:
    last: bool

    def __iter__(self) -> Iterator[ModelEvent]:
        content: Sequence[Mapping[str, Any]] = [{"type": "text", "text": "Done"}]
        if not self.last:
            content = [use("look_up")]
        usage = Usage(input_tokens=1, cost_nano_usd=COST)
        yield Completed(content, "end_turn" if self.last else "tool_use", usage)

    def close(self) -> None:
        """Nothing is open."""


class Noon(SystemClock):
    """Begins at noon, so that it is the same day for all of the test."""

    def __init__(self) -> None:
        self._ahead = NOON - super().now()

    def now(self) -> int:
        return super().now() + self._ahead


class Nobody:
    """No wake is needed: each mailbox has somebody who looks."""

    def send(self, wakes: Sequence[Wake]) -> None:
        """Nothing."""


def spent(deployment: Deployment) -> Used:
    [(_, used)] = deployment.usage.days(LOCAL.tenant)[-1:]
    return used


@pytest.fixture(params=["sqlite", "dynamodb"])
def engines(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[Table]]:
    """One table, opened by each deployment and by who looks on."""
    with ExitStack() as cleanup:
        if request.param == "sqlite":
            path = tmp_path / "parley.db"
            opened = [cleanup.enter_context(closing(SqliteTable(path))) for _ in range(5)]
            yield list(opened)
        else:
            endpoint = request.getfixturevalue("moto")
            name = fresh_table(endpoint)
            made = cleanup.enter_context(client("dynamodb", endpoint))
            yield [DynamoTable(made, name) for _ in range(5)]


def deployed(engine: Table, folder: Path, clock: Clock, **environ: str) -> Deployment:
    variables = {"WORKSPACE_BASE": str(folder), "SIGNING_SECRET": "a-secret-of-these-tests"}
    made = Deployment(Settings.load({**variables, **environ}, loopback=True), clock=clock)
    made.engine, made.wakes = engine, Nobody()
    return made


def test_each_turn_makes_one_call_at_most_when_the_budget_is_used_up(
    engines: list[Table], tmp_path: Path
) -> None:
    budget = {"TENANT_USD_PER_DAY": f"{WITHIN * COST / 1e9:.9f}"}
    clock = Noon()
    onlooker, *made = [deployed(engine, tmp_path, clock, **budget) for engine in engines]
    model = Model(onlooker)
    agent = Agent(instructions="Be kind.", model="claude-sonnet-5")
    for deployment in made:
        deployment.model = model
        handler: Any = deployment.turn_handler
        handler._agents = lambda *_: Equipped(agent=agent, tools=[MadeTool()])
    sessions = [asked(onlooker, number) for number in range(TURNS)]

    def work(number: int) -> None:
        made[number % len(made)].drain.run(sessions[number].box, seconds=120)

    with ThreadPoolExecutor(TURNS) as threads:
        list(threads.map(work, range(TURNS)))

    total = sum(model.calls.values())
    assert len(model.calls) == TURNS
    assert WITHIN <= total <= WITHIN + TURNS
    assert max(model.late.values()) <= 1
    used = spent(onlooker)
    assert (used.turns, used.cost, used.input_tokens) == (TURNS, total * COST, total)
    of_each = [onlooker.usage.conversation(session.box) for session in sessions]
    assert sum(of_each, Used()) == used


def asked(deployment: Deployment, number: int) -> Session:
    """A session that has asked for a turn."""
    agent = deployment.agents.get("assistant", LOCAL.tenant)
    session = deployment.sessions.open(LOCAL, agent)
    deployment.turns.add(LOCAL, session, request_id="r", message=f"question {number}")
    return session
