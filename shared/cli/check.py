"""`parley check`: whether the agents here can be used, with their tools, skills and documents."""

from collections.abc import Iterator
from dataclasses import dataclass

from shared.backends.agent_ids import AgentIds
from shared.backends.configured import ConfiguredAgents
from shared.backends.control_plane import ControlPlaneFault, for_operator
from shared.cli.chat.clean import visible
from shared.errors import ConfigurationError, NotFound, ParleyError
from shared.settings import Settings
from shared.wiring import Deployment


@dataclass(frozen=True)
class Checked:
    """One agent, or a file that can be none; `fault` says what is wrong and where, if anything."""

    name: str
    fault: str | None = None

    @property
    def line(self) -> str:
        return visible(self.fault or f"ok {self.name}")


def check(tenant: str | None = None) -> int:
    """Print a line for each agent of the tenant; the exit code: 1 if one cannot be used.

    Raises:
        ConfigurationError: the settings contradict each other, or the agents cannot be listed.
    """
    deployment = Deployment(Settings.from_environment(loopback=True))
    wrong = False
    try:
        for each in checked(deployment, tenant or deployment.settings.home_tenant):
            wrong |= each.fault is not None
            print(each.line, flush=True)
    finally:
        deployment.close()
    return int(wrong)


def checked(deployment: Deployment, tenant: str) -> Iterator[Checked]:
    """The agents in the order of their ids, then the files that can be none. Over the network only
    the backend is asked, if there is one, and S3 for documents that lie there; nothing is kept of
    what they say.

    Raises:
        ConfigurationError: they cannot be listed, or a setting for all of them is wrong.
    """
    # A list of prices that cannot be read is no fault of any agent; not every agent asks for it.
    _ = deployment.prices
    plane = deployment.control_plane
    # Not those of the deployment: in the place of a faulty one they may give out what was good
    # before.
    agents = ConfiguredAgents(
        plane,
        deployment.settings.anthropic_model,
        toolmaker=deployment.toolmaker,
        skills=deployment.skills,
        pricing=deployment.pricing,
        quiet=True,
    )
    try:
        for agent_id in AgentIds(plane, None).all(tenant):
            try:
                equipped = agents.equipped(agent_id, tenant)
            except NotFound:
                # It is gone since.
                continue
            except ParleyError as wrong:
                yield Checked(agent_id, _said(agent_id, wrong))
            else:
                faults = [*deployment.knowledge_faults(equipped.agent)]
                yield from (Checked(agent_id, f"agent {agent_id}: {each}") for each in faults)
                if not faults:
                    yield Checked(agent_id)
    except ControlPlaneFault as fault:
        known = deployment.settings.backend or ""
        raise ConfigurationError(for_operator(fault, known)) from fault
    if deployment.settings.backend is None:
        for stray in deployment.yaml_control_plane.strays():
            yield Checked("", stray.message)


def _said(agent_id: str, wrong: ParleyError) -> str:
    """What is wrong; of a backend's fault what the log would have."""
    if isinstance(wrong.__cause__, ControlPlaneFault):
        return f'agent "{agent_id}" of the backend: it cannot be had: {wrong.__cause__}.'
    return wrong.message
