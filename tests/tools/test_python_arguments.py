"""What a model may send to a function, as which types it arrives, and what is said of mistakes."""

import datetime
import enum
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import BaseModel, Field

from shared.tools.port import InvalidArguments
from tests.tools.calls import context, run, tool


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Item(BaseModel):
    sku: str
    count: int = 1


def test_values_have_the_annotated_types() -> None:
    seen: dict[str, Any] = {}

    def take(
        day: datetime.date,
        colour: Colour,
        items: list[Item],
        size: Literal["s", "m"],
        price: Decimal,
        ratio: float | None = None,
    ) -> None:
        seen.update(locals())

    run(take, day="2026-01-31", colour="blue", items=[{"sku": "a"}], size="m", price="1.50")
    assert seen == {
        "day": datetime.date(2026, 1, 31),
        "colour": Colour.BLUE,
        "items": [Item(sku="a", count=1)],
        "size": "m",
        "price": Decimal("1.50"),
        "ratio": None,
        "seen": seen,
    }


def test_a_number_is_taken_for_a_text_and_the_other_way_round() -> None:
    def take(order_id: str, count: int) -> str:
        return repr((order_id, count))

    assert run(take, order_id=1042, count="3") == "('1042', 3)"


def test_what_was_left_out_keeps_its_default() -> None:
    marker = object()

    def take(a: int = 1, b: Any = marker) -> str:
        return f"{a} {b is marker}"

    assert run(take) == "1 True"
    assert run(take, a=2) == "2 True"


def test_the_default_of_a_field_is_given() -> None:
    def take(
        items: Annotated[list[int], Field(default_factory=list)],
        count: Annotated[int, Field(default=3)],
        name: Annotated[str, Field(default="x")] = "y",
    ) -> str:
        items.append(1)
        return f"{items} {count} {name}"

    assert "required" not in tool(take).parameters
    assert run(take) == "[1] 3 y"
    assert run(take) == "[1] 3 y", "each call has a list of its own"
    assert run(take, items=[5], count=4, name="z") == "[5, 1] 4 z"


def take_all(
    count: int = 0,
    day: datetime.date | None = None,
    at: datetime.datetime | None = None,
    hour: datetime.time | None = None,
    wait: datetime.timedelta | None = None,
    colour: Colour = Colour.RED,
    size: Literal["s", "m"] = "s",
    item: Item | None = None,
    items: list[Item] = [],  # noqa: B006
    either: int | list[str] = 0,
    mark: UUID | None = None,
    code: Annotated[str, Field(pattern="^[A-Z]+$", min_length=2)] = "AB",
    tags: Annotated[set[str], Field(min_length=1)] = {"x"},  # noqa: B006
    fixed: Annotated[int, Field(multiple_of=5)] = 5,
    point: tuple[int, int] = (0, 0),
) -> None:
    """Take all."""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"count": "many"}, '"count" must be a whole number.'),
        ({"count": None}, '"count" must be a whole number.'),
        ({"day": "soon"}, '"day" must be a date such as 2026-01-31.'),
        ({"day": []}, '"day" must be a date such as 2026-01-31.'),
        ({"at": "soon"}, '"at" must be a date and time such as 2026-01-31T12:00:00Z.'),
        ({"hour": "x"}, '"hour" must be a time such as 12:30.'),
        ({"wait": "x"}, '"wait" must be a duration such as PT1H30M.'),
        ({"colour": "green"}, "\"colour\" must be 'red' or 'blue'."),
        ({"size": "xl"}, "\"size\" must be 's' or 'm'."),
        ({"item": 5}, '"item" must be an object.'),
        ({"item": {}}, '"item.sku" is missing; add it.'),
        ({"items": [{"sku": "a"}, {"sku": []}]}, '"items.1.sku" must be a text.'),
        ({"either": {}}, '"either" must be a whole number, or must be a list.'),
        ({"mark": "x"}, '"mark" must be a UUID.'),
        ({"code": "ab"}, '"code" must match the pattern ^[A-Z]+$.'),
        ({"code": "A"}, '"code" must have at least 2 characters.'),
        ({"tags": []}, '"tags" must have at least 1 entries.'),
        ({"tags": 5}, '"tags" must be a list.'),
        ({"fixed": 7}, '"fixed" must be a multiple of 5.'),
        ({"point": [1]}, '"point.1" is missing; add it.'),
        ({"colr": 1}, '"colr" is no argument of this tool; there are count, day,'),
    ],
)
def test_what_does_not_fit_is_said(arguments: Mapping[str, Any], said: str) -> None:
    with pytest.raises(InvalidArguments) as caught:
        tool(take_all).run(arguments, context())
    text = str(caught.value)
    assert text.startswith("The arguments do not fit, so nothing was called. ")
    assert said in text
    assert caught.value.__cause__ is None, "pydantic's error holds the values"


def test_what_we_have_no_words_for_is_said_by_the_schema() -> None:
    def take(data: Annotated[dict[str, int], Field(min_length=1), Field(fail_fast=None)]) -> None:
        pass

    def take_bytes(data: Annotated[bytes, Field(max_length=2)]) -> None:
        pass

    with pytest.raises(InvalidArguments, match=r'"data" must fit the schema \{"'):
        run(take_bytes, data="long")
    with pytest.raises(InvalidArguments, match=r'"data\.a" must be a whole number'):
        run(take, data={"a": "x"})


def test_at_most_a_few_faults_are_told() -> None:
    with pytest.raises(InvalidArguments) as caught:
        run(take_all, **{f"x{n}": n for n in range(9)})
    assert str(caught.value).count("is no argument") == 5
    assert "There is more that does not fit." in str(caught.value)


def test_an_author_s_own_check_is_told() -> None:
    class Even(BaseModel):
        number: int

        def model_post_init(self, _: Any) -> None:
            if self.number % 2:
                raise ValueError("must be even")

    def take(even: Even) -> None:
        pass

    with pytest.raises(InvalidArguments, match='"even" must be even'):
        run(take, even={"number": 3})


def test_the_schema_is_json() -> None:
    assert json.loads(json.dumps(tool(take_all).parameters))["properties"].keys() >= {"colour"}
