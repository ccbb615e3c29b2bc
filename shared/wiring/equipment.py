"""Agents with what they work with: tools, skills, secrets."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from shared.wiring.adapters import Adapters
from shared.wiring.once import once

if TYPE_CHECKING:
    from shared.backends.agents import AgentSource
    from shared.backends.local_yaml import LocalAgents
    from shared.backends.recorded import RecordedAgents
    from shared.messaging.functions import Functions
    from shared.messaging.http import HttpClient
    from shared.runner.request import Equipped
    from shared.tools.factory import Toolmaker
    from shared.tools.secrets import ToolSecrets


class Equipment(Adapters):
    """What agents are made of."""

    @once
    def agents(self) -> "AgentSource":
        """Agents without their tools. On AWS only the worker loads their authors' code; on a laptop
        it is loaded at the start, so that mistakes in it show then."""
        if not self.settings.on_aws:
            return self.equipped_agents
        from shared.backends.local_yaml import LocalAgents

        folder = self.settings.assistant_local_config_dir
        return LocalAgents(folder, self.settings.anthropic_model)

    @once
    def equipped_agents(self) -> "LocalAgents":
        """Agents with their tools and skills."""
        from shared.backends.local_yaml import LocalAgents
        from shared.backends.skills import Skills

        return LocalAgents(
            self.settings.assistant_local_config_dir,
            self.settings.anthropic_model,
            toolmaker=self.toolmaker,
            skills=Skills(self.settings.library_dir),
        )

    @once
    def recorded_agents(self) -> "RecordedAgents":
        """Agents as turns that wait began with them."""
        from shared.backends.recorded import RecordedAgents

        return RecordedAgents(self.toolmaker)

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
        return equipped(found.agent, found.toolbox, text)

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
