"""Functions that cannot be tools, and the reasons that are given."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, Any

import pytest
from pydantic import Field

from shared.tools.port import ToolContext
from shared.tools.python_tool import PythonTool
from shared.tools.specs import MAX_DESCRIPTION
from tests.tools.calls import tool


async def asynchronous() -> None: ...


async def stream() -> AsyncIterator[int]:
    yield 1


def generator() -> Iterator[int]:
    yield 1


def positional(a: int, /) -> None: ...


def many(*values: int) -> None: ...


def any_name(**values: int) -> None: ...


def bare(a) -> None: ...  # type: ignore[no-untyped-def]


def unknown(a: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821


class Opaque:
    pass


def opaque(good: int, thing: Opaque) -> None: ...


def called(thing: Callable[[int], int]) -> None: ...


def field(a: int = Field(ge=1)) -> None: ...


def hidden(contexts: list[ToolContext]) -> None: ...


def two_defaults(a: Annotated[list[int], Field(default_factory=list)] = []) -> None: ...  # noqa: B006


def umlaut(größe: int) -> None: ...


def huge(a: Annotated[int, Field(description="x" * 40_000)]) -> None: ...


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (asynchronous, "is async; tools are plain functions"),
        (stream, "is an async generator"),
        (generator, "is a generator; return a list"),
        (Opaque, "is a class; name a function"),
        (5, "is no function"),
        (positional, 'its parameter "a" is positional only'),
        (many, 'its parameter "values" takes any number of values'),
        (any_name, 'its parameter "values" takes any names'),
        (bare, 'its parameter "a" needs a type hint'),
        (unknown, "has type hints that cannot be read (NameError: name 'Nowhere'"),
        (opaque, 'the type of its parameter "thing" cannot be described'),
        (called, 'the type of its parameter "thing" cannot be described'),
        (field, 'write the Field of its parameter "a" as Annotated'),
        (hidden, 'annotate its parameter "contexts" as ToolContext alone'),
        (two_defaults, 'its parameter "a" has a default and the default_factory of a Field'),
        (umlaut, 'has an argument "größe": use up to 64 letters'),
        (huge, "may have at most 32 KB"),
    ],
)
def test_what_cannot_be_a_tool_is_refused(function: Any, said: str) -> None:
    with pytest.raises(ValueError) as caught:
        tool(function)
    assert said in str(caught.value)


def test_a_tool_needs_a_description() -> None:
    def bare() -> None: ...

    def long() -> None: ...

    long.__doc__ = "x" * (MAX_DESCRIPTION + 1)
    with pytest.raises(ValueError, match="has no docstring; say in one"):
        PythonTool(bare, name="bare")
    with pytest.raises(ValueError, match="has a docstring of more than 4096"):
        PythonTool(long, name="long")
    assert PythonTool(long, name="long", description="Short.").description == "Short."
