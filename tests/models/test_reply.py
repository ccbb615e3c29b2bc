"""An answer is put together from its events without loss, and never half."""

from collections.abc import Mapping
from typing import Any

import pytest

from shared.local import messages_api
from shared.models.port import ReasoningDelta, TextDelta, Usage
from shared.models.reply import Malformed, Reply, ReplyError


def fed(*events: Mapping[str, Any]) -> Reply:
    reply = Reply()
    for event in events:
        reply.feed(event)
    return reply


def start(index: int, **block: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: int, kind: str, **what: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **what}}


def stop(reason: str) -> dict[str, Any]:
    return {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": None}


def test_what_our_own_encoder_says_comes_out_again() -> None:
    use = messages_api.ToolUse(id="t", name="n", input={"ü": "}"})
    said = messages_api.Reply(
        id="m",
        model="x",
        thinking=["h", "m"],
        chunks=["a", "b"],
        tool_uses=[use],
        stop_reason="tool_use",
    )
    reply = fed(*messages_api.events(said))
    assert reply.content() == messages_api.message(said)["content"]
    assert (reply.model, reply.stop_reason, reply.done) == ("x", "tool_use", True)


def test_blocks_that_nobody_knows_are_kept_as_they_are() -> None:
    reply = fed(
        start(0, type="thinking", thinking="", signature=""),
        delta(0, "thinking_delta", thinking="Hm"),
        delta(0, "thinking_delta", thinking="m"),
        delta(0, "signature_delta", signature="s1"),
        start(1, type="redacted_thinking", data="xyz"),
        delta(1, "delta_of_the_future", x=1),
        start(2, type="block_of_the_future", y=2),
        {"type": "event_of_the_future"},
        {"type": "ping"},
    )
    assert reply.content() == [
        {"type": "thinking", "thinking": "Hmm", "signature": "s1"},
        {"type": "redacted_thinking", "data": "xyz"},
        {"type": "block_of_the_future", "y": 2},
    ]


def test_citations_are_collected() -> None:
    reply = fed(
        start(0, type="text", text="A"),
        delta(0, "citations_delta", citation={"n": 1}),
        delta(0, "citations_delta", citation={"n": 2}),
    )
    assert reply.content() == [{"type": "text", "text": "A", "citations": [{"n": 1}, {"n": 2}]}]


@pytest.mark.parametrize("text", ["", " ", "\n\n"])
def test_a_text_without_a_word_is_left_out(text: str) -> None:
    assert fed(start(0, type="text", text=text)).content() == []


def test_thinking_that_nothing_follows_is_left_out() -> None:
    thought = {"type": "thinking", "thinking": "Hm", "signature": "s"}
    reply = fed(
        start(0, **thought),
        start(1, type="text", text="So"),
        start(2, **thought),
        start(3, type="redacted_thinking", data="x"),
        start(4, type="text", text=" "),
        stop("max_tokens"),
    )
    assert reply.content() == [thought, {"type": "text", "text": "So"}]
    assert fed(start(0, **thought)).content() == []


def test_words_come_from_where_they_stand() -> None:
    reply = Reply()
    assert reply.feed(start(0, type="thinking", thinking="a")) == ReasoningDelta("a")
    assert reply.feed(delta(0, "thinking_delta", thinking="b")) == ReasoningDelta("b")
    assert reply.feed(delta(0, "thinking_delta", thinking="")) is None
    assert reply.feed(delta(0, "signature_delta", signature="s")) is None
    assert reply.feed(start(1, type="text", text="c")) == TextDelta("c")
    assert reply.feed(delta(1, "text_delta", text="d")) == TextDelta("d")
    assert reply.feed(delta(1, "text_delta", text="")) is None


@pytest.mark.parametrize("reason", ["max_tokens", "model_context_window_exceeded", "refusal"])
@pytest.mark.parametrize("written", ["", '{"a": ', '{"a": 1'])
def test_a_call_that_was_cut_short_is_left_out(written: str, reason: str) -> None:
    reply = fed(
        start(0, type="text", text="Now"),
        start(1, type="tool_use", id="t", name="n", input={}),
        delta(1, "input_json_delta", partial_json=written),
        stop(reason),
    )
    assert reply.content() == [{"type": "text", "text": "Now"}]


@pytest.mark.parametrize("written", ['{"a": ', "[1]", "7"])
def test_arguments_that_are_no_object_are_never_handed_on(written: str) -> None:
    reply = fed(
        start(0, type="tool_use", id="t", name="n", input={}),
        delta(0, "input_json_delta", partial_json=written),
        stop("tool_use"),
    )
    with pytest.raises(Malformed):
        reply.content()


def test_counts_are_running_totals() -> None:
    reply = fed(
        {"type": "message_start", "message": {"usage": {"input_tokens": 5, "output_tokens": 1}}},
        {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 9}},
    )
    assert reply.usage == Usage(5, 9)


def test_an_error_event_is_raised_with_its_kind() -> None:
    with pytest.raises(ReplyError) as caught:
        fed(messages_api.error("overloaded_error", "busy"))
    assert (caught.value.kind, caught.value.said) == ("overloaded_error", "busy")


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"type": "error"},
        {"type": "message_start"},
        start(0, text="no type"),
        delta(3, "text_delta", text="no such block"),
        {"type": "content_block_delta", "index": 0, "delta": None},
    ],
)
def test_nonsense_is_malformed(event: Mapping[str, Any]) -> None:
    with pytest.raises(Malformed):
        fed(event)
