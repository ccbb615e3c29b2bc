"""What is sent and answered about turns."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from shared.conversations.options import TurnOptions
from shared.protocol.attachments import Files, Images, attached
from shared.protocol.fields import Variables, checked_skill
from shared.protocol.overrides import Overrides

DIRECTIVE = "What the agent asks of the client, such as files for the user: `send_file`."


class NewTurn(BaseModel):
    """One message for an agent."""

    model_config = ConfigDict(extra="forbid")

    agent_id: str = Field(min_length=1, max_length=128)
    images: Images = Field((), description="Pictures that the model is shown.")
    files: Files = Field((), description="Files that are kept for the agent's tools.")
    message: str = Field(max_length=10_000, description="May be empty with images or files.")
    session_id: str | None = Field(None, max_length=64, description="Go on in this session.")
    wait: float = Field(25, ge=0, le=900, description="Seconds to wait for the reply.")
    callback_url: str | None = Field(
        None, max_length=2048, description="Gets a signed POST when the turn has ended."
    )
    model: str | None = Field(
        None, min_length=1, max_length=128, description="One that the agent allows."
    )
    skill: str | None = Field(None, description="One of the agent's skills.")
    dynamic_variables: Variables | None = Field(
        None, description="Values for `{{name}}` in what the agent is told, by name."
    )
    overrides: Overrides | None = Field(
        None, description="For a new session: in the place of the agent's own, if it allows them."
    )

    @field_validator("overrides")
    @classmethod
    def _of_a_new_session(
        cls, overrides: Overrides | None, info: ValidationInfo
    ) -> Overrides | None:
        if overrides is not None and info.data.get("session_id") is not None:
            raise ValueError(
                "may only come without session_id; a session keeps those it began with"
            )
        return overrides

    @field_validator("message")
    @classmethod
    def _not_blank(cls, message: str, info: ValidationInfo) -> str:
        if not (message.strip() or info.data.get("images") or info.data.get("files")):
            raise ValueError("may not be blank")
        return message

    @field_validator("skill")
    @classmethod
    def _skill_name(cls, skill: str | None) -> str | None:
        return None if skill is None else checked_skill(skill)

    @property
    def attached(self) -> dict[str, Any]:
        """What comes with the message, as a turn has it."""
        return attached(self.images, self.files)

    @property
    def options(self) -> TurnOptions:
        return TurnOptions(
            model=self.model,
            skill=self.skill,
            variables=self.dynamic_variables,
            overrides=self.overrides.chosen if self.overrides else None,
        )


class TurnResult(BaseModel):
    """A turn that has its reply."""

    turn_id: str
    session_id: str
    status: str
    text: str
    usage: dict[str, Any] | None
    citations: list[dict[str, Any]] = []
    directive: dict[str, Any] | None = Field(None, description=DIRECTIVE)
    escalation: str | None = Field(None, description="Why a person should take over.")


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
    citations: list[dict[str, Any]] = []
    directive: dict[str, Any] | None = Field(None, description=DIRECTIVE)
    escalation: str | None = Field(None, description="Why a person should take over.")
