"""Breakpoints: never too many, never where they may not be, and nothing else is touched."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.models.caching import with_breakpoints
from tests.support.messages_api_script import plain

Body = dict[str, Any]

words = st.sampled_from(["", " ", "Hello", "Good day"])
asked = st.lists(
    st.one_of(
        words.map(lambda text: {"type": "text", "text": text}),
        st.just({"type": "image", "source": {}}),
        st.just({"type": "tool_result", "tool_use_id": "t", "content": "x"}),
    ),
    min_size=1,
    max_size=4,
)
answered = st.lists(
    st.one_of(
        words.map(lambda text: {"type": "text", "text": text}),
        st.just({"type": "thinking", "thinking": "Hm", "signature": "s"}),
        st.just({"type": "redacted_thinking", "data": "x"}),
        st.just({"type": "block_of_the_future"}),
        st.just({"type": "tool_use", "id": "t", "name": "n", "input": {}}),
    ),
    min_size=1,
    max_size=4,
)
contents = {"user": words | asked, "assistant": words | answered}


def turns(roles: list[str]) -> st.SearchStrategy[list[Body]]:
    said = [st.fixed_dictionaries({"role": st.just(r), "content": contents[r]}) for r in roles]
    return st.tuples(*said).map(list)


messages = st.lists(st.sampled_from(["user", "assistant"]), min_size=1, max_size=9).flatmap(turns)
tools = st.lists(st.just({"name": "n", "input_schema": {"type": "object"}}), max_size=3)
bodies = st.builds(
    lambda said, system, offered: {
        "model": "m",
        "messages": said,
        **({"system": system} if system else {}),
        **({"tools": offered} if offered else {}),
    },
    messages,
    st.sampled_from(["", "Be brief."]),
    tools,
)


def all_blocks(body: Body) -> Iterator[Body]:
    yield from body.get("tools", [])
    yield from body.get("system", [])
    for message in body["messages"]:
        yield from message["content"]


def marked(body: Body) -> list[Body]:
    return [block for block in all_blocks(body) if "cache_control" in block]


def ends(body: Body) -> list[int]:
    """The messages that have a breakpoint."""
    return [
        number
        for number, message in enumerate(body["messages"])
        if any("cache_control" in block for block in message["content"])
    ]


def unmarked(value: Any) -> Any:
    """The same without breakpoints."""
    if isinstance(value, dict):
        return {name: unmarked(part) for name, part in value.items() if name != "cache_control"}
    return [unmarked(part) for part in value] if isinstance(value, list) else value


@given(bodies)
def test_there_are_at_most_four_and_none_where_the_api_refuses_it(body: Body) -> None:
    found = marked(with_breakpoints(body))
    assert len(found) <= 4
    for block in found:
        assert block["cache_control"] == {"type": "ephemeral"}
        assert "thinking" not in block.get("type", "")
        assert block.get("type") != "text" or block["text"].strip()


@given(bodies)
def test_nothing_else_is_changed_and_nothing_in_place(body: Body) -> None:
    before = copy.deepcopy(body)
    after = with_breakpoints(body)
    assert body == before
    assert plain(after) == plain(body)
    assert with_breakpoints(after) == after


@given(bodies, st.integers(min_value=1, max_value=9))
def test_what_two_requests_share_is_the_same_to_the_byte(body: Body, count: int) -> None:
    earlier = with_breakpoints({**body, "messages": body["messages"][:count]})
    later = with_breakpoints(body)
    shared = len(earlier["messages"])
    one, two = unmarked(earlier), unmarked({**later, "messages": later["messages"][:shared]})
    assert json.dumps(one) == json.dumps(two)


def user(content: Any) -> Body:
    return {"role": "user", "content": content}


def assistant(content: Any) -> Body:
    return {"role": "assistant", "content": content}


USE = assistant([{"type": "tool_use", "id": "t", "name": "n", "input": {}}])
RESULT = user([{"type": "tool_result", "tool_use_id": "t", "content": "x"}])


@pytest.mark.parametrize(
    ("said", "where"),
    [
        ([user("a")], [0]),
        ([user("a"), assistant("b"), user("c")], [0, 1, 2]),
        ([user("a"), USE, RESULT], [0, 2]),
        ([user("a"), assistant("b"), user("c"), USE, RESULT], [1, 2, 4]),
        ([user("a"), assistant("b"), user("c"), USE, RESULT, USE, RESULT], [1, 4, 6]),
    ],
)
def test_each_request_marks_where_the_one_before_it_ended(
    said: list[Body], where: list[int]
) -> None:
    assert ends(with_breakpoints({"messages": said})) == where


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"system": "Be brief.", "tools": [{"name": "a"}, {"name": "b"}]}, ["system"]),
        ({"tools": [{"name": "a"}, {"name": "b"}]}, ["tools"]),
        ({}, []),
    ],
)
def test_the_stable_part_ends_with_the_system_or_else_the_tools(
    body: Body, place: list[str]
) -> None:
    after = with_breakpoints({**body, "messages": [user(" ")]})
    parts = [name for name in ("system", "tools") if "cache_control" in str(after.get(name))]
    assert parts == place
    assert len(marked(after)) == len(place)
    assert "tools" not in place or "cache_control" in after["tools"][-1]


def test_a_breakpoint_comes_before_what_cannot_carry_it() -> None:
    said = assistant([{"type": "text", "text": "a"}, {"type": "thinking", "thinking": "b"}])
    after = with_breakpoints({"messages": [said]})
    first, second = after["messages"][0]["content"]
    assert "cache_control" in first
    assert "cache_control" not in second
