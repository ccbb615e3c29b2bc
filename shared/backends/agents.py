"""Agents: their configuration, and the port that gives it out.

What an agent may have is checked here, wherever it is read from.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Protocol

import pydantic
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shared.errors import NotFound
from shared.protocol.faults import Fault, faults
from shared.protocol.origins import admits, checked_origin
from shared.tools.specs import MAX_TOOLS, ToolSpec

LATER = (
    "confirm_tools",
    "knowledge",
    "workflow",
    "overrides",
    "limits",
)
"""Fields that are refused by name: an agent must not run as if they were not there."""


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("may not be blank")
    return text


def _skill(name: str) -> str:
    if not _SKILL.fullmatch(name):
        raise ValueError("must be the name of a skill: up to 128 letters, digits, _ and -")
    return name


_SKILL = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)
_Line = Annotated[str, Field(max_length=128), AfterValidator(_not_blank)]


class Agent(BaseModel):
    """One agent. `id` is its name in files and keys; on the wire it is `shared.ids.agent_uuid`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    id: str
    name: _Line
    instructions: Annotated[str, Field(max_length=200_000), AfterValidator(_not_blank)]
    model: _Line
    models_allowed: tuple[_Line, ...] = Field((), max_length=32)
    max_tokens: int = Field(4096, ge=1, le=64_000, strict=True)
    max_iterations: int = Field(20, ge=1, le=64, strict=True)
    greeting: Annotated[str, Field(max_length=10_000), AfterValidator(_not_blank)] | None = None
    tools: tuple[ToolSpec, ...] = Field((), max_length=MAX_TOOLS)
    skills: tuple[Annotated[str, AfterValidator(_skill)], ...] = Field((), max_length=64)
    suggested_replies: bool = Field(False, strict=True)
    origins: tuple[Annotated[str, AfterValidator(checked_origin)], ...] = Field((), max_length=100)

    def admits(self, origin: str | None) -> bool:
        """Whether a browser with this origin may talk to the agent; None is no browser."""
        return admits(self.origins, origin)

    @property
    def config_hash(self) -> str:
        """What a turn records of the configuration that it began with.

        Fields without a value do not count, so a release that adds one changes no hash.
        """
        values = self.model_dump(mode="json").items()
        counted = {name: value for name, value in values if value not in (None, [], {})}
        text = json.dumps(counted, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


class AgentFault(ValueError):
    """A configuration is not valid; `fault` says where and why."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


class AgentSource(Protocol):
    """Gives out the agents of this deployment."""

    def get(self, agent_id: str) -> Agent:
        """The agent with this id, or with this UUID on the wire.

        Raises:
            NotFound: AGENT_NOT_FOUND.
            ConfigurationError: there is one, and its configuration is not valid.
        """
        ...

    def list(self) -> list[Agent]:
        """All agents, in the order of their ids. Raises ConfigurationError like `get`."""
        ...


def no_such_agent() -> NotFound:
    """The one answer for an agent that does not exist, whoever asks."""
    return NotFound("There is no such agent.", code="AGENT_NOT_FOUND")


def parse_agent(agent_id: str, values: Mapping[Any, Any], *, default_model: str) -> Agent:
    """The agent that these values describe.

    Raises:
        AgentFault: the first thing that is wrong with them.
    """
    for name in values:
        if name in LATER:
            raise AgentFault(Fault((name,), "is not supported yet; remove it"))
        if name not in Agent.model_fields or name == "id":
            raise AgentFault(Fault((str(name),), _unknown()))
    try:
        return Agent.model_validate({"model": default_model, **values, "id": agent_id})
    except pydantic.ValidationError as error:
        found = faults(error)
    raise AgentFault(found[0])


def _unknown() -> str:
    known = ", ".join(name for name in Agent.model_fields if name != "id")
    return f"is not a known field; the fields are {known}"
