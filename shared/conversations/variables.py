"""What sessions and messages bring for their agent's texts: checked, kept, handed to turns."""

from collections.abc import Callable, Mapping
from typing import Protocol

from shared.conversations.items import begun_key
from shared.conversations.options import Configured, TurnOptions
from shared.conversations.prompts import asker
from shared.errors import ConfigurationError
from shared.mailbox.box import BoxKey, Job
from shared.runner.own import Brought, Own, Worded
from shared.runner.variables import built_in
from shared.storage.expressions import ABSENT
from shared.storage.table import Item, Operation, Put

SkillText = Callable[[str], str]
"""The text of the skill with this name. Raises ConfigurationError."""


class Speaking(Configured, Worded, Protocol):
    """An agent, as far as it says what may be brought."""


def no_skills(name: str) -> str:
    """Raises ConfigurationError: in a process that cannot read them."""
    raise ConfigurationError(f'The skill "{name}" cannot be read in this process.')


class Variables:
    """Checks what is brought against what the agent says."""

    def __init__(self, skill: SkillText) -> None:
        self._skill = skill

    def begin(
        self,
        agent: Speaking,
        inherited: Own,
        *,
        variables: Mapping[str, str] | None,
        overrides: Mapping[str, str] | None,
        skill: str | None = None,
    ) -> Own:
        """What a session has that brings this; of what is None it has what is inherited. `skill` is
        what its first message asks for, if it begins with one.

        Raises:
            ValidationError: `details` name what is wrong.
        """
        brought = self._brought(agent, variables, overrides, skill)
        return inherited.begin(agent, brought)

    def check(self, agent: Speaking, own: Own, options: TurnOptions) -> None:
        """Whether a message in a session that has this may choose that.

        Raises:
            ValidationError: `details` name what is wrong.
            NotFound: SKILL_NOT_FOUND.
        """
        options.check(agent)
        brought = self._brought(agent, options.variables, options.overrides, options.skill)
        own.check(agent, brought)

    def _brought(
        self,
        agent: Speaking,
        variables: Mapping[str, str] | None,
        overrides: Mapping[str, str] | None,
        skill: str | None,
    ) -> Brought:
        return Brought(
            variables=variables,
            overrides=overrides,
            skill=None if skill is None else self._skill(skill),
            skills=map(self._skill, agent.skills),
        )


def kept(box: BoxKey, own: Own) -> list[Operation]:
    """The write by which those who come back to the conversation inherit this."""
    # Not in the conversation's own item, which each turn writes and each list reads.
    body = own.to_dict()
    return [Put(Item(begun_key(box), {}, body), ABSENT)] if body else []


def given_to(job: Job) -> dict[str, Mapping[str, str]]:
    """What a turn is asked with: by the names that `TurnRequest.of` has for it."""
    own = Own.from_dict(job.payload)
    ours = built_in(job.added_at, conversation=job.key.id, user=asker(job.payload))
    return {"variables": {**ours, **own.variables}, "overrides": own.overrides}
