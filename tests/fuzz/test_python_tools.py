"""Python tools: whatever arguments a model makes up, they fit, or the model is told why not."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import pydantic
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import TypedDict

from tests.fuzz.arguments import ARGUMENTS, NAMES, SCALARS, VALUES, said_of
from tests.fuzz.extent import extent
from tests.tools.calls import context, tool


class Size(Enum):
    SMALL = "small"
    LARGE = "large"


class Place(TypedDict):
    street: str
    number: int


class Order(pydantic.BaseModel):
    id: int
    tags: list[str] = []


@dataclass
class Point:
    x: float
    y: float = 0.0


HINTS: tuple[Any, ...] = (
    *(str, int, float, bool, bytes, Decimal, UUID, datetime, date, time, timedelta, Any),
    *(Size, Place, Order, Point, Literal["a", 1], dict[str, int], list[Order], set[int]),
    *(tuple[int, str], frozenset[str], int | None, str | list[int], Order | Point | None),
    *(Annotated[int, pydantic.Field(ge=0, le=9)], Annotated[str, pydantic.Field(pattern="^a+$")]),
    *(Annotated[list[int], pydantic.Field(max_length=2)], Annotated[float, pydantic.Field(gt=0)]),
    *(pydantic.HttpUrl, pydantic.NonNegativeInt),
)


def _function(hints: Mapping[str, Any], optional: int) -> Callable[..., str]:
    """A function with these parameters, the last ones of which may be left out."""

    def made(**values: Any) -> str:
        assert values.keys() <= hints.keys()
        return "called"

    required = len(hints) - optional
    made.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if number < required else None,
                annotation=hint,
            )
            for number, (name, hint) in enumerate(hints.items())
        ]
    )
    made.__annotations__ = dict(hints)
    return made


_HINTED = st.dictionaries(
    st.sampled_from(NAMES), st.sampled_from([str, float, Any]) | st.sampled_from(HINTS), max_size=3
)


def _arguments(hints: dict[str, Any]) -> st.SearchStrategy[tuple[dict[str, Any], dict[str, Any]]]:
    """The hints with arguments for them, or for some function."""
    meant = st.fixed_dictionaries(dict.fromkeys(hints, SCALARS | VALUES))
    return st.tuples(st.just(hints), meant | meant | ARGUMENTS)


@extent(1200)
@given(_HINTED.flatmap(_arguments), st.integers(0, 2))
def test_python_functions(call: tuple[dict[str, Any], dict[str, Any]], optional: int) -> None:
    hints, arguments = call
    made = tool(_function(hints, min(optional, len(hints))))
    assert said_of(lambda: str(made.run(arguments, context()))) in ("called", None)
