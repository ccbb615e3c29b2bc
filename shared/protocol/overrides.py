"""What a session may bring in the place of its agent's own, and what an agent may have there."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from shared.protocol.variables import IDENTIFIER, check_places

_FIELD = re.compile(IDENTIFIER, re.ASCII)
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8}){0,3}", re.ASCII)  # BCP 47, in short


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("may not be blank")
    return text


def _language(tag: str) -> str:
    if not _LANGUAGE.fullmatch(tag):
        raise ValueError("must be the tag of a language, such as de or pt-BR")
    return tag


Greeting = Annotated[
    str, Field(max_length=10_000), AfterValidator(_not_blank), AfterValidator(check_places)
]
Instructions = Annotated[
    str, Field(max_length=200_000), AfterValidator(_not_blank), AfterValidator(check_places)
]
Language = Annotated[str, AfterValidator(_language)]
Model = Annotated[str, Field(max_length=128), AfterValidator(_not_blank)]


class Overrides(BaseModel):
    """Whether the agent allows them, the agent says. None is the agent's own."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    greeting: Greeting | None = None
    language: Language | None = None
    instructions: Instructions | None = None
    model: Model | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_such_fields(cls, given: Any) -> Any:
        """A field that is not known is named in the answer, if it is fit to be."""
        if isinstance(given, dict) and not all(
            isinstance(name, str) and _FIELD.fullmatch(name) for name in given
        ):
            raise ValueError(f"may only have {', '.join(cls.model_fields)}")
        return given

    @property
    def chosen(self) -> dict[str, str]:
        """What is to be replaced, by name."""
        return self.model_dump(exclude_none=True)
