"""What agents work with: their tools, and the texts of their skills."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from shared.backends.agents import Agent, EquippedAgent
from shared.backends.bounded import BoundedCache
from shared.backends.control_plane import AgentConfig
from shared.backends.skills import SkillFault, Skills
from shared.backends.tool_resources import Definitions, refused
from shared.errors import ConfigurationError
from shared.protocol.faults import Fault
from shared.tools.toolbox import Toolbox, ToolRefused

if TYPE_CHECKING:
    from shared.tools.factory import Toolmaker

MAX_CACHED = 512
"""Agents that are kept as they were made; of all tenants."""


class Read(NamedTuple):
    """An agent, and from what it was read. `resources` are the entries of its tools that name
    one."""

    config: AgentConfig
    resources: Mapping[int, str]
    tools: Definitions
    agent: Agent


class _Made(NamedTuple):
    """The tools of an agent, and which reading of its files they were made from."""

    read: Read
    version: int
    toolbox: Toolbox


class Equipping:
    """Makes tools with `toolmaker` and reads `skills`; again when an agent was read again, or a
    Python file of its tools."""

    def __init__(self, toolmaker: "Toolmaker | None", skills: Skills | None) -> None:
        self._toolmaker = toolmaker
        self._skills = skills
        self._made = BoundedCache[tuple[str, str], _Made](MAX_CACHED)

    def equipped(self, read: Read, tenant: str) -> EquippedAgent:
        """The agent with all of it.

        Raises:
            ConfigurationError: a tool or a skill cannot be had, or none can in this process.
        """
        agent = read.agent
        return EquippedAgent(
            agent=agent,
            toolbox=self._toolbox(read, tenant),
            skills={name: self._skill(read, n, name) for n, name in enumerate(agent.skills)},
        )

    def _toolbox(self, read: Read, tenant: str) -> Toolbox:
        agent = read.agent
        if not agent.tools:
            return Toolbox()
        if self._toolmaker is None:
            raise ConfigurationError("The tools of agents cannot be loaded in this process.")
        key, version = (tenant, agent.id), self._toolmaker.version()
        made = self._made.get(key)
        if made and made.read is read and made.version == version:
            return made.toolbox
        try:
            toolbox = self._toolmaker.toolbox(agent.tools)
        except ToolRefused as wrong:
            raise refused(read.config, wrong.fault, read.resources) from wrong
        self._made.put(key, _Made(read, version, toolbox))
        return toolbox

    def _skill(self, read: Read, index: int, name: str) -> str:
        if self._skills is None:
            raise ConfigurationError("The skills of agents cannot be read in this process.")
        try:
            return self._skills.text(name)
        except SkillFault as wrong:
            fault = Fault(("skills", index), str(wrong))
            raise refused(read.config, fault, read.resources) from wrong
