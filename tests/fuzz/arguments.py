"""Arguments that a model makes up, and what a tool may do with them."""

import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from shared.tools.port import InvalidArguments, ToolFault
from tests.fuzz.shapes import FOREIGN

MAX_SAID = 200_000
"""Characters; what is longer than a result may be is cut by whoever runs the tool."""


NAMES = ("a", "b", "model_config", "copy", "self_")

_TEXTS = st.sampled_from(
    [
        *("", "a", "aaa", "small", "1", "-1", "1e999", "NaN", "true", "null", "\ud800", "\x00"),
        *("2026-01-31", "2026-01-31T12:00:00Z", "9999999-99-99", "12:30", "PT1H", "P" + "9" * 30),
        *("https://example.com", "http://[", "0191f3a4-0000-7000-8000-00000000000a", "é" * 2000),
        *("{a}", "%s", "../..", "a\r\nX: y", "#", "?q=1", "aaa!" * 40),
    ]
)
_NUMBERS = (
    st.integers(-3, 12)
    | st.sampled_from([10**30, -(10**400), 1e308, float("inf"), float("-inf"), float("nan"), -0.0])
    | st.floats()
)
SCALARS = st.none() | st.booleans() | _NUMBERS | _TEXTS | st.text(max_size=5)


def _deep(depth: int) -> Any:
    return json.loads("[" * depth + "]" * depth)


VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS | st.sampled_from([5, 60]).map(_deep),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["id", "tags", "x", "y", "street", "number", "a"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)
ARGUMENTS = st.dictionaries(
    st.sampled_from([*NAMES, "unknown", "", "\ud800", "é" * 50]), VALUES, max_size=4
)


def said_of(call: Callable[[], str]) -> str | None:
    """The result; None if the arguments are refused, in words for the model."""
    try:
        return call()
    except InvalidArguments as fault:
        _for_a_model(fault)
        return None


def _for_a_model(fault: ToolFault) -> None:
    text = str(fault)
    assert text.endswith(".")
    assert len(text) < MAX_SAID
    assert not FOREIGN.search(text)
