"""What a turn asks the model, and in which shape."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, Protocol, Self

from shared.identity.principal import Principal
from shared.knowledge.port import Knowledge
from shared.models.port import ModelRequest
from shared.runner.attached import Attached, says
from shared.runner.background import NOTHING, Background, told_passages, told_summary
from shared.runner.builtins import IDENTITY, Described, offered
from shared.runner.gates import Gate
from shared.runner.history import Message, shortened
from shared.runner.limits import NO_LIMITS, Limits
from shared.runner.messages import Messages
from shared.runner.overrides import Overridable, still_allowed
from shared.runner.suggestions import CONTRACT
from shared.runner.variables import PROVENANCE, check_there, told
from shared.runner.workflow import Workflow
from shared.tools.port import Tool

LAST_STEP = "This was the last step in which you could use tools. Answer with what you have."

LANGUAGE = "Answer in the language with the tag {}, unless the user asks for another one."

Thinking = Literal["adaptive"] | int | None
"""See `ModelRequest`."""


class Persona(Overridable, Protocol):
    """What a turn needs of an agent's configuration."""

    @property
    def instructions(self) -> str: ...

    @property
    def greeting(self) -> str | None: ...

    @property
    def language(self) -> str | None: ...

    @property
    def max_tokens(self) -> int: ...

    @property
    def max_iterations(self) -> int: ...

    @property
    def thinking(self) -> Thinking: ...

    @property
    def suggested_replies(self) -> bool: ...


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Equipped:
    """An agent with its tools, and the text of a skill that a turn asked for.

    `gates` are those of the tools that have one, and `builtins` the built-in tools that the agent
    has, by name. `knowledge` is what it can look up, of which `top_k` pieces go with each message.
    `recorded` is plain JSON: what a turn that waits keeps of its configuration, to go
    on with it whatever the agent has become by then.
    """

    agent: Persona
    tools: Sequence[Tool] = ()
    skill: str | None = None
    gates: Mapping[str, Gate] = field(default_factory=_nothing)
    builtins: frozenset[str] = frozenset()
    knowledge: Knowledge | None = None
    top_k: int = 3
    workflow: Workflow | None = None
    limits: Limits = NO_LIMITS
    recorded: Mapping[str, Any] = field(default_factory=_nothing)


@dataclass(frozen=True, kw_only=True)
class TurnRequest:
    """Everything that a turn depends on. `access` has no default, so that it cannot be dropped.

    `history` are the messages before this turn, oldest first; `message` is what the user says
    now; `progress` is what this turn has noted after it, when another worker began it.
    `progress_budget` are the tokens that its own calls and results may take in a request.
    `greeting` is what clients show before the first message, and `language` the tag of the one to
    answer in. `variables` are the values of the places in `instructions`, `greeting` and `skill`.
    `max_iterations` bounds the model's replies. `gates` stand before some of the tools, `builtins`
    are named by the configuration, and `renders` are what the user's client can show beside text.
    `background`: see there. `limits` are the agent's, and `spent_before` (nano-USD) is what the
    turns of the conversation before this one cost.
    """

    access: Principal
    instructions: str
    model: str
    max_tokens: int
    greeting: str | None = None
    language: str | None = None
    skill: str | None = None
    variables: Mapping[str, str] = field(default_factory=_nothing)
    suggested_replies: bool = False
    tools: Sequence[Tool] = ()
    gates: Mapping[str, Gate] = field(default_factory=_nothing)
    builtins: frozenset[str] = frozenset()
    renders: frozenset[str] = frozenset()
    max_iterations: int = 20
    thinking: Thinking = None
    history: Sequence[Message] = ()
    message: str
    progress_budget: int = 100_000
    progress: Sequence[Message] = field(default_factory=list[Message])
    background: Background = NOTHING
    limits: Limits = NO_LIMITS
    spent_before: int = 0

    @classmethod
    def of(
        cls,
        equipped: Equipped,
        access: Principal,
        message: str,
        *,
        model: str | None,
        history: Sequence[Message],
        progress: Sequence[Message] = (),
        renders: frozenset[str] = frozenset(),
        variables: Mapping[str, str],
        overrides: Mapping[str, str],
        background: Background = NOTHING,
        spent_before: int = 0,
    ) -> Self:
        """The request of one message to an agent; `model` in place of the agent's own, and the
        `overrides` that it still allows.

        Raises:
            TurnFailed: DYNAMIC_VARIABLES_MISSING.
        """
        agent = equipped.agent
        own = still_allowed(agent, overrides)
        instructions = own.get("instructions", agent.instructions)
        greeting = own.get("greeting", agent.greeting)
        check_there([instructions, None if history else greeting, equipped.skill], variables)
        return cls(
            access=access,
            instructions=instructions,
            greeting=greeting,
            language=own.get("language", agent.language),
            skill=equipped.skill,
            variables=variables,
            suggested_replies=agent.suggested_replies,
            model=model or own.get("model", agent.model),
            max_tokens=agent.max_tokens,
            max_iterations=agent.max_iterations,
            thinking=agent.thinking,
            tools=equipped.tools,
            gates=equipped.gates,
            builtins=equipped.builtins,
            renders=renders,
            history=history,
            message=message,
            progress=progress,
            background=background,
            limits=equipped.limits,
            spent_before=spent_before,
        )


