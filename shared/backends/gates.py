"""Which of an agent's tools wait for people, by its configuration."""

from fnmatch import fnmatchcase

from shared.backends.agents import Agent
from shared.runner.gates import OPEN, Approval, Gate
from shared.tools.specs import ToolSpec


def gates(agent: Agent) -> dict[str, Gate]:
    """The gates by the names of the tools; tools without one are not there.

    What `confirm_tools` matches needs an approval; what the tool says of its own approval holds.
    """
    made = {tool.called: _gate(tool, agent) for tool in agent.tools if tool.builtin is None}
    return {name: gate for name, gate in made.items() if gate != OPEN}


def _gate(tool: ToolSpec, agent: Agent) -> Gate:
    approval: Approval | None = None
    if tool.approval is not None:
        roles = frozenset(tool.approval.roles)
        approval = Approval(seconds=tool.approval.timeout_sec, roles=roles)
    elif any(fnmatchcase(tool.called, pattern) for pattern in agent.confirm_tools):
        approval = Approval()
    return Gate(approval=approval, verified=tool.verified)
