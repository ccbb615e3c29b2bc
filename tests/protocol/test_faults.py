"""What is said of values that do not fit."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, ClassVar

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.protocol.faults import Fault, Inside, faults, unknown
from shared.protocol.written import MAX_DEPTH, MAX_NUMBER, Written, plain_json


class Form(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    text: str = Field("", max_length=100)
    number: Annotated[float, Field(ge=0.5, le=900)] = 1
    count: Annotated[int, Field(gt=0)] = 1
    flag: bool = False
    names: list[str] = []
    map: dict[str, Any] = {}


class Part(Written):
    example: ClassVar = "{name: a}"

    name: str
    class_: str | None = Field(None, alias="class")


def said(model: type[BaseModel], values: Any, *, by_hand: bool) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(values)
    return [str(fault) for fault in faults(caught.value, by_hand=by_hand)]


@pytest.mark.parametrize(
    ("values", "plain", "more"),
    [
        ({"text": 5}, "must be a text", "; put it in quotes"),
        ({"text": 0.5}, "must be a text", "; put it in quotes"),
        ({"text": date(2026, 1, 31)}, "must be a text", "; put it in quotes"),
        (
            {"text": False},
            "must be a text",
            ", but yes, no, on, off, true and false are none; put it in quotes",
        ),
        (
            {"text": {}},
            "must be a text",
            ", not an object; put a text that begins with { in quotes",
        ),
        ({"text": []}, "must be a text", ", not a list; put a text that begins with [ in quotes"),
        ({"text": None}, "must be a text", "; there is nothing: fill it in, or remove the field"),
        ({"names": None}, "must be a list", "; there is nothing: fill it in, or remove the field"),
        ({"names": "a"}, "must be a list", ", such as [a, b], even of one"),
        ({"names": {}}, "must be a list", "; begin each entry with -"),
        ({"names": 5}, "must be a list", ""),
        ({"count": "5"}, "must be a whole number", ", in digits and without quotes"),
        ({"number": "5"}, "must be a number", ", in digits and without quotes"),
        ({"number": True}, "must be a number", ""),
        ({"flag": "true"}, "must be true or false", ", without quotes"),
        ({"flag": 1}, "must be true or false", ""),
        ({"map": "a"}, "must be an object", ""),
        ({"text": "\ud800"}, "has half of a surrogate pair in it; write whole characters", ""),
        # Bounds are written as people would.
        ({"number": 901}, "must be at most 900", ""),
        ({"number": 0}, "must be at least 0.5", ""),
        ({"count": 0}, "must be more than 0", ""),
    ],
)
def test_reasons_for_programs_and_for_people(
    values: Mapping[str, Any], plain: str, more: str
) -> None:
    [field] = values
    assert said(Form, values, by_hand=False) == [f'"{field}" {plain}.']
    assert said(Form, values, by_hand=True) == [f'"{field}" {plain}{more}.']


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        *(("max_token", "max_tokens"), ("maxTokens", "max_tokens"), ("Max-Tokens", "max_tokens")),
        *(("max tokens", "max_tokens"), ("NAME", "name"), ("nmae", "name")),
    ],
)
def test_the_name_that_was_meant(name: str, meant: str) -> None:
    reason = f'is not a known field; did you mean "{meant}"? If not, remove it'
    assert unknown(name, ["name", "max_tokens", "tools"]) == reason


@pytest.mark.parametrize("name", ["colour", "", "5", "\ud800", "x" * 10_000])
def test_names_that_are_like_none(name: str) -> None:
    assert unknown(name, ["name", "tools"]) == "is not a known field; the fields are name, tools"


def test_a_name_is_repeated_only_as_far_as_it_can_be_shown() -> None:
    fault = Fault(("tools", 3, "a\n\ud800" + "b" * 100), "is not a known field")
    assert str(fault) == f'"tools.3.a��{"b" * 61}…" is not a known field.'
    assert str(Fault(("b" * 64,), "is wrong")) == f'"{"b" * 64}" is wrong.'
    assert fault.field.endswith("b" * 100)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ("a", "It must be an object such as {name: a}."),
        (None, "It must be an object such as {name: a}."),
        ({"nam": "a"}, '"nam" is not a known field; did you mean "name"? If not, remove it.'),
        ({"name": "a", "class_": "b"}, '"class_" is not a known field; did you mean "class"? If'),
        ({"colour": 5}, '"colour" is not a known field; the fields are name, class.'),
        ({5: "a"}, '"5" is not a known field; the fields are name, class.'),
        ({}, '"name" is missing; add it.'),
    ],
)
def test_what_people_write(values: Any, sentence: str) -> None:
    [found] = said(Part, values, by_hand=True)
    assert found.startswith(sentence)


def test_what_is_one_already() -> None:
    part = Part.model_validate({"name": "a", "class": "b"})
    assert (part.name, part.class_) == ("a", "b")
    assert Part.model_validate(part) == part


@pytest.mark.parametrize(
    "value", [None, True, 5, -0.5, "é", [], {"a": [{"b": None}]}, MAX_NUMBER, -MAX_NUMBER, 1e19]
)
def test_what_json_has(value: Any) -> None:
    plain_json(value)


def nested(levels: int) -> Any:
    return [nested(levels - 1)] if levels else 5


def test_how_deep_json_may_be() -> None:
    plain_json(nested(MAX_DEPTH))
    with pytest.raises(ValueError, match="may be nested at most 64 levels deep; make it flatter"):
        plain_json(nested(MAX_DEPTH + 1))


@pytest.mark.parametrize(
    ("value", "path", "reason"),
    [
        (date(2026, 1, 31), (), "must be a text or a number; put dates in quotes"),
        ({"a": [1, b"x"]}, ("a", 1), "must be a text or a number; put dates in quotes"),
        ({"a": {5: 1}}, ("a",), "must be a text or a number; put dates in quotes"),
        ({"a": float("nan")}, ("a",), "must be a number that is not that large"),
        ({"a": float("-inf")}, ("a",), "must be a number that is not that large"),
        ({"a": 10**5000}, ("a",), "must be a number that is not that large"),
        ({"a": ["\ud800"]}, ("a", 0), "has half of a surrogate pair in it; write whole characters"),
        ({"\ud800": 1}, (), "has half of a surrogate pair in it; write whole characters"),
    ],
)
def test_what_json_does_not_have(value: Any, path: tuple[Any, ...], reason: str) -> None:
    with pytest.raises(Inside) as caught:
        plain_json(value)
    assert (caught.value.path, str(caught.value)) == (path, reason)
