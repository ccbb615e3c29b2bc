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
    NotThere,
    for_caller,
)
from shared.backends.equipping import MAX_CACHED, Equipping, Read
from shared.backends.pricing import Pricing
from shared.backends.skills import Skills
from shared.backends.tool_resources import Definitions, filled, named, refused
from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from shared.backends.last_good import AgentPlane, LastGood
    from shared.tools.factory import Toolmaker

log = logging.getLogger("parley")


class _Key(NamedTuple):
    tenant: str
    id: str


class _Usable(NamedTuple):
    """`equipped`: in a process that runs turns."""

    read: Read
    equipped: EquippedAgent | None


class ConfiguredAgents:
    """The agents of `plane`; those that name no model have `default_model`.

    With a `toolmaker` and `skills`, an agent is given out only if its tools and skills can be
    had. Without them neither is looked at, and no agent is given out equipped: for a process
    that runs no turns and shall not load the authors' code.

    `check_all` is for agents that one author answers for: it is called before they are listed,
    and each must be valid. Otherwise one that is not, or cannot be had, is left out of the list,
    and logged. With `last_good`, the last valid configuration stands in for one that is not.

    With `pricing`, agents whose spending is bounded must have models with prices.

    The log has, once, what is wrong with an agent, but for a `quiet` one, whose user says it.

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
        pricing: Pricing | None = None,
        quiet: bool = False,
    ) -> None:
        self._plane = plane
        self._default_model = default_model
        self._equipping = Equipping(toolmaker, skills)
        self._check_all = check_all
        self._last_good = last_good
        self._pricing = pricing
        self._quiet = quiet
        self._whole = toolmaker is not None or skills is not None
        self._read = BoundedCache[_Key, Read](MAX_CACHED)
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
        return found.equipped or self._equipping.equipped(found.read, tenant)

    def _found(self, agent_id: str, tenant: str) -> _Usable:
        name = agent_id
        try:
            with _for_callers():
                config = self._ids.config(agent_id, tenant)
                name = config.id
                return self._usable(config, tenant)
        except ConfigurationError as wrong:
            self._say(tenant, name, "it takes no turns", wrong)
            raise

    def _valid(self, after: str, tenant: str) -> Iterator[Agent]:
        for agent_id in sorted(each for each in self._ids.all(tenant) if each > after):
            if self._out_of_reach(agent_id, tenant):
                continue
            try:
                found = self._usable(self._plane.agent(agent_id, tenant=tenant), tenant)
            except NotThere:
                # It is gone since.
                continue
            except (ConfigurationError, ControlPlaneFault) as wrong:
                if self._check_all is not None:
                    raise
                self._say(tenant, agent_id, "it is left out of the list", wrong)
            else:
                yield found.read.agent

    def _out_of_reach(self, agent_id: str, tenant: str) -> bool:
        """Whether there is no copy of it while the plane is left alone: a list does not wait for
        each such agent."""
        known = self._last_good
        return (
            known is not None
            and known.resting(tenant)
            and known.last_valid(agent_id, tenant=tenant, whole=False) is None
        )

    def _usable(self, config: AgentConfig, tenant: str) -> _Usable:
        wrong: ConfigurationError | ControlPlaneFault
        try:
            usable = self._checked(config, self._resources(config, tenant), tenant)
        except (ConfigurationError, ControlPlaneFault) as fault:
            wrong = fault
        else:
            self._said.pop(_Key(tenant, config.id))
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
        return _Usable(read, self._equipping.equipped(read, tenant) if self._whole else None)

    def _reading(self, config: AgentConfig, tools: Definitions, tenant: str) -> Read:
        key = _Key(tenant, config.id)
        read = self._read.get(key)
        if read and read.config.version == config.version and read.tools == tools:
            return read
        resources = _named(config)
        try:
            values = filled(config.values, resources, tools)
            agent = parse_agent(config.id, values, default_model=self._default_model)
            if self._pricing is not None:
                self._pricing.check(agent, values)
        except AgentFault as wrong:
            raise refused(config, wrong.fault, resources) from None
        read = Read(config, resources, tools, agent)
        self._read.put(key, read)
        return read

    def _say(self, tenant: str, agent_id: str, what: str, wrong: Exception) -> None:
        """Into the log, once for each reason, until the configuration is valid."""
        key, reason = _Key(tenant, agent_id), str(wrong)
        if not self._quiet and self._said.get(key) != reason:
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
