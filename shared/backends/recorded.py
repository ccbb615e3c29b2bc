"""Agents as a turn that waits recorded them, perhaps days and deployments ago.

What is recorded is plain JSON: `{"agent": its id, "config": Agent.counted(), "config_hash": …,
"skill": the text of the turn's skill, or null}`.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Any, NamedTuple

import pydantic

from shared.backends.agents import Agent
from shared.backends.gates import gates
from shared.errors import ConfigurationError
from shared.knowledge.port import Knowledge
from shared.protocol.faults import faults
from shared.runner.limits import NO_LIMITS
from shared.runner.request import Equipped
from shared.tools.factory import Toolmaker
from shared.tools.port import Tool
from shared.tools.toolbox import Toolbox

MAX_CACHED = 16
"""Toolboxes that are kept."""


class _Key(NamedTuple):
    config_hash: str
    version: int


class Own(NamedTuple):
    """What Parley itself gives an agent: built-in tools that run, and what it can look up."""

    tools: Sequence[Tool] = ()
    knowledge: Knowledge | None = None


Giving = Callable[[Agent], Own]
"""Gives it to any agent. Raises ConfigurationError: that cannot be had."""


def equipped(agent: Agent, toolbox: Toolbox, skill: str | None, own: Own) -> Equipped:
    """What a turn needs of an agent, with what it records of it."""
    recorded = {
        "agent": agent.id,
        "config": agent.counted(),
        "config_hash": agent.config_hash,
        "skill": skill,
    }
    return _equipped(agent, toolbox, skill, own, recorded)


class RecordedAgents:
    """Makes again what `equipped` recorded. Several threads may use it at once."""

    def __init__(self, toolmaker: Toolmaker, own: Giving) -> None:
        self._toolmaker = toolmaker
        self._own = own
        self._lock = Lock()
        self._made: OrderedDict[_Key, Toolbox] = OrderedDict()

    def equipped(self, recorded: Mapping[str, Any]) -> Equipped:
        """The agent of that moment with its gates, and those of its tools that can still be made.

        Raises:
            ConfigurationError: it cannot be read.
        """
        agent, skill = _read(recorded)
        return _equipped(agent, self._toolbox(agent), skill, self._own(agent), recorded)

    def _toolbox(self, agent: Agent) -> Toolbox:
        key = _Key(agent.config_hash, self._toolmaker.version())
        with self._lock:
            if key in self._made:
                self._made.move_to_end(key)
                return self._made[key]
        toolbox = self._toolmaker.remaining(agent.tools)
        called = {tool.called for tool in agent.tools if tool.builtin is None}
        if called <= {tool.name for tool in toolbox}:
            # One that lacks a tool is made again each time: the tool may have come back.
            with self._lock:
                self._made[key] = toolbox
                while len(self._made) > MAX_CACHED:
                    self._made.popitem(last=False)
        return toolbox


def _equipped(
    agent: Agent, toolbox: Toolbox, skill: str | None, own: Own, recorded: Mapping[str, Any]
) -> Equipped:
    return Equipped(
        agent=agent,
        tools=(*toolbox, *own.tools),
        skill=skill,
        gates=gates(agent),
        builtins=frozenset(tool.builtin for tool in agent.tools if tool.builtin is not None),
        knowledge=own.knowledge,
        top_k=agent.knowledge.top_k if agent.knowledge else 0,
        workflow=agent.workflow,
        limits=agent.limits.of_turns if agent.limits else NO_LIMITS,
        recorded=recorded,
    )


def _read(recorded: Mapping[str, Any]) -> tuple[Agent, str | None]:
    skill = recorded.get("skill")
    if not (skill is None or isinstance(skill, str)):
        raise _unreadable(recorded, "Its skill is no text.")
    try:
        return Agent.model_validate(recorded.get("config")), skill
    except pydantic.ValidationError as error:
        found = faults(error)
    raise _unreadable(recorded, str(found[0]))


def _unreadable(recorded: Mapping[str, Any], why: str) -> ConfigurationError:
    return ConfigurationError(
        f'A turn began with a configuration of the agent "{recorded.get("agent")}" that this '
        f"release cannot read. {why} Deploy the release that the turn began with, or stop the turn."
    )
