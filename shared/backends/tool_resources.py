"""Tools that agents share: an entry `{resource: <tool id>}` of `tools`, filled in.

What stands beside `resource`, such as `approval`, takes the place of what the definition says.
"""

from collections.abc import Mapping
from typing import Any

from shared.backends.agents import AgentFault
from shared.backends.control_plane import AgentConfig
from shared.errors import AgentNotUsable
from shared.protocol.faults import Fault
from shared.protocol.names import checked_id
from shared.tools.specs import MAX_TOOLS

FIELD = "resource"

Definitions = Mapping[str, Mapping[str, Any]]
"""Definitions of tools by the ids of their resources."""


def named(values: Mapping[Any, Any]) -> Mapping[int, str]:
    """Which entries of `tools` name a resource, and which.

    Raises:
        AgentFault: one names something that can be none.
    """
    tools = values.get("tools")
    if not isinstance(tools, list | tuple):
        # Whatever it is, it is refused where the rest of the configuration is checked.
        return {}
    if len(tools) > MAX_TOOLS:
        raise AgentFault(Fault(("tools",), f"may have at most {MAX_TOOLS} entries; remove some"))
    return {
        index: _id(index, entry[FIELD])
        for index, entry in enumerate(tools)
        if isinstance(entry, Mapping) and FIELD in entry
    }


def filled(
    values: Mapping[Any, Any], resources: Mapping[int, str], definitions: Definitions
) -> Mapping[Any, Any]:
    """The configuration with each named resource in its place.

    Raises:
        AgentFault: there is no definition, or it names a resource in its turn.
    """
    if not resources:
        return values
    tools = list(values["tools"])
    for index, name in resources.items():
        definition = definitions.get(name)
        if definition is None:
            raise AgentFault(_missing(index, name))
        if FIELD in definition:
            raise AgentFault(Fault(("tools", index), "may not name a resource in its turn"))
        beside = {field: value for field, value in tools[index].items() if field != FIELD}
        tools[index] = {**definition, **beside}
    return {**values, "tools": tools}


def refused(config: AgentConfig, fault: Fault, resources: Mapping[int, str]) -> AgentNotUsable:
    """The fault for the configuration's author: its place, and the resource in which it is."""
    said = str(fault).rstrip(".")
    name = None
    if len(fault.path) > 1 and fault.path[0] == "tools" and fault.path[2:] != (FIELD,):
        name = resources.get(int(fault.path[1]))
    inside = f'; this is the tool resource "{name}"' if name else ""
    return AgentNotUsable(f"{config.source.where(fault)}: {said}{inside}.")


def _missing(index: int, name: str) -> Fault:
    return Fault(("tools", index, FIELD), f'names "{name}", and there is no such tool resource')


def _id(index: int, name: Any) -> str:
    try:
        if isinstance(name, str):
            return checked_id(name)
        reason = "must be the id of a tool resource"
    except ValueError as wrong:
        reason = str(wrong)
    raise AgentFault(Fault(("tools", index, FIELD), reason))
