"""The demo model speaks the Messages API as the real one does, and says that it is not it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from shared.local.demo_model import DEMO_MODEL, demo_app
from shared.models.anthropic_api import AnthropicModel
from shared.models.port import ModelRequest, TextDelta
from tests.local.serving import served
from tests.models.asking import ask, end_of, model_at, question, text_in
from tests.support.clock import FakeClock

FIND = {
    "name": "find_order",
    "input_schema": {
        "type": "object",
        "properties": {"id": {"type": "string"}, "limit": {"type": "integer"}},
        "required": ["id"],
    },
}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served(Starlette(routes=[Mount("/_demo", app=demo_app())])) as root:
        yield f"{root}/_demo"


@pytest.fixture
def model(address: str) -> Iterator[AnthropicModel]:
    with model_at(address, FakeClock()) as model:
        yield model


def talk(*said: str, tools: Sequence[Mapping[str, Any]] = ()) -> ModelRequest:
    messages: list[Mapping[str, Any]] = []
    for text in said:
        messages += [{"role": "user", "content": text}, {"role": "assistant", "content": "ok"}]
    return question(messages=messages[:-1], tools=tools)


def test_it_says_what_it_is_what_it_heard_and_how_much(model: AnthropicModel) -> None:
    said = text_in(list(ask(model, talk("Good day", "I like tea"))))
    assert "demo model" in said
    assert "no API key" in said
    assert "I like tea" in said
    assert "2 messages" in said


def test_it_recalls_what_was_said_before(model: AnthropicModel) -> None:
    said = text_in(list(ask(model, talk("I like tea", "I like milk", "What did I say?"))))
    assert "I like milk" in said
    said = text_in(list(ask(model, talk("I like tea", "milk", "What was my first message?"))))
    assert "I like tea" in said
    said = text_in(list(ask(model, talk("My name is Ada.", "Thanks", "What's my name?"))))
    assert "your name is Ada" in said


def test_it_calls_a_tool_that_is_named_and_words_the_result(model: AnthropicModel) -> None:
    asked = talk("Please find order A-17", tools=[FIND])
    called = end_of(list(ask(model, asked)))
    assert called.stop_reason == "tool_use"
    use = called.content[-1]
    assert (use["name"], use["input"]) == ("find_order", {"id": "A-17"})
    result = {"type": "tool_result", "tool_use_id": use["id"], "content": '{"state": "sent"}'}
    answered = replace(
        asked,
        messages=[
            *asked.messages,
            {"role": "assistant", "content": called.content},
            {"role": "user", "content": [result]},
        ],
    )
    end = end_of(list(ask(model, answered)))
    assert end.stop_reason == "end_turn"
    assert "find_order answered: state: sent" in end.content[0]["text"]


def test_it_says_that_a_tool_failed(model: AnthropicModel) -> None:
    use = {"type": "tool_use", "id": "t1", "name": "find_order", "input": {}}
    failed = {"type": "tool_result", "tool_use_id": "t1", "content": "no order", "is_error": True}
    asked = talk("find order")
    messages = [
        *asked.messages,
        {"role": "assistant", "content": [use]},
        {"role": "user", "content": [failed]},
    ]
    said = text_in(list(ask(model, replace(asked, messages=messages))))
    assert "find_order did not work: no order" in said


def test_it_streams_word_by_word_the_same_every_time(model: AnthropicModel) -> None:
    first, again = (list(ask(model, talk("Hello"))) for _ in range(2))
    assert first == again
    deltas = [event.text for event in first if isinstance(event, TextDelta)]
    assert len(deltas) > 10
    assert all(len(delta.split()) == 1 for delta in deltas)


def test_it_keeps_to_the_token_limit(model: AnthropicModel) -> None:
    end = end_of(list(ask(model, replace(talk("Hello"), max_tokens=3))))
    assert end.stop_reason == "max_tokens"
    assert end.content[0]["text"] == "I am the"
    assert end.usage.output_tokens == 3


def test_it_costs_nothing_whatever_model_was_asked_for(model: AnthropicModel) -> None:
    usage = end_of(list(ask(model, talk("Hello")))).usage
    assert usage.cost_nano_usd == 0
    assert usage.input_tokens > 0
    assert usage.output_tokens > 0


def test_a_pace_can_be_set() -> None:
    with served(demo_app(words_per_second=10_000)) as root, model_at(root) as model:
        assert "Hello" in text_in(list(ask(model, talk("Hello"))))


def test_without_stream_it_answers_in_one_piece() -> None:
    body = {"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": "Hello"}]}
    response = TestClient(demo_app()).post("/v1/messages", json=body)
    said = response.json()
    assert (said["type"], said["model"], said["stop_reason"]) == ("message", DEMO_MODEL, "end_turn")
    assert "Hello" in said["content"][0]["text"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"{}",
        b'{"model": "m", "max_tokens": 0, "messages": [{"role": "user", "content": "x"}]}',
        b'{"model": "m", "max_tokens": 1, "messages": []}',
        b'{"model": "m", "max_tokens": 1, "messages": [{"role": "system", "content": "x"}]}',
        b'{"model": "m", "max_tokens": 1, "messages": [{"role": "assistant", "content": "x"}]}',
        b'{"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": ""}]}',
    ],
)
def test_bad_requests_are_refused_in_the_shape_of_the_api(body: bytes) -> None:
    response = TestClient(demo_app()).post("/v1/messages", content=body)
    assert response.status_code == 400
    said = json.loads(response.content)
    assert (said["type"], said["error"]["type"]) == ("error", "invalid_request_error")
    assert said["error"]["message"]
