"""Text, thoughts and steps of one turn, in the order in which they were said."""

import logging
from typing import Any

import pytest

from shared.conversations.stream import MAX_PIECE, Stream
from shared.messaging.push import MAX_MESSAGE_BYTES
from tests.conversations.stream_rig import Clients, stream_of
from tests.mailbox.virtual import Virtual
from tests.support.client_models import validate


@pytest.fixture
def virtual() -> Virtual:
    return Virtual()


@pytest.fixture
def clients(virtual: Virtual) -> Clients:
    return Clients(virtual)


def test_text_thoughts_and_steps_keep_their_order(virtual: Virtual, clients: Clients) -> None:
    def turn() -> None:
        stream = stream_of(virtual, clients)
        stream.reasoning("Hm")
        stream.reasoning("m, ")
        stream.reasoning("yes")
        stream.text("I ")
        stream.text("look")
        stream.chunk("toolCall", {"rawResponse": {"name": "find"}})
        stream.chunk("toolResult", {"rawResponse": {"ok": True}})
        stream.text("Found")
        stream.close()

    virtual.run(turn)
    assert clients.said() == [
        ("stream_reasoning", "Hmm, yes"),
        ("stream_token", "I look"),
        ("stream_chunk", "toolCall"),
        ("stream_chunk", "toolResult"),
        ("stream_token", "Found"),
    ]
    states = [post.event["data"]["state"] for post in clients.got()[2:4]]
    assert states == [{"rawResponse": {"name": "find"}}, {"rawResponse": {"ok": True}}]


def test_the_client_takes_what_it_is_sent(virtual: Virtual, clients: Clients) -> None:
    def turn() -> None:
        stream = stream_of(virtual, clients)
        stream.reasoning("Hm")
        stream.text("Yes")
        stream.chunk("step", {})
        virtual.clock.sleep(40)
        stream.close()

    virtual.run(turn)
    sent = [post.event for post in clients.posts]
    assert [event["type"] for event in sent] == [
        "stream_reasoning",
        "stream_token",
        "stream_chunk",
        "keepalive",
    ]
    assert validate(sent) == []


def test_a_step_does_not_wait_for_the_window(virtual: Virtual, clients: Clients) -> None:
    """Nothing can be added to it, nor to the text before it."""
    clients.seconds = 0

    def turn() -> None:
        stream = stream_of(virtual, clients, window=5)
        stream.text("a")
        virtual.clock.sleep(1)
        stream.text("b")
        virtual.clock.sleep(1)
        stream.chunk("step", {})
        virtual.clock.sleep(1)
        stream.close()

    virtual.run(turn)
    assert [(post.began, post.said[1]) for post in clients.posts] == [
        (0, "a"),
        (2, "b"),
        (2, "step"),
    ]


def test_a_state_is_sent_as_it_was(virtual: Virtual, clients: Clients) -> None:
    def turn() -> None:
        stream = stream_of(virtual, clients)
        state: dict[str, Any] = {"rawResponse": {"step": 1}}
        stream.chunk("step", state)
        state["rawResponse"]["step"] = 2
        stream.close()

    virtual.run(turn)
    assert clients.posts[0].event["data"]["state"] == {"rawResponse": {"step": 1}}


def _deep() -> dict[str, Any]:
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"in": deep}
    return {"rawResponse": deep}


@pytest.mark.parametrize(
    "state",
    [
        {"rawResponse": "x" * MAX_MESSAGE_BYTES},
        {"rawResponse": "\ud83d"},
        {"rawResponse": float("nan")},
        {"rawResponse": object()},
        {"unknown": 1},
        _deep(),
    ],
    ids=["large", "half a character", "no number", "no JSON", "unknown", "deep"],
)
def test_a_step_that_no_event_can_hold_is_left_out(
    virtual: Virtual,
    clients: Clients,
    state: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    def turn() -> Stream:
        stream = stream_of(virtual, clients)
        stream.text("a")
        stream.chunk("step", state)
        stream.text("b")
        stream.close()
        return stream

    with caplog.at_level(logging.ERROR, "parley"):
        stream = virtual.run(turn)
    assert clients.text() == "ab"
    assert {kind for kind, _ in clients.said()} == {"stream_token"}
    assert stream.gone == []
    assert [record.message for record in caplog.records] == [
        "a step of the turn could not be shown"
    ]


def test_half_a_character_does_not_cost_the_text_around_it(
    virtual: Virtual, clients: Clients
) -> None:
    def turn() -> None:
        stream = stream_of(virtual, clients)
        for piece in ("a 😀 ", "b \ud83d c", " d"):
            stream.text(piece)
        stream.close()

    virtual.run(turn)
    assert clients.text() == "a 😀 b ? c d"


def test_a_message_that_the_connection_refuses_is_left_out(
    virtual: Virtual, clients: Clients
) -> None:
    """413: it would be refused for ever, and hold up all that follows."""
    clients.plan["c1"] = [True, ValueError("too large")]

    def turn() -> Stream:
        stream = stream_of(virtual, clients)
        stream.text("a")
        stream.chunk("large", {})
        stream.text("b")
        stream.close()
        return stream

    stream = virtual.run(turn)
    assert clients.said() == [("stream_token", "a"), ("stream_token", "b")]
    assert (stream.gone, clients.closed) == ([], [])


@pytest.mark.parametrize("character", ["\x01", "😀", "\\"])
def test_no_event_is_larger_than_a_message_may_be(
    virtual: Virtual, clients: Clients, character: str
) -> None:
    text = character * (2 * MAX_PIECE + 1)

    def turn() -> None:
        stream = stream_of(virtual, clients)
        stream.reasoning(text)
        stream.text(text)
        stream.close()

    virtual.run(turn)
    assert clients.text() == text
    assert MAX_PIECE < clients.largest <= MAX_MESSAGE_BYTES
