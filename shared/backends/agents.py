"""Agents: their configuration, and the port that gives it out.

What an agent may have is checked here, wherever it is read from.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Any, Protocol, Self

import pydantic
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from shared.backends.sections import Knowledge, Limits, Workflow, not_blank
from shared.errors import NotFound
from shared.protocol.faults import Fault, Inside, faults, shown, unknown
from shared.protocol.origins import admits, checked_origin
from shared.protocol.overrides import Greeting, Instructions, Language, Model, Overrides
from shared.runner.knowledge import SEARCH
from shared.tools.specs import MAX_TOOLS, ToolSpec
from shared.tools.toolbox import Toolbox

OVERRIDABLE = tuple(Overrides.model_fields)
"""What a session may put in the place of its agent's own, where the agent says so."""

MAX_PATTERN = 128
MIN_THINKING = 1024
"""Tokens; the API takes no smaller budget."""


def _skill(name: str) -> str:
    if not _SKILL.fullmatch(name):
        raise ValueError("must be the name of a skill: up to 128 letters, digits, _ and -")
    return name


def _each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    for index, name in enumerate(names):
        if name in names[:index]:
            raise Inside((index,), f'names "{name}" a second time; remove one')
    return names


def _overridable(name: Any) -> Any:
    if name not in OVERRIDABLE:
        known = f"there are {', '.join(OVERRIDABLE)}"
        if isinstance(name, str) and name.strip():
            raise ValueError(f'has "{shown(name)}", which no session can replace; {known}')
        raise ValueError(f"must be the name of a field that a session may replace; {known}")
    return name


def _pattern(text: str, info: ValidationInfo) -> str:
    if not 0 < len(text) <= MAX_PATTERN or not text.isprintable():
        raise ValueError(
            "must be the name of a tool or a pattern such as issue_*, of up to "
            f"{MAX_PATTERN} characters"
        )
    tools = info.data.get("tools")
    if tools is None:
        # They are not valid themselves, which is what is said first.
        return text
    names = [tool.called for tool in tools if tool.builtin is None]
    if not any(fnmatchcase(name, text) for name in names):
        known = f"there are {', '.join(names)}" if names else "it has none"
        raise ValueError(f'has "{text}", which matches no tool of this agent; {known}')
    return text


def _thinking(value: Any) -> Any:
    tokens = isinstance(value, int) and not isinstance(value, bool) and value >= MIN_THINKING
    if value is None or value == "adaptive" or tokens:
        return value
    raise ValueError(f"must be adaptive, or a number of tokens from {MIN_THINKING} on")


_SKILL = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)


