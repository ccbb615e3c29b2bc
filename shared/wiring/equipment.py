"""Agents with what they work with: tools, skills, secrets."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from shared.wiring.knowledge import Lookup
from shared.wiring.once import once

if TYPE_CHECKING:
    from shared.backends.agents import Agent, AgentSource, EquippedAgentSource
    from shared.backends.configured import ConfiguredAgents
    from shared.backends.control_plane import ControlPlane
    from shared.backends.last_good import LastGood
    from shared.backends.pricing import Pricing
    from shared.backends.recorded import Own, RecordedAgents
    from shared.backends.skills import Skills
    from shared.backends.yaml_control_plane import YamlControlPlane
    from shared.messaging.functions import Functions
    from shared.messaging.http import HttpClient
    from shared.runner.request import Equipped
    from shared.tools.factory import Toolmaker
    from shared.tools.port import Tool
    from shared.tools.secrets import ToolSecrets


class Equipment(Lookup):
    """What agents are made of."""

    def close(self) -> None:
        plane = vars(self).get("control_plane")
        if (close := getattr(plane, "close", None)) is not None:
            close()
        super().close()

    @once
    def agents(self) -> "AgentSource":
        """Agents without their tools. On AWS only the worker loads their authors' code; on a laptop
        it is loaded at the start, so that mistakes in it show then."""
        return self._configured() if self.settings.on_aws else self.equipped_agents

    @once
    def equipped_agents(self) -> "EquippedAgentSource":
        """Agents with their tools and skills."""
        return self._configured(toolmaker=self.toolmaker, skills=self.skills)

    @once
    def skills(self) -> "Skills":
        from shared.backends.skills import Skills

        return Skills(self.settings.library_dir)

    def skill_text(self, name: str) -> str:
        """The text of a skill that a configuration names.

        Raises:
            ConfigurationError: it cannot be had.
        """
        from shared.backends.skills import SkillFault
        from shared.errors import ConfigurationError

        try:
            return self.skills.text(name)
        except SkillFault as fault:
            raise ConfigurationError(f'"{name}" in the skills of an agent {fault}.') from fault

    @once
    def control_plane(self) -> "ControlPlane":
        """Who owns agents and history: a backend, or the files of this deployment."""
        if self.settings.backend is None:
            return self.yaml_control_plane
        from shared.backends.http_control_plane import HttpControlPlane

        return HttpControlPlane(
            self.settings.backend,
            self.clock,
            token=self.settings.backend_token,
            timeout=self.settings.backend_timeout_sec,
        )

    @once
    def yaml_control_plane(self) -> "YamlControlPlane":
        from shared.backends.yaml_control_plane import YamlControlPlane

        return YamlControlPlane(self.settings.assistant_local_config_dir)

    @once
    def last_good(self) -> "LastGood":
        """The backend's agents, with the last valid copies of them."""
        from shared.backends.kept_configs import KeptConfigs
        from shared.backends.last_good import LastGood

        return LastGood(
            self.control_plane,
            self.clock,
            cache=self.settings.backend_cache_sec,
            kept=KeptConfigs(self.table, self.clock),
        )

    def _configured(
        self, *, toolmaker: "Toolmaker | None" = None, skills: "Skills | None" = None
    ) -> "ConfiguredAgents":
        from shared.backends.configured import ConfiguredAgents

        local = self.settings.backend is None
        return ConfiguredAgents(
            self.yaml_control_plane if local else self.last_good,
            self.settings.anthropic_model,
            toolmaker=toolmaker,
            skills=skills,
            check_all=self.yaml_control_plane.check if local else None,
            last_good=None if local else self.last_good,
            pricing=self.pricing,
        )

    @once
    def pricing(self) -> "Pricing":
        """Raises ConfigurationError: TENANT_USD_PER_DAY is set, and a model that the settings name
        has no price."""
        from shared.backends.pricing import Pricing

        settings = self.settings
        made = Pricing(priced=self.priced, budget=settings.tenant_nano_usd_per_day is not None)
        models = [name for name in type(settings).model_fields if name.endswith("_model")]
        named = {name.upper(): getattr(settings, name) for name in models}
        made.check_settings({name: model for name, model in named.items() if model})
        return made

    @once
    def recorded_agents(self) -> "RecordedAgents":
        """Agents as turns that wait began with them."""
        from shared.backends.recorded import RecordedAgents

        return RecordedAgents(self.toolmaker, self.own)

    @once
    def toolmaker(self) -> "Toolmaker":
        from shared.tools.factory import Toolmaker
        from shared.tools.http_tool import HttpTool
        from shared.tools.lambda_tool import LambdaTool
        from shared.tools.python_modules import PythonModules

        return Toolmaker(
            PythonModules(self.settings.assistant_local_config_dir),
            http=partial(
                HttpTool, http=self.http_client, secrets=self.tool_secrets, clock=self.clock
            ),
            lambda_=partial(LambdaTool, functions=self.functions, clock=self.clock),
        )

    def equip(self, agent_id: str, skill: str | None, tenant: str) -> "Equipped":
        """The agent with its tools, and the text of the skill that a turn asked for.

        Raises:
            NotFound: no such agent, or no such skill of it.
        """
        from shared.backends.recorded import equipped
        from shared.errors import NotFound

        found = self.equipped_agents.equipped(agent_id, tenant)
        if skill is not None and skill not in found.skills:
            raise NotFound("The agent has no such skill.", code="SKILL_NOT_FOUND")
        text = found.skills[skill] if skill is not None else None
        return equipped(found.agent, found.toolbox, text, self.own(found.agent))

    def own(self, agent: "Agent") -> "Own":
        """What Parley itself gives an agent."""
        from shared.backends.recorded import Own

        named = {tool.builtin for tool in agent.tools}
        tools: list[Tool] = []
        knowledge = self.knowledge_of(agent)
        if knowledge is not None and "knowledge_search" in named:
            tools.append(self.search_tool(agent, knowledge))
        if "escalate" in named:
            from shared.tools.handover import Escalate

            tools.append(Escalate())
        if named & {"list_files", "read_file", "write_file", "send_file"}:
            from shared.tools.file_tools import file_tools

            tools += file_tools(self.artifacts, self.clock, (tool.called for tool in agent.tools))
        return Own(tools=tools, knowledge=knowledge)

    def equip_recorded(self, recorded: Mapping[str, Any]) -> "Equipped":
        """The same from `Equipped.recorded`, whatever the files say by now. A tool that cannot be
        made any more is left out, and the log says so.

        Raises:
            ConfigurationError: this release cannot read it.
        """
        return self.recorded_agents.equipped(recorded)

    @once
    def http_client(self) -> "HttpClient":
        """For requests to other people's servers."""
        from shared.messaging.http_client import GuardedHttpClient

        return GuardedHttpClient(self.guard)

    @once
    def functions(self) -> "Functions":
        from shared import aws
        from shared.messaging.lambda_functions import LambdaFunctions

        return LambdaFunctions(aws.functions_client)

    @once
    def tool_secrets(self) -> "ToolSecrets":
        from shared.settings import tool_secrets
        from shared.tools.secrets import ToolSecrets

        fetch = None
        if self.settings.on_aws:
            from shared import aws

            fetch = aws.secret
        return ToolSecrets(tool_secrets(), self.clock, fetch=fetch)