def model_request(
    request: TurnRequest, progress: Sequence[Message] = (), *, last: bool = False
) -> ModelRequest:
    """What the model is asked after `progress`. At the `last` step it must do without tools.

    Messages of one role in a row, as an interrupted or failed turn leaves them, are joined,
    because roles must alternate and nothing may be lost. Each call gets a result, the lost ones
    too. Results are `tool_result` blocks, never text: the model can tell data from words.
    """
    fitting = shortened(progress, request.progress_budget)
    asked = {"role": "user", "text": request.message, **request.background.attached}
    found = told_passages(request.background.passages)
    begun = [{**asked, "before": found} if found else asked, *fitting]
    own = {tool.name for tool in request.tools}
    named = request.builtins
    if any(gate.verified for gate in request.gates.values()):
        # Without an address no code can be sent, so it must be possible to ask for one.
        named |= {IDENTITY}
    brought = offered(named, request.renders, [*request.history, *progress])
    tools = [*request.tools, *(each for each in brought if each.name not in own)]
    attached = Attached(request.background.pictures, {tool.name for tool in tools})
    messages = Messages(with_tools=bool(tools), attached=attached)
    messages.begin(told_summary(request.background.summary))
    for entry in _from_a_user(request.history):
        messages.add(entry, past=True)
    for entry in begun:
        messages.add(entry, past=False)
    if last and progress:
        messages.user([{"type": "text", "text": LAST_STEP}])
    return ModelRequest(
        model=request.model,
        system=_system(request),
        messages=messages.finished(),
        max_tokens=request.max_tokens,
        tools=[described(tool) for tool in tools],
        thinking=request.thinking,
        tool_choice="none" if last and tools else "auto",
    )


def _from_a_user(history: Sequence[Message]) -> Iterable[Message]:
    """The history from the first words of a user on: what comes before belongs to a turn whose
    beginning is no longer remembered."""
    start = next(
        (i for i, entry in enumerate(history) if entry["role"] == "user" and says(entry)), None
    )
    return [] if start is None else history[start:]


def described(tool: Described) -> dict[str, Any]:
    """What the model is told of a tool."""
    return {
        "name": tool.name,
        "description": tool.description,
        "input_schema": dict(tool.parameters),
    }


def _system(request: TurnRequest) -> str:
    """The instructions; at the first message also what the agent seems to have said before it."""
    parts = [request.instructions]
    if request.greeting and not request.history:
        parts.append(f"You began the conversation with: {request.greeting}")
    if request.background.workflow:
        parts.append(request.background.workflow)
    if request.skill:
        parts.append(request.skill)
    filled = [told(part, request.variables) for part in parts]
    if request.language:
        filled.append(LANGUAGE.format(request.language))
    if request.suggested_replies:
        filled.append(CONTRACT)
    if filled[: len(parts)] != parts:
        filled.append(PROVENANCE)
    return "\n\n".join(filled)
