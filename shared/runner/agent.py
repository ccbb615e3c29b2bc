"""Agents for programs that have no configuration file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shared.errors import NotFound, ValidationError
from shared.knowledge.port import Knowledge
from shared.runner.gates import Gate
from shared.runner.knowledge import SEARCH, KnowledgeSearch
from shared.runner.limits import NO_LIMITS, Limits
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
    knowledge: Knowledge | None = None
    top_k: int = 3
    limits: Limits = NO_LIMITS

    def _own(self) -> Sequence[Tool]:
        """The built-in tools that run, of those that the agent names."""
        if self.knowledge is not None and SEARCH in self.builtins:
            return [KnowledgeSearch(self.knowledge, self.top_k)]
        return []

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
            tools=(*tools, *self._own()),
            skill=text,
            gates=self.gates,
            builtins=self.builtins,
            knowledge=self.knowledge,
            top_k=self.top_k,
            limits=self.limits,
        )
