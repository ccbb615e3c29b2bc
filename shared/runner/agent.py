"""Agents for programs that have no configuration file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shared.errors import NotFound, ValidationError
from shared.runner.gates import Gate
from shared.runner.request import Equipped, Thinking
from shared.tools.port import Tool


@dataclass(frozen=True, kw_only=True)
class Agent:
    """A persona for those who have no configuration file."""

    instructions: str
    model: str
    greeting: str | None = None
    max_tokens: int = 4096
    max_iterations: int = 20
    thinking: Thinking = None
    suggested_replies: bool = False
    models_allowed: Sequence[str] = ()
    language: str | None = None
    overrides: Sequence[str] = ()
    gates: Mapping[str, Gate] = field(default_factory=dict[str, Gate])
    builtins: frozenset[str] = frozenset()
    skills: Mapping[str, str] = field(default_factory=dict[str, str])

    def equipped(self, tools: Sequence[Tool], model: str | None, skill: str | None) -> Equipped:
        """What a turn needs that asks for this model and this skill.

        Raises:
            ValidationError: the agent may not use the model.
            NotFound: SKILL_NOT_FOUND.
        """
        if model is not None and model not in (self.model, *self.models_allowed):
            raise ValidationError(
                "The agent may not use this model. Leave it out or name one that it allows.",
                details={"field": "model"},
            )
        text = None
        if skill is not None:
            text = self.skills.get(skill)
            if text is None:
                raise NotFound("The agent has no such skill.", code="SKILL_NOT_FOUND")
        return Equipped(
            agent=self,
            tools=tuple(tools),
            skill=text,
            gates=self.gates,
            builtins=self.builtins,
        )
