"""The encoding of the Messages API, and its rules for requests."""

from typing import Any

import pytest

from shared.local.messages_api import Reply, ToolUse, complaint, encode, error, events, message

REPLY = Reply(
    id="msg_1",
    model="m",
    thinking=["H", "m"],
    chunks=["Hé", "llo"],
    tool_uses=[ToolUse(id="t1", name="find", input={"id": 1})],
    stop_reason="tool_use",
    input_tokens=3,
    output_tokens=4,
)
USE = {"type": "tool_use", "id": "t1", "name": "n", "input": {}}
THOUGHT = {"type": "thinking", "thinking": "Hm", "signature": "c2lnbmVk"}
MARKED = {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}
TOOL = {"name": "n", "input_schema": {"type": "object"}}
RESULT = {"type": "tool_result", "tool_use_id": "t1", "content": "x"}


def request(*messages: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"model": "m", "max_tokens": 1, "messages": list(messages), **fields}


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def assistant(content: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content}


def test_a_stream_has_its_events_in_the_order_of_the_api() -> None:
    assert [event["type"] for event in events(REPLY)] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]


def test_an_event_is_encoded_on_one_line() -> None:
    encoded = encode(error("api_error", "a\nb é"))
    assert (
        encoded
        == (
            "event: error\n"
            'data: {"type":"error","error":{"type":"api_error","message":"a\\nb é"}}\n\n'
        ).encode()
    )


def test_in_one_piece_it_is_the_same_reply() -> None:
    assert message(REPLY)["content"] == [
        THOUGHT,
        {"type": "text", "text": "Héllo"},
        {"type": "tool_use", "id": "t1", "name": "find", "input": {"id": 1}},
    ]
    assert message(REPLY)["usage"]["output_tokens"] == 4


@pytest.mark.parametrize(
    "good",
    [
        request(user("x")),
        request(user([{"type": "text", "text": "x"}])),
        request(user("x"), assistant([USE]), user([RESULT])),
        request(user("x"), assistant([USE]), user([RESULT, {"type": "text", "text": "y"}])),
        request(user("x"), tools=[{"name": "n", "input_schema": {"type": "object"}}]),
        request(user([{"type": "image", "source": {}}])),
        request(user("x"), assistant([THOUGHT, USE]), user([RESULT])),
        request(user([MARKED] * 2), system=[MARKED], tools=[{**TOOL, **MARKED}]),
    ],
)
def test_good_requests_pass(good: dict[str, Any]) -> None:
    assert complaint(good) is None


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (None, "object"),
        (request(user("x"), model=""), "model"),
        (request(user("x"), max_tokens=True), "max_tokens"),
        (request(), "at least one"),
        (request(user(" ")), "empty"),
        (request(user(["x"])), "block"),
        (request(user([{"type": "text"}])), "text"),
        (request(assistant("x")), "first message"),
        (request(user("x"), assistant([{**USE, "input": "{}"}]), user([RESULT])), "input"),
        (request(user("x"), assistant([{"type": "tool_use"}])), "id and name"),
        (request(user([{"type": "tool_result"}])), "tool_use_id"),
        (request(user([RESULT])), "without its tool_use"),
        (request(user("x"), assistant([USE])), "has no tool_result"),
        (request(user("x"), assistant([USE]), user("y")), "without its tool_result"),
        (request(user("x"), assistant([THOUGHT])), "final block"),
        (request(user("x"), assistant([{"type": "thinking"}, USE]), user([RESULT])), "signature"),
        (request(user([MARKED] * 3), system=[MARKED], tools=[{**TOOL, **MARKED}]), "at most four"),
        (
            request(user("x"), assistant([{**MARKED, **THOUGHT}, USE]), user([RESULT])),
            "thinking cannot",
        ),
        (request(user("x"), tools={}), "list"),
        (request(user("x"), tools=[{}]), "name"),
        (request(user("x"), tools=[{"name": "n"}]), "input_schema"),
    ],
)
def test_bad_requests_are_told_what_is_wrong(bad: object, said: str) -> None:
    assert said in (complaint(bad) or "")
