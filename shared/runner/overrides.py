"""What a session has in the place of its agent's own: `greeting`, `language`, `instructions` and
`model`, as far as the agent says so."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import pydantic

from shared.errors import ValidationError
from shared.protocol.faults import faults
from shared.protocol.overrides import Overrides


class Overridable(Protocol):
    """An agent, as far as it says what may be replaced."""

    @property
    def model(self) -> str: ...

    @property
    def models_allowed(self) -> Sequence[str]: ...

    @property
    def overrides(self) -> Sequence[str]: ...


def read_overrides(given: Mapping[str, Any]) -> dict[str, str]:
    """What a program gives as overrides.

    Raises:
        ValidationError: they are none; `details` name the field.
    """
    try:
        return Overrides.model_validate(dict(given)).chosen
    except pydantic.ValidationError as error:
        fault = faults(error)[0]
    field = ".".join(("overrides", *map(str, fault.path)))
    raise ValidationError(f'"{field}" {fault.reason}.', details={"field": field})


def check_overrides(agent: Overridable, given: Mapping[str, str]) -> None:
    """Whether the agent allows these.

    Raises:
        ValidationError: not one of them; `details` name it.
    """
    for name, value in given.items():
        if name not in agent.overrides:
            said = f"The agent does not let a session replace its {name}. Leave it out."
        elif not _may_be(agent, name, value):
            said = "The agent may not use this model. Leave it out or name one that it allows."
        else:
            continue
        raise ValidationError(said, details={"field": f"overrides.{name}"})


def still_allowed(agent: Overridable, given: Mapping[str, str]) -> dict[str, str]:
    """Those that the agent, which may have changed since they were given, allows."""
    return {
        name: value
        for name, value in given.items()
        if name in agent.overrides and _may_be(agent, name, value)
    }


def _may_be(agent: Overridable, name: str, value: str) -> bool:
    return name != "model" or value in (agent.model, *agent.models_allowed)
