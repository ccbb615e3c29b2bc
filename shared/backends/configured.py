"""Agents from a control plane: checked, with their tools and skills, under their UUIDs.

What is made from a configuration is made again when that has another version, when a tool
resource that it names has changed, or a Python file of its tools.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.backends.agent_ids import AgentIds
from shared.backends.agents import Agent, AgentFault, EquippedAgent, parse_agent
from shared.backends.bounded import BoundedCache
from shared.backends.control_plane import (
    AgentConfig,
    ControlPlaneFault,
    Malformed,
    NotThere,
    Refused,
    for_caller,
)
from shared.backends.skills import SkillFault, Skills
from shared.backends.tool_resources import Definitions, filled, named, refused
from shared.errors import ConfigurationError
from shared.protocol.faults import Fault
from shared.tools.toolbox import Toolbox, ToolRefused

if TYPE_CHECKING:
    from shared.backends.last_good import AgentPlane, LastGood
    from shared.tools.factory import Toolmaker

MAX_CACHED = 512
"""Agents that are kept as they were made; of all tenants."""

log = logging.getLogger("parley")


class _Key(NamedTuple):
    tenant: str
    id: str


class _Read(NamedTuple):
    """An agent, and from what it was read. `resources` are the entries of its tools that name
    one."""

    config: AgentConfig
    resources: Mapping[int, str]
    tools: Definitions
    agent: Agent


class _Made(NamedTuple):
    """The tools of an agent, and which reading of its files they were made from."""

    read: _Read
    version: int
    toolbox: Toolbox


class _Usable(NamedTuple):
    """`equipped`: in a process that runs turns."""

    read: _Read
    equipped: EquippedAgent | None


class ConfiguredAgents:
    """The agents of `plane`; those that name no model have `default_model`.

    With a `toolmaker` and `skills`, an agent is given out only if its tools and skills can be
    had. Without them neither is looked at, and no agent is given out equipped: for a process
    that runs no turns and shall not load the authors' code.

    `check_all` is for agents that one author answers for: it is called before they are listed,
    and each must be valid. Otherwise one that is not is left out of the list, and logged. With
    `last_good`, the last valid configuration stands in for one that is not.

    A plane that does not answer raises ServiceUnavailable: BACKEND_UNAVAILABLE.
    """

    def __init__(
        self,
        plane: "AgentPlane",
        default_model: str,
        *,
        toolmaker: "Toolmaker | None" = None,
        skills: Skills | None = None,
        check_all: Callable[[], None] | None = None,
        last_good: "LastGood | None" = None,
    ) -> None:
        self._plane = plane
        self._default_model = default_model
        self._toolmaker = toolmaker
        self._skills = skills
        self._check_all = check_all
        self._last_good = last_good
        self._whole = toolmaker is not None or skills is not None
        self._read = BoundedCache[_Key, _Read](MAX_CACHED)
        self._made = BoundedCache[_Key, _Made](MAX_CACHED)
        self._ids = AgentIds(plane, last_good)
        self._said = BoundedCache[_Key, str](MAX_CACHED)

    def get(self, agent_id: str, tenant: str) -> Agent:
        return self._found(agent_id, tenant).read.agent

    def list(self, tenant: str) -> list[Agent]:
        return [*self.after("", tenant)]

    def after(self, agent_id: str, tenant: str) -> Iterator[Agent]:
        if self._check_all is not None:
            self._check_all()
        with _for_callers():
            yield from self._valid(agent_id, tenant)

    def equipped(self, agent_id: str, tenant: str) -> EquippedAgent:
        found = self._found(agent_id, tenant)
        return found.equipped or self._equipped(found.read, tenant)

    def _found(self, agent_id: str, tenant: str) -> _Usable:
        with _for_callers():
            return self._usable(self._ids.config(agent_id, tenant), tenant)

    def _valid(self, after: str, tenant: str) -> Iterator[Agent]:
        for agent_id in sorted(each for each in self._ids.all(tenant) if each > after):
            try:
                found = self._usable(self._plane.agent(agent_id, tenant=tenant), tenant)
            except NotThere:
                # It is gone since.
                continue
            except (ConfigurationError, Malformed, Refused) as wrong:
                if self._check_all is not None:
                    raise
                self._say(tenant, agent_id, "it is left out of the list", wrong)
            else:
                yield found.read.agent

    def _usable(self, config: AgentConfig, tenant: str) -> _Usable:
        wrong: ConfigurationError | ControlPlaneFault
        try:
            usable = self._checked(config, self._resources(config, tenant), tenant)
        except (ConfigurationError, ControlPlaneFault) as fault:
            wrong = fault
        else:
            if self._last_good is not None:
                tools = usable.read.tools
                self._last_good.proven(config, tools, tenant=tenant, whole=self._whole)
            return usable
        stand_in = self._stand_in(config, tenant)
        if stand_in is None:
            raise wrong
        self._say(tenant, config.id, "the last valid configuration is used", wrong)
        return stand_in

    def _stand_in(self, config: AgentConfig, tenant: str) -> _Usable | None:
        if self._last_good is None:
            return None
        valid = self._last_good.last_valid(config.id, tenant=tenant, whole=self._whole)
        if valid is None:
            return None
        try:
            return self._checked(valid.config, valid.tools, tenant)
        except ConfigurationError:
            return None

    def _resources(self, config: AgentConfig, tenant: str) -> Definitions:
        """The tool resources that it names, but for those that are not there."""
        found: dict[str, Mapping[str, Any]] = {}
        for name in _named(config).values():
            if name not in found:
                with suppress(NotThere):
                    found[name] = self._plane.tool(name, tenant=tenant)
        return found

    def _checked(self, config: AgentConfig, tools: Definitions, tenant: str) -> _Usable:
        read = self._reading(config, tools, tenant)
        return _Usable(read, self._equipped(read, tenant) if self._whole else None)

    def _reading(self, config: AgentConfig, tools: Definitions, tenant: str) -> _Read:
        key = _Key(tenant, config.id)
        read = self._read.get(key)
        if read and read.config.version == config.version and read.tools == tools:
            return read
        resources = _named(config)
        try:
            values = filled(config.values, resources, tools)
            agent = parse_agent(config.id, values, default_model=self._default_model)
        except AgentFault as wrong:
            raise refused(config, wrong.fault, resources) from None
        read = _Read(config, resources, tools, agent)
        self._read.put(key, read)
        return read

    def _equipped(self, read: _Read, tenant: str) -> EquippedAgent:
        agent = read.agent
        return EquippedAgent(
            agent=agent,
            toolbox=self._toolbox(read, tenant),
            skills={name: self._skill(read, n, name) for n, name in enumerate(agent.skills)},
        )

    def _toolbox(self, read: _Read, tenant: str) -> Toolbox:
        agent = read.agent
        if not agent.tools:
            return Toolbox()
        if self._toolmaker is None:
            raise ConfigurationError("The tools of agents cannot be loaded in this process.")
        key, version = _Key(tenant, agent.id), self._toolmaker.version()
        made = self._made.get(key)
        if made and made.read is read and made.version == version:
            return made.toolbox
        try:
            toolbox = self._toolmaker.toolbox(agent.tools)
        except ToolRefused as wrong:
            raise refused(read.config, wrong.fault, read.resources) from wrong
        self._made.put(key, _Made(read, version, toolbox))
        return toolbox

    def _skill(self, read: _Read, index: int, name: str) -> str:
        if self._skills is None:
            raise ConfigurationError("The skills of agents cannot be read in this process.")
        try:
            return self._skills.text(name)
        except SkillFault as wrong:
            fault = Fault(("skills", index), str(wrong))
            raise refused(read.config, fault, read.resources) from wrong

    def _say(self, tenant: str, agent_id: str, what: str, wrong: Exception) -> None:
        """Into the log, once for each reason."""
        key, reason = _Key(tenant, agent_id), str(wrong)
        if self._said.get(key) != reason:
            self._said.put(key, reason)
            extra = {"agent": agent_id, "tenant": tenant, "reason": reason}
            log.error("the agent's configuration is not usable; %s", what, extra=extra)


@contextmanager
def _for_callers() -> Iterator[None]:
    try:
        yield
    except ControlPlaneFault as fault:
        raise for_caller(fault) from fault


def _named(config: AgentConfig) -> Mapping[int, str]:
    try:
        return named(config.values)
    except AgentFault as wrong:
        raise refused(config, wrong.fault, {}) from None
