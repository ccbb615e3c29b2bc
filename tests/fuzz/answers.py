"""What a provider may stream, and what a model may answer: fine, and strange."""

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from shared.local.messages_api import Reply, ToolUse, events

Said = list[dict[str, Any]]

_WHOLE = [
    Reply(id="m1", model="m", chunks=["Hel", "lo"], input_tokens=3, output_tokens=2),
    Reply(
        id="m2",
        model="m",
        thinking=["Hm", "."],
        chunks=["Look"],
        tool_uses=[ToolUse(id="t1", name="tool", input={"id": 7})],
        stop_reason="tool_use",
    ),
    Reply(
        id="m3",
        model="m",
        tool_uses=[
            ToolUse(id="t1", name="tool", input={"id": 7, "note": "n"}),
            ToolUse(id="t2", name="nobody", input={}),
        ],
        stop_reason="tool_use",
    ),
]
_DEPTHS = st.sampled_from([3, 90, 300, 700, 2000, 50_000])
_WRITTEN = (
    st.sampled_from(
        ['{"id": 1e400}', '{"id": NaN}', "[]", "null", '{"id"', "", '{"id": "\\ud800"}']
    )
    | _DEPTHS.map(lambda depth: '{"id": ' + "[" * depth + "]" * depth + "}")
    | st.sampled_from([400, 5000]).map(lambda count: f'{{"id": {"9" * count}}}')
)
_VALUES: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers(-3, 2**70)
    | st.sampled_from(["", " ", "text", "\ud800", "\x00", "tool_use", "refusal", "server_tool_use"])
    | st.sampled_from([[], {}, [{}], {"type": "text"}, {"type": "tool_use"}, {"a": {"b": 1}}, 1.5])
    | _DEPTHS.map(lambda depth: json.loads("[" * min(depth, 300) + "]" * min(depth, 300)))
)


_ODD_NUMBERS = st.sampled_from([float("inf"), float("nan"), -float("inf"), 10**400, -0.0])


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The ways to all parts of a value."""
    if path:
        yield path
    match value:
        case dict():
            for name, each in value.items():
                yield from _places(each, (*path, name))
        case list() if len(path) < 9:
            for number, each in enumerate(value):
                yield from _places(each, (*path, number))


@st.composite
def streams(draw: st.DrawFn) -> Said:
    """The events of an answer, some of which make no sense."""
    told: Said = copy.deepcopy(list(events(draw(st.sampled_from(_WHOLE)))))
    for _ in range(draw(st.integers(1, 3))):
        match draw(
            st.sampled_from(["value", "value", "missing", "twice", "lost", "swap", "input"])
        ):
            case "twice":
                at = draw(st.integers(0, len(told) - 1))
                told.insert(at, copy.deepcopy(told[at]))
            case "lost" if len(told) > 1:
                told.pop(draw(st.integers(0, len(told) - 1)))
            case "swap":
                one, other = (draw(st.integers(0, len(told) - 1)) for _ in range(2))
                told[one], told[other] = told[other], told[one]
            case "input":
                delta = {"type": "input_json_delta", "partial_json": draw(_WRITTEN)}
                told = [_with_input(event, delta) for event in told]
            case kind:
                *way, last = draw(st.sampled_from(list(_places(told))))
                inner: Any = told
                for step in way:
                    inner = inner[step]
                if kind == "missing" and isinstance(inner, dict):
                    del inner[last]
                elif way:
                    inner[last] = copy.deepcopy(draw(_VALUES))
    return told


def _with_input(event: dict[str, Any], delta: dict[str, Any]) -> dict[str, Any]:
    """All of the arguments, and no more of them."""
    if (event.get("delta") or {}) == {"type": "input_json_delta", "partial_json": ""}:
        return {**event, "delta": delta}
    mine = isinstance(event.get("delta"), dict) and "partial_json" in event["delta"]
    return {**event, "delta": {**delta, "partial_json": ""}} if mine else event


_FIELDS = st.sampled_from(["id", "name", "input", "text", "type", "content", "citations"])
_GOOD_BLOCKS = st.sampled_from(
    [
        {"type": "text", "text": "Look"},
        {"type": "tool_use", "id": "t1", "name": "tool", "input": {"id": 7}},
        {"type": "tool_use", "id": "t2", "name": "nobody", "input": {}},
        {"type": "server_tool_use", "id": "s1", "name": "search", "input": {"q": "x"}},
    ]
)
BLOCKS = st.lists(
    _GOOD_BLOCKS
    | st.builds(lambda block, name, value: {**block, name: value}, _GOOD_BLOCKS, _FIELDS, _VALUES)
    | st.builds(
        lambda block, name: {key: value for key, value in block.items() if key != name},
        _GOOD_BLOCKS,
        _FIELDS,
    )
    | st.builds(
        lambda written: {"type": "tool_use", "id": "t3", "name": "tool", "input": written},
        st.dictionaries(st.sampled_from(["id", "note", "\ud800"]), _VALUES | _ODD_NUMBERS),
    )
    | st.dictionaries(_FIELDS, _VALUES),
    max_size=4,
)
