"""What a session has of its own: values for the variables of its agent's texts, and texts in the
place of the agent's."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from shared.errors import ValidationError
from shared.runner.overrides import Overridable, check_overrides, read_overrides, still_allowed
from shared.runner.variables import check_variables, read_variables


class Worded(Overridable, Protocol):
    """An agent, as far as it says what its sessions may bring, and must."""

    @property
    def instructions(self) -> str: ...

    @property
    def greeting(self) -> str | None: ...


@dataclass(frozen=True, kw_only=True)
class Brought:
    """What comes with the beginning of a session, or with a message; None is nothing said.

    `skill` is the text of the one that a message asks for, and `skills` are those of all that the
    agent has, which are looked at only if there are variables.
    """

    variables: Mapping[str, str] | None = None
    overrides: Mapping[str, str] | None = None
    skill: str | None = None
    skills: Iterable[str] = ()

    @classmethod
    def read(
        cls,
        variables: Mapping[str, Any] | None,
        overrides: Mapping[str, Any] | None,
        *,
        skill: str | None,
        skills: Iterable[str],
    ) -> Self:
        """What a program brings.

        Raises:
            ValidationError: it is not of the right shape; `details` name the field.
        """
        return cls(
            variables=None if variables is None else read_variables(variables),
            overrides=None if overrides is None else read_overrides(overrides),
            skill=skill,
            skills=skills,
        )


@dataclass(frozen=True, kw_only=True)
class Own:
    """By name, both. What an agent says of them may change after they were taken."""

    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    overrides: Mapping[str, str] = field(default_factory=dict[str, str])

    def begin(self, agent: Worded, brought: Brought) -> Self:
        """What a session has that begins with this; of what is not said, it has this one's.

        Raises:
            ValidationError: the agent does not allow an override; a variable is missing or unknown.
        """
        check_overrides(agent, brought.overrides or {})
        begun = type(self)(
            variables=self.variables if brought.variables is None else brought.variables,
            overrides=self.overrides if brought.overrides is None else brought.overrides,
        )
        texts = [*begun.texts(agent), brought.skill]
        known = brought.skills
        check_variables(brought.variables or {}, begun.variables, needed=texts, known=known)
        return begun

    def check(self, agent: Worded, brought: Brought) -> None:
        """Whether a message in the session may bring this.

        Raises:
            ValidationError: the overrides are not the session's; a variable is unknown, or one of
                the skill is missing.
        """
        overrides = brought.overrides
        if overrides is not None and dict(overrides) != dict(self.overrides):
            raise ValidationError(
                "The session has begun with other overrides. Leave them out, or begin another one.",
                details={"field": "overrides"},
            )
        known = (text for group in (self.texts(agent), brought.skills) for text in group)
        needed = [brought.skill]
        check_variables(brought.variables or {}, self.variables, needed=needed, known=known)

    def to_dict(self) -> dict[str, Any]:
        """As it is kept, in JSON; empty if there is nothing."""
        named = {"variables": self.variables, "overrides": self.overrides}
        return {name: dict(values) for name, values in named.items() if values}

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> Self:
        """What `to_dict` has made, among whatever else."""
        return cls(variables=kept.get("variables", {}), overrides=kept.get("overrides", {}))

    def texts(self, agent: Worded) -> list[str | None]:
        """What the agent says in every session like this one."""
        own = still_allowed(agent, self.overrides)
        return [own.get("instructions", agent.instructions), own.get("greeting", agent.greeting)]
