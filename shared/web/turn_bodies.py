"""What is sent and answered about turns."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from shared.conversations.options import TurnOptions
from shared.protocol.fields import checked_skill

LATER = ("dynamic_variables",)


class NewTurn(BaseModel):
    """One message for an agent."""

    model_config = ConfigDict(extra="forbid")

    agent_id: str = Field(min_length=1, max_length=128)
    message: str = Field(min_length=1, max_length=10_000)
    session_id: str | None = Field(None, max_length=64, description="Go on in this session.")
    wait: float = Field(25, ge=0, le=900, description="Seconds to wait for the reply.")
    callback_url: str | None = Field(
        None, max_length=2048, description="Gets a signed POST when the turn has ended."
    )
    model: str | None = Field(
        None, min_length=1, max_length=128, description="One that the agent allows."
    )
    skill: str | None = Field(None, description="One of the agent's skills.")

    @model_validator(mode="before")
    @classmethod
    def _not_yet(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        for name in LATER:
            if values.get(name) not in (None, {}):
                raise ValueError(f"{name} is not supported yet; leave it out")
        return {name: value for name, value in values.items() if name not in LATER}

    @field_validator("message")
    @classmethod
    def _not_blank(cls, message: str) -> str:
        if not message.strip():
            raise ValueError("may not be blank")
        return message

    @field_validator("skill")
    @classmethod
    def _skill_name(cls, skill: str | None) -> str | None:
        return None if skill is None else checked_skill(skill)

    @property
    def options(self) -> TurnOptions:
        return TurnOptions(model=self.model, skill=self.skill)


class TurnResult(BaseModel):
    """A turn that has its reply."""

    turn_id: str
    session_id: str
    status: str
    text: str
    usage: dict[str, Any] | None
    citations: list[dict[str, Any]] = []


class TurnAccepted(BaseModel):
    """A turn that goes on; ask for it again. `prompt` is there when it goes on only once somebody
    has answered: see `TurnState`."""

    turn_id: str
    session_id: str
    status: str
    prompt: dict[str, Any] | None = None


class TurnStopping(BaseModel):
    """A turn that has been asked to stop; ask for it again to see how it ended."""

    turn_id: str
    session_id: str
    status: Literal["stopping"] = "stopping"


class TurnState(BaseModel):
    """How a turn stands. While it waits for somebody, `prompt` says for what: an approval
    (`approval_id`, `tool`, `description`, `arguments`), a form that the user fills in
    (`interaction_id`, `kind`, `spec`, `reason`) or a code that was sent to them (`channel`,
    `destination`); and until when (`expires_at`)."""

    turn_id: str
    session_id: str
    status: str
    text: str
    prompt: dict[str, Any] | None = None
    usage: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
