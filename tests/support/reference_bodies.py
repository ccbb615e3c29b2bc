"""The bodies that the reference backend takes, strictly."""

from typing import Annotated, Any, Literal, TypeVar

import pydantic
from pydantic import BaseModel, ConfigDict, Field

_Model = TypeVar("_Model", bound=BaseModel)


class Problem(Exception):
    """The answer is an error."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


Id = Annotated[str, Field(min_length=1, max_length=512)]
Moment = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00$")]


class BeginBody(_Body):
    id: Id
    user_id: Id
    assistant_id: Id
    conversation_id: Id
    source: Id
    status: Literal["connected"]
    started_at: Moment


class TranscriptBody(_Body):
    turn_index: int = Field(ge=0)
    user_id: Id
    speaker: Literal["human", "ai"]
    content: str
    start_ms: int = Field(ge=0)
    end_ms: int = Field(ge=0)
    duration_ms: int = Field(ge=0)
    message_id: Id
    turn_id: Id
    stopped: bool


class EscalationBody(_Body):
    user_id: Id
    reason: str = Field(min_length=1, max_length=1000)
    turn_id: Id
    message_id: Id
    escalated_at: Moment


class FinalizeBody(_Body):
    status: Literal["connected", "failed"]
    duration_seconds: float = Field(ge=0)
    ended_at: Moment
    missing: int = Field(ge=0)


class SearchBody(_Body):
    query: str
    n_results: int = Field(ge=1, le=100)
    user_id: Id
    groups: list[Id] = Field(max_length=256)


def checked(model: type[_Model], body: Any) -> _Model:
    try:
        return model.model_validate(body)
    except pydantic.ValidationError as fault:
        where = ".".join(map(str, fault.errors()[0]["loc"]))
        raise Problem(422, "VALIDATION_ERROR", f"The body is not valid at {where}.") from None
