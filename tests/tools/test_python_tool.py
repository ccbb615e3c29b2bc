"""Functions as tools: what the model is told, and what it gets back."""

import dataclasses
import datetime
import enum
import functools
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import pytest
from pydantic import BaseModel, Field

from shared.tools.port import InvalidArguments, ToolContext, ToolFault
from shared.tools.python_tool import PythonTool
from tests.tools.calls import context, run, tool


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Item(BaseModel):
    sku: str
    count: int = 1


# -- what the model is told -------------------------------------------------------------------


def find(order_id: str, limit: Annotated[int, Field(ge=1, description="How many.")] = 5) -> str:
    """Find an order
    by its number.

    Only open ones.

    Args:
        order_id: The number,
            as printed.
        limit: Not shown: the type says more.

    Returns:
        Nothing of interest.
    """
    return f"{order_id} {limit}"


def test_name_description_and_schema_come_from_the_function() -> None:
    found = PythonTool(find, name="find")
    assert found.name == "find"
    assert found.description == "Find an order by its number.\n\nOnly open ones."
    assert found.parameters == {
        "type": "object",
        "additionalProperties": False,
        "required": ["order_id"],
        "properties": {
            "order_id": {"type": "string", "description": "The number, as printed."},
            "limit": {"type": "integer", "minimum": 1, "default": 5, "description": "How many."},
        },
    }
    assert (found.repeatable, found.parallel, found.timeout) == (False, True, 30.0)


def test_what_the_configuration_says_goes_first() -> None:
    found = PythonTool(
        find, name="x", description="Other.", repeatable=True, parallel=False, timeout=7
    )
    assert (found.name, found.description) == ("x", "Other.")
    assert (found.repeatable, found.parallel, found.timeout) == (True, False, 7)


def test_names_that_a_model_class_could_not_have() -> None:
    def odd(json: str, model_config: int, schema: bool, _private: str = "p") -> str:
        return f"{json} {model_config} {schema} {_private}"

    assert list(tool(odd).parameters["properties"]) == [
        "json", "model_config", "schema", "_private",
    ]  # fmt: skip
    assert run(odd, json="a", model_config=1, schema=True, _private="q") == "a 1 True q"


def test_a_function_without_parameters() -> None:
    def ping() -> str:
        return "pong"

    assert tool(ping).parameters["properties"] == {}
    assert run(ping) == "pong"


def test_a_wrapped_function_is_told_as_what_it_wraps() -> None:
    @functools.lru_cache
    def double(number: int) -> int:
        """Double a number."""
        return number * 2

    found = PythonTool(double, name="double")
    assert found.description == "Double a number."
    assert found.run({"number": 4}, context()) == "8"


# -- the context ------------------------------------------------------------------------------


def test_the_context_is_given_and_not_shown() -> None:
    def who(question: str, context: ToolContext) -> str:
        return f"{context.tenant}/{context.user} {question}"

    assert list(tool(who).parameters["properties"]) == ["question"]
    assert run(who, question="?") == "acme/ada ?"


def test_the_model_cannot_make_up_a_context() -> None:
    def who(context: ToolContext | None = None) -> str:
        return context.user if context else "nobody"

    assert run(who) == "ada"
    with pytest.raises(InvalidArguments, match='"context" is no argument of this tool; it takes'):
        run(who, context={"user": "mallory"})


# -- results ----------------------------------------------------------------------------------


@dataclasses.dataclass
class Point:
    x: int
    when: datetime.date


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ("as it is\n", "as it is\n"),
        ("", ""),
        ("half \ud800", "half \ufffd"),
        (None, "Done."),
        (5, "5"),
        (0.5, "0.5"),
        (True, "true"),
        (float("nan"), '"NaN"'),
        ([1, "ä"], '[1,"ä"]'),
        ({"a": None, 1: Colour.RED}, '{"a":null,"1":"red"}'),
        (Item(sku="s"), '{"sku":"s","count":1}'),
        (Point(1, datetime.date(2026, 1, 31)), '{"x":1,"when":"2026-01-31"}'),
        (datetime.datetime(2026, 1, 31, tzinfo=datetime.UTC), '"2026-01-31T00:00:00Z"'),
        ([Decimal("1.50"), UUID(int=0)], '["1.50","00000000-0000-0000-0000-000000000000"]'),
    ],
)
def test_results_are_text(result: Any, text: str) -> None:
    def give() -> Any:
        return result

    assert run(give) == text


def circle() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


@pytest.mark.parametrize("result", [object(), {"a": object()}, b"\xff", circle()])
def test_what_cannot_be_written_is_said(result: Any) -> None:
    def give() -> Any:
        return result

    with pytest.raises(ToolFault, match="may have taken effect") as caught:
        run(give)
    assert caught.value.__cause__ is not None
    assert not isinstance(caught.value, InvalidArguments)


def test_faults_go_through_as_they_are() -> None:
    def refuse() -> None:
        raise ToolFault("There is no such order.")

    def fail() -> None:
        raise KeyError("x")

    with pytest.raises(ToolFault, match="There is no such order"):
        run(refuse)
    with pytest.raises(KeyError):
        run(fail)


def test_arguments_are_checked_without_a_call() -> None:
    called: list[str] = []

    def pay(amount: int) -> None:
        """Pay."""
        called.append(str(amount))

    made = PythonTool(pay, name="pay")
    made.check({"amount": 5})
    with pytest.raises(InvalidArguments, match="amount"):
        made.check({"amount": "lots"})
    assert called == []
