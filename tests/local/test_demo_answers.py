"""The demo model's rules, one by one."""

from collections.abc import Mapping
from typing import Any

import pytest

from shared.local.demo_answers import answer
from shared.local.demo_arguments import guess_arguments


def schema(*required: str, **properties: Any) -> Mapping[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


TEXT = {"type": "string"}
WHOLE = {"type": "integer"}
DAY = {"type": "string", "format": "date"}
SUM = {"expression": "(2 + 3) * 4.5"}
STATE = {"anyOf": [{"enum": ["shut", "open"]}, {"type": "null"}]}
NAMED = {"$ref": "#/$defs/Name"}
NAMES = {"$defs": {"Name": {"enum": ["bob", "ada"]}}}


@pytest.mark.parametrize(
    ("text", "rules", "guessed"),
    [
        ("tool A-17", schema("id", id=TEXT), {"id": "A-17"}),
        ("tool with id 12.", schema("id", id=TEXT), {"id": "12"}),
        ('tool for "blue shoes"', schema("query", query=TEXT), {"query": "blue shoes"}),
        ("tool now", schema("query", query=TEXT), {"query": "now"}),
        ("tool", schema("query", query=TEXT), {"query": "tool"}),
        ("tool 3 and 4", schema("a", "b", a=WHOLE, b=WHOLE), {"a": 3, "b": 4}),
        ("tool b=3, a: 4", schema("a", "b", a=WHOLE, b=WHOLE), {"a": 4, "b": 3}),
        ("tool it", schema("a", a=WHOLE), {"a": 0}),
        ("tool -2.5", schema("a", a={"type": "number"}), {"a": -2.5}),
        ("tool it", schema(a=WHOLE, b=TEXT), {}),
        ("tool with limit 5", schema(limit=WHOLE, b=TEXT), {"limit": 5}),
        ("tool, order id 9", schema("order_id", order_id=TEXT), {"order_id": "9"}),
        ("tool in Celsius", schema("unit", unit={"enum": ["F", "celsius"]}), {"unit": "celsius"}),
        ("tool it", schema("fast", fast={"type": "boolean"}), {"fast": True}),
        ("tool it, not fast", schema("fast", fast={"type": "boolean"}), {"fast": False}),
        ("tool 7", schema("n", n={"type": "array", "items": WHOLE}), {"n": [7]}),
        ("tool 7", schema("o", o=schema("n", n=WHOLE)), {"o": {"n": 7}}),
        ("tool 7", schema("n", n={"anyOf": [{"type": "null"}, WHOLE]}), {"n": 7}),
        ("tool", {"type": "object"}, {}),
        ("tool 3 of A-1", schema("n", "id", n=WHOLE, id=TEXT), {"n": 3, "id": "A-1"}),
        ("tool from 2026-01-02 30", schema("n", "d", n=WHOLE, d=DAY), {"n": 30, "d": "2026-01-02"}),
        ("tool it", schema("d", d=DAY), {"d": "it"}),
        ("tool (2 + 3) * 4.5?", schema("expression", expression=TEXT), SUM),
        ("tool 2026-01-02", schema("expression", expression=TEXT), {"expression": "2026-01-02"}),
        ("tool the open ones", schema(state=STATE), {"state": "open"}),
        ("tool the opened ones", schema(state=STATE), {}),
        ("tool for Ada", {**schema("who", who=NAMED), **NAMES}, {"who": "ada"}),
    ],
)
def test_arguments_are_guessed(
    text: str, rules: Mapping[str, Any], guessed: dict[str, Any]
) -> None:
    assert guess_arguments(text, "tool", rules) == guessed


def tool(name: str) -> dict[str, Any]:
    return {"name": name, "input_schema": schema()}


@pytest.mark.parametrize(
    ("text", "called"),
    [
        ("please use get_weather", "get_weather"),
        ("Get weather!", "get_weather"),
        ("get weather alerts", "get_weather_alerts"),
        ("forget weather", None),
        ("hello", None),
    ],
)
def test_a_tool_is_called_when_it_is_named(text: str, called: str | None) -> None:
    tools = [tool("get_weather"), tool("get_weather_alerts")]
    said = answer({"messages": [{"role": "user", "content": text}], "tools": tools})
    assert (said.call.name if said.call else None) == called


def test_an_image_alone_is_answered() -> None:
    image = {"type": "image", "source": {}}
    assert "nothing to read" in answer({"messages": [{"role": "user", "content": [image]}]}).text


@pytest.mark.parametrize(
    ("content", "worded"),
    [
        ("plain", "answered: plain"),
        ([{"type": "text", "text": "in blocks"}], "answered: in blocks"),
        ('{"a": [1], "b": "c"}', "answered: a: [1], b: c"),
        ("[1, 2]", "answered: [1, 2]"),
        ("", "is done"),
        ('[{"a": 1, "b": "c"}, {"a": 2}]', "answered: a: 1, b: c; a: 2"),
        ("x" * 500, "x" * 200 + "…"),
    ],
)
def test_results_are_worded(content: Any, worded: str) -> None:
    use = {"type": "tool_use", "id": "t", "name": "n", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": content}
    messages = [
        {"role": "user", "content": "n"},
        {"role": "assistant", "content": [use]},
        {"role": "user", "content": [result]},
    ]
    assert worded in answer({"messages": messages}).text


def test_there_is_nothing_to_recall_at_the_start() -> None:
    said = answer({"messages": [{"role": "user", "content": "What did I say?"}]}).text
    assert "first message" in said