class Agent(BaseModel):
    """One agent. `id` is its name in files and keys; on the wire it is `shared.ids.agent_uuid`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    id: str
    name: Annotated[str, Field(max_length=128), AfterValidator(not_blank)]
    instructions: Instructions
    model: Model
    models_allowed: tuple[Model, ...] = Field((), max_length=32)
    max_tokens: int = Field(4096, ge=1, le=64_000, strict=True)
    max_iterations: int = Field(20, ge=1, le=64, strict=True)
    thinking: Annotated[Any, BeforeValidator(_thinking)] = None
    greeting: Greeting | None = None
    language: Language | None = None
    overrides: Annotated[
        tuple[Annotated[str, BeforeValidator(_overridable)], ...],
        Field(max_length=len(OVERRIDABLE)),
        AfterValidator(_each_once),
    ] = ()
    tools: tuple[ToolSpec, ...] = Field((), max_length=MAX_TOOLS)
    confirm_tools: tuple[Annotated[str, AfterValidator(_pattern)], ...] = Field((), max_length=64)
    skills: Annotated[
        tuple[Annotated[str, AfterValidator(_skill)], ...],
        Field(max_length=64),
        AfterValidator(_each_once),
    ] = ()
    knowledge: Knowledge | None = None
    workflow: Workflow | None = None
    limits: Limits | None = None
    suggested_replies: bool = Field(False, strict=True)
    shared_conversations: bool = Field(False, strict=True)
    origins: tuple[Annotated[str, AfterValidator(checked_origin)], ...] = Field((), max_length=100)

    @model_validator(mode="after")
    def _has_what_to_search(self) -> Self:
        if self.knowledge is None:
            for index, tool in enumerate(self.tools):
                if tool.builtin == SEARCH:
                    raise Inside(
                        ("tools", index, "builtin"),
                        f"is {SEARCH}, but the agent has no knowledge; add it, such as "
                        "knowledge: {documents: knowledge/support}",
                    )
        return self

    @field_validator("thinking")
    @classmethod
    def _leaves_room(cls, tokens: Any, info: ValidationInfo) -> Any:
        most = info.data.get("max_tokens")
        if isinstance(tokens, int) and most is not None and tokens >= most:
            raise ValueError("must be less than max_tokens, of which it is a part")
        return tokens

    def admits(self, origin: str | None) -> bool:
        """Whether a browser with this origin may talk to the agent; None is no browser."""
        return admits(self.origins, origin)

    @property
    def config_hash(self) -> str:
        """What a turn records of the configuration that it began with: the hash of `counted`."""
        text = json.dumps(self.counted(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def counted(self) -> dict[str, Any]:
        """The configuration as JSON, as far as it counts.

        Fields at their defaults do not count, however deep, so a release that adds one changes no
        hash; but for `max_tokens`, which counts in the hashes that are recorded already.
        """
        found = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return {**found, "max_tokens": self.max_tokens}


class AgentFault(ValueError):
    """A configuration is not valid; `fault` says where and why."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


class AgentSource(Protocol):
    """Gives out the agents of this deployment."""

    def get(self, agent_id: str, tenant: str) -> Agent:
        """The agent of the tenant with this id, or with this UUID on the wire.

        Raises:
            NotFound: AGENT_NOT_FOUND.
            ConfigurationError: there is one, and its configuration is not valid.
        """
        ...

    def after(self, agent_id: str, tenant: str) -> Iterator[Agent]:
        """The agents of the tenant whose ids come after this one, in their order: looked up one by
        one, as far as the caller goes. Raises like `get`, but NotFound."""
        ...

    def list(self, tenant: str) -> list[Agent]:
        """The agents of the tenant, in the order of their ids. Raises like `get`."""
        ...


@dataclass(frozen=True, kw_only=True)
class EquippedAgent:
    """An agent, read at one moment together with all that a turn of it needs.

    `skills` are the texts of its skills by name, in the order of the configuration.
    """

    agent: Agent
    toolbox: Toolbox
    skills: Mapping[str, str]


class EquippedAgentSource(AgentSource, Protocol):
    """Gives out agents together with their tools: for whoever runs turns."""

    def equipped(self, agent_id: str, tenant: str) -> EquippedAgent:
        """Like `get`. Raises ConfigurationError also for a tool or skill that cannot be had."""
        ...


def no_such_agent() -> NotFound:
    """The one answer for an agent that does not exist, whoever asks."""
    return NotFound("There is no such agent.", code="AGENT_NOT_FOUND")


def parse_agent(agent_id: str, values: Mapping[Any, Any], *, default_model: str) -> Agent:
    """The agent that these values describe.

    Raises:
        AgentFault: the first thing that is wrong with them.
    """
    known = [name for name in Agent.model_fields if name != "id"]
    for name in values:
        if name not in known:
            raise AgentFault(Fault((str(name),), _unknown(str(name), known)))
    try:
        agent = Agent.model_validate({"model": default_model, **values, "id": agent_id})
    except pydantic.ValidationError as error:
        wrong = faults(error, by_hand=True)[0]
    else:
        return agent
    raise AgentFault(wrong)


def _unknown(name: str, known: Sequence[str]) -> str:
    if name in ToolSpec.names():
        return "is no field of an agent, but of an entry of tools; indent it if it belongs to one"
    return unknown(name, known)
