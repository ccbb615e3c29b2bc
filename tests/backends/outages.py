"""A backend in memory that a test breaks, and agents on top of it as the wiring makes them."""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from shared.backends.configured import ConfiguredAgents
from shared.backends.control_plane import (
    AgentConfig,
    AgentPage,
    ControlPlaneFault,
    Malformed,
    NotThere,
    Refused,
    Unavailable,
)
from shared.backends.kept_configs import KeptConfigs
from shared.backends.last_good import LastGood
from shared.backends.skills import Skills
from shared.backends.sources import BackendSource
from shared.clock import Clock
from shared.storage.table import Table
from shared.tools.factory import Toolmaker
from shared.tools.python_modules import PythonModules
from tests.support.local_agents import unwanted

TENANT = "acme"
CACHE = 15.0
SHOP: Mapping[str, Any] = {"name": "Shop", "instructions": "Sell."}
FIND = {"python": "orders:find"}
OUT = [Unavailable("is-down"), Malformed("is-odd"), Refused("said-no")]

Start = Callable[[], "Process"]


class Backend:
    """Agents and tools of one product. `fault` is raised while it is set; `asked` counts by what
    was asked for. Before it is raised `waiting` happens. While `gates` has an event for an agent,
    its answer waits for that."""

    def __init__(self) -> None:
        self.configs: dict[str, Mapping[str, Any]] = {}
        self.tools: dict[str, Mapping[str, Any]] = {}
        self.fault: ControlPlaneFault | None = None
        self.tool_fault: ControlPlaneFault | None = None
        self.asked: Counter[str] = Counter()
        self.gates: dict[str, threading.Event] = {}
        self.arrived = threading.Event()
        self.waiting: Callable[[], None] = lambda: None

    def agent(self, agent_id: str, *, tenant: str) -> AgentConfig:
        values = self._found(agent_id, self.configs)
        return AgentConfig(
            id=agent_id, version=str(values), values=values, source=BackendSource(agent_id)
        )

    def agents(self, *, tenant: str, limit: int, cursor: str | None = None) -> AgentPage:
        self.asked["all"] += 1
        self._fail()
        ids = sorted(self.configs)
        start = int(cursor or 0)
        more = start + limit < len(ids)
        return AgentPage(
            ids=ids[start : start + limit], cursor=str(start + limit) if more else None
        )

    def tool(self, tool_id: str, *, tenant: str) -> Mapping[str, Any]:
        if self.tool_fault:
            self.asked[tool_id] += 1
            raise self.tool_fault
        return self._found(tool_id, self.tools)

    def _found(self, name: str, kept: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
        self.asked[name] += 1
        if gate := self.gates.get(name):
            self.arrived.set()
            assert gate.wait(30), "the test left somebody waiting"
        self._fail()
        if name not in kept:
            raise NotThere("there is no such thing")
        return kept[name]

    def _fail(self) -> None:
        if self.fault:
            self.waiting()
            raise self.fault


class Process:
    """One process that gives out the agents: with a memory of its own, and the Table of all."""

    def __init__(self, backend: Backend, clock: Clock, table: Table | None, folder: Path) -> None:
        kept = KeptConfigs(table, clock) if table is not None else None
        self.last_good = LastGood(backend, clock, cache=CACHE, kept=kept)
        self.agents = self._agents(
            toolmaker=Toolmaker(PythonModules(folder), http=unwanted, lambda_=unwanted),
            skills=Skills(folder),
        )
        self.toolless = self._agents()

    def _agents(self, **parts: Any) -> ConfiguredAgents:
        return ConfiguredAgents(self.last_good, "the-default", last_good=self.last_good, **parts)

    def name(self, agent_id: str = "shop") -> str:
        return self.agents.get(agent_id, TENANT).name


def spoken(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    """What the log says since the last look."""
    found = [
        (record.levelno, record.getMessage())
        for record in caplog.records
        if record.name == "parley" and record.levelno >= logging.INFO
    ]
    caplog.clear()
    return found
