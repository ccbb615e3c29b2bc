"""Arguments against a JSON schema: what a schema may be, and what is said of arguments."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.tools.arguments import checked
from shared.tools.port import InvalidArguments


def schema(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


ORDER = schema(
    "id",
    id={"type": "string", "minLength": 2, "maxLength": 8, "pattern": "^[A-Z]"},
    count={"type": "integer", "minimum": 1, "maximum": 9, "multipleOf": 2},
    ratio={"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    state={"enum": ["open", 5, None]},
    kind={"const": "order"},
    tags={"type": "array", "minItems": 1, "maxItems": 2, "uniqueItems": True},
    who={"$ref": "#/$defs/person"},
    either={"type": ["string", "null"]},
    other={"anyOf": [{"type": "string"}, {"type": "integer"}]},
    map={"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": True},
) | {"$defs": {"person": schema("name", name={"type": "string"}) | {"additionalProperties": False}}}


@pytest.mark.parametrize(
    "arguments",
    [
        {"id": "AB"},
        {"id": "AB", "count": 2, "ratio": 0.5, "state": 5, "kind": "order", "tags": [1]},
        {"id": "AB", "who": {"name": "Ada"}, "either": None, "other": 1, "map": {"x": 1}},
    ],
)
def test_what_fits(arguments: Mapping[str, Any]) -> None:
    checked(ORDER)(arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, '"id" is missing; add it.'),
        ({"id": 5}, '"id" must be a text.'),
        ({"id": "A"}, '"id" must have at least 2 characters.'),
        ({"id": "ABCDEFGHI"}, '"id" may have at most 8 characters; shorten it.'),
        ({"id": "ab"}, '"id" must match the pattern "^[A-Z]".'),
        ({"id": "AB", "count": 2.5}, '"count" must be a whole number.'),
        ({"id": "AB", "count": True}, '"count" must be a whole number.'),
        ({"id": "AB", "count": 0}, '"count" must be at least 1.'),
        ({"id": "AB", "count": 10}, '"count" must be at most 9.'),
        ({"id": "AB", "count": 3}, '"count" must be a multiple of 2.'),
        ({"id": "AB", "ratio": 0}, '"ratio" must be more than 0.'),
        ({"id": "AB", "ratio": 1}, '"ratio" must be less than 1.'),
        ({"id": "AB", "state": "shut"}, '"state" must be one of "open", 5, null.'),
        ({"id": "AB", "kind": "bill"}, '"kind" must be "order".'),
        ({"id": "AB", "tags": "x"}, '"tags" must be a list.'),
        ({"id": "AB", "tags": []}, '"tags" must have at least 1 entries.'),
        ({"id": "AB", "tags": [1, 2, 3]}, '"tags" may have at most 2 entries; remove some.'),
        ({"id": "AB", "tags": [1, 1]}, '"tags" may have each entry only once.'),
        ({"id": "AB", "who": {}}, '"who.name" is missing; add it.'),
        ({"id": "AB", "who": {"name": 5}}, '"who.name" must be a text.'),
        (
            {"id": "AB", "who": {"name": "A", "age": 5}},
            '"who.age" is no argument of this tool; there are name.',
        ),
        ({"id": "AB", "either": 5}, '"either" must be a text or null.'),
        ({"id": "AB", "other": []}, '"other" must fit the schema {"anyOf": [{"type": "string"},'),
        ({"id": "AB", "map": {}}, '"map" must have at least 1 fields.'),
        ({"id": "AB", "map": {"a": 1, "b": 1}}, '"map" may have at most 1 fields; remove some.'),
        ({"id": "AB", "colour": "red"}, '"colour" is no argument of this tool; there are id,'),
    ],
)
def test_what_does_not_fit_is_said(arguments: Mapping[str, Any], said: str) -> None:
    with pytest.raises(InvalidArguments) as caught:
        checked(ORDER)(arguments)
    text = str(caught.value)
    assert text.startswith("The arguments do not fit, so nothing was called. ")
    assert said in text


def test_several_faults_are_told_together_and_each_once() -> None:
    with pytest.raises(InvalidArguments) as caught:
        checked(schema("a", "b"))({"c": 1, "d": 2})
    said = str(caught.value).removeprefix("The arguments do not fit, so nothing was called. ")
    assert said == (
        '"c" is no argument of this tool; it takes none. '
        '"d" is no argument of this tool; it takes none. '
        '"a" is missing; add it. "b" is missing; add it.'
    )


def test_a_schema_may_allow_other_arguments() -> None:
    open_schema = {"type": "object", "additionalProperties": {"type": "integer"}}
    checked(open_schema)({"anything": 5})
    with pytest.raises(InvalidArguments, match='"anything" must be a whole number'):
        checked(open_schema)({"anything": "x"})


def test_long_parts_of_a_schema_are_shortened() -> None:
    long = schema(a={"anyOf": [{"const": "x" * 1000}]}, b={"pattern": "x" * 1000})
    with pytest.raises(InvalidArguments) as caught:
        checked(long)({"a": 1, "b": "y"})
    assert 300 < len(str(caught.value)) < 900


def test_what_refers_to_itself() -> None:
    tree = schema(tree={"$ref": "#/$defs/tree"}) | {
        "$defs": {"tree": {"type": "object", "properties": {"next": {"$ref": "#/$defs/tree"}}}}
    }
    checked(tree)({"tree": {"next": {"next": {}}}})
    endless = schema(a={"$ref": "#/$defs/a"}) | {"$defs": {"a": {"$ref": "#/$defs/a"}}}
    with pytest.raises(InvalidArguments, match="nested too deeply"):
        checked(endless)({"a": 1})


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({}, "must have type: object at its top"),
        ({"type": "array"}, "must have type: object at its top"),
        ({"type": "object", "anyOf": []}, "may not have anyOf at its top"),
        ({"type": "object", "properties": []}, "must have an object as its properties"),
        (schema(**{"order id": {}}), 'has an argument "order id": use up to 64 letters'),
        (schema(a={"type": "strin"}), 'is not a valid JSON schema at "properties.a.type"'),
        (schema(a={"pattern": "("}), 'is not a valid JSON schema at "properties.a.pattern"'),
        (schema(a={"default": object()}), "must be JSON; put dates in quotes"),
        (schema(a={"minimum": float("inf")}), "must be JSON"),
        (schema(a={"description": "x" * 33_000}), "may have at most 32 KB; shorten it"),
        (schema(a={"$ref": "#/$defs/b"}), 'has a $ref "#/$defs/b" that leads nowhere'),
        (schema(a={"$ref": "#/required"}), "leads nowhere"),
        (schema(a={"$ref": "http://127.0.0.1:9/schema"}), "leads nowhere"),
        (schema(a={"allOf": [{"$id": "http://127.0.0.1:9/"}]}), "may refer to its own parts only"),
    ],
)
def test_what_is_no_schema_is_refused(wrong: Mapping[str, Any], said: str) -> None:
    with pytest.raises(ValueError) as caught:
        checked(wrong)
    assert said in str(caught.value)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(
    st.dictionaries(st.sampled_from([*ORDER["properties"], "x"]), VALUES, max_size=5),
)
def test_any_arguments_fit_or_are_refused_in_a_few_sentences(arguments: dict[str, Any]) -> None:
    check = checked(ORDER)
    said = None
    try:
        check(arguments)
    except InvalidArguments as refused:
        said = str(refused)
    assert said is None or 0 < len(said) < 4000
    assert "id" in arguments or said
