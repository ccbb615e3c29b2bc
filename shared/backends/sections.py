"""The sections of an agent's configuration: what it knows, its workflow, what it may spend."""

import re
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, model_validator

from shared.protocol.faults import Inside
from shared.protocol.names import checked_id
from shared.protocol.variables import PLACE
from shared.protocol.written import Written
from shared.runner.limits import Limits as TurnLimits
from shared.settings_types import NANO, NanoUsd

MAX_STEPS = 32
MAX_TEXT = 2_000
"""Characters of a goal, an intent, a criterion."""

MAX_PATH = 512
_DAY = 86_400

_STEP = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)
_FOLDER = re.compile(r"[^/~\\:][^\\:]*")
_BEDROCK = re.compile(r"[0-9A-Za-z]{10}", re.ASCII)
_S3 = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/[^\\]*)?", re.ASCII)


def not_blank(text: str) -> str:
    """The text itself. Raises ValueError if there is nothing to read in it."""
    if not text.strip():
        raise ValueError("may not be blank")
    return text


def _documents(path: str) -> str:
    steps = path.removeprefix("s3://").removesuffix("/").split("/")
    named = all(step.strip() not in ("", ".", "..") for step in steps)
    known = _S3.fullmatch(path) or _FOLDER.fullmatch(path)
    if not (known and named) or len(path) > MAX_PATH or not path.isprintable():
        raise ValueError(
            "must be a folder beside the agents, such as knowledge/support, or "
            f"s3://bucket/prefix, of up to {MAX_PATH} characters"
        )
    return path


def _bedrock(text: str) -> str:
    if not _BEDROCK.fullmatch(text):
        raise ValueError("must be the id of a knowledge base in Bedrock: 10 letters and digits")
    return text


def _step_id(text: str) -> str:
    if not _STEP.fullmatch(text):
        raise ValueError("must be up to 64 letters, digits and _, with no digit in front")
    return text


def _fixed(text: str) -> str:
    if place := PLACE.search(not_blank(text)):
        raise ValueError(
            f"has {place[0]}; a workflow has no places for variables. Put it into the instructions"
        )
    return text


def _dollars(value: Any) -> Any:
    """As text, so that 0.29 is not the nearest that a machine's number can be to it."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value) if isinstance(value, float) else value


def _in_dollars(nano: int) -> str:
    return f"{Decimal(nano) / NANO:f}"


_Usd = Annotated[NanoUsd, BeforeValidator(_dollars), PlainSerializer(_in_dollars)]
_Text = Annotated[str, Field(max_length=MAX_TEXT), AfterValidator(_fixed)]


class Knowledge(Written):
    """What is searched: the Markdown files of a folder, or a knowledge base by its id, of the
    backend or of Amazon Bedrock. `top_k` pieces are found at a time."""

    example: ClassVar = "{documents: knowledge/support}"

    documents: Annotated[str, AfterValidator(_documents)] | None = None
    id: Annotated[str, AfterValidator(checked_id)] | None = None
    bedrock: Annotated[str, AfterValidator(_bedrock)] | None = None
    top_k: int = Field(3, ge=1, le=20, strict=True)

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if sum(each is not None for each in (self.documents, self.id, self.bedrock)) != 1:
            raise ValueError("must have exactly one of documents, id and bedrock: what is searched")
        return self


class Step(Written):
    """One step: what it is for, and by what it is known to be done."""

    example: ClassVar = "{id: find, intent: Find the order, criteria: An order id is known}"

    id: Annotated[str, AfterValidator(_step_id)]
    intent: _Text
    criteria: _Text


def _steps(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    if not steps:
        raise ValueError("must have at least one step")
    first: dict[str, int] = {}
    for index, step in enumerate(steps):
        if first.setdefault(step.id, index) != index:
            raise Inside(
                (index, "id"), f'is "{step.id}", as that of steps.{first[step.id]} is; change one'
            )
    return steps


class Workflow(Written):
    """The steps by which a conversation is led to its goal."""

    example: ClassVar = "{goal: Solve the problem, steps: [...]}"

    goal: _Text
    steps: Annotated[tuple[Step, ...], Field(max_length=MAX_STEPS), AfterValidator(_steps)]


class Limits(Written):
    """What a turn and a conversation may take. Dollars are held as whole billionths of one, and
    written as a text."""

    example: ClassVar = "{turn_seconds: 600, turn_usd: 0.50}"

    turn_seconds: float | None = Field(None, gt=0, le=_DAY, allow_inf_nan=False, strict=True)
    turn_usd: _Usd | None = None
    conversation_usd: _Usd | None = None

    @property
    def of_turns(self) -> TurnLimits:
        """The same for those that run turns."""
        return TurnLimits(
            turn_seconds=self.turn_seconds,
            turn_nano_usd=self.turn_usd,
            conversation_nano_usd=self.conversation_usd,
        )
