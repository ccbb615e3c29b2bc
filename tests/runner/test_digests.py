"""What tells one call from another: the tool and its exact arguments."""

import json
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from shared.runner.batch import Call
from shared.runner.prompts import code_key, digest_of

NAMES = st.text(max_size=5)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
ARGUMENTS = st.dictionaries(NAMES, VALUES, max_size=3)


def digest(arguments: Any, name: str = "t", key: str = "1-0") -> str:
    return digest_of(Call(key, "id", name, arguments))


def turned_around(value: Any) -> Any:
    """The same with the keys of all objects in the opposite order."""
    if isinstance(value, dict):
        return {name: turned_around(value[name]) for name in reversed(value)}
    return [turned_around(each) for each in value] if isinstance(value, list) else value


def is_same(one: Any, other: Any) -> bool:
    """Whether two values are the same JSON; 1, 1.0 and true are not, though Python says so."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        keys = one.keys() == other.keys()
        return keys and all(is_same(one[name], other[name]) for name in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    return repr(one) == repr(other)


@given(ARGUMENTS)
def test_the_order_of_keys_and_the_way_through_json_change_nothing(arguments: Any) -> None:
    expected = digest(arguments)
    assert len(expected) == 32
    assert digest(turned_around(arguments)) == expected
    for ascii_only in (True, False):
        assert digest(json.loads(json.dumps(arguments, ensure_ascii=ascii_only))) == expected


@given(ARGUMENTS, ARGUMENTS)
def test_other_arguments_are_another_call(one: Any, other: Any) -> None:
    assume(not is_same(one, other))
    assert digest(one) != digest(other)


@given(ARGUMENTS, NAMES, VALUES, VALUES)
def test_one_value_makes_the_difference(arguments: Any, name: str, one: Any, other: Any) -> None:
    assume(not is_same(one, other))
    assert digest({**arguments, name: one}) != digest({**arguments, name: other})
    assert digest({**arguments, name: [one]}) != digest({**arguments, name: one})


def test_values_that_python_takes_for_the_same_are_not() -> None:
    values = [1, 1.0, True, "1", None, "null", [], {}, "", 0, 0.0, -0.0, False]
    assert len({digest({"x": value}) for value in values}) == len(values)


def test_the_place_of_a_list_counts() -> None:
    assert digest({"x": [1, 2]}) != digest({"x": [2, 1]})


def test_the_tool_counts_and_the_place_of_the_call_does_not() -> None:
    assert digest({}, "a") != digest({}, "b")
    assert digest({}, key="1-0") == digest({}, key="1-1")
    call = Call("1-0", "id", "t", {})
    assert code_key(call) not in (call.key, code_key(Call("1-1", "id", "t", {})))
