"""What one message may choose beside its text: the model, a skill, variables, and whether it
streams."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from shared.errors import NotFound, ValidationError


class Configured(Protocol):
    """An agent, as far as it says what may be chosen."""

    @property
    def model(self) -> str: ...

    @property
    def models_allowed(self) -> Sequence[str]: ...

    @property
    def skills(self) -> Sequence[str]: ...


@dataclass(frozen=True, kw_only=True)
class TurnOptions:
    """The choices of one turn. None is the agent's own model, no skill, and the variables of the
    session; others go over those. `overrides` can only name those of the session. Without `stream`
    clients get the acceptance and the end, and nothing between."""

    model: str | None = None
    skill: str | None = None
    stream: bool = True
    variables: Mapping[str, str] | None = None
    overrides: Mapping[str, str] | None = None

    @property
    def chosen(self) -> dict[str, Any]:
        """What differs from a plain turn, by the names that a turn's payload has for it."""
        found: dict[str, Any] = {}
        if self.model is not None:
            found["model"] = self.model
        if self.skill is not None:
            found["skill"] = self.skill
        if not self.stream:
            found["stream"] = False
        if self.variables:
            found["variables"] = dict(self.variables)
        if self.overrides:
            found["overrides"] = dict(self.overrides)
        return found

    @property
    def needs_agent(self) -> bool:
        """Whether the agent's configuration has a say in it."""
        return self.model is not None or self.skill is not None or bool(self.variables)

    def check(self, agent: Configured) -> None:
        """Whether the agent allows this model and has this skill.

        Raises:
            ValidationError: not this model; `details` name the field.
            NotFound: SKILL_NOT_FOUND: it has no such skill.
        """
        if self.model is not None and self.model not in (agent.model, *agent.models_allowed):
            raise ValidationError(
                "The agent may not use this model. Leave it out or name one that it allows.",
                details={"field": "model"},
            )
        if self.skill is not None and self.skill not in agent.skills:
            raise NotFound("The agent has no such skill.", code="SKILL_NOT_FOUND")


PLAIN = TurnOptions()
