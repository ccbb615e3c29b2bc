"""The adapter asks exactly what it was asked to, and hands on exactly what was answered."""

import subprocess
import sys

import pytest

from shared.errors import ConfigurationError
from shared.models.anthropic_api import AnthropicModel
from shared.models.port import StreamClosed, TextDelta, Usage
from tests.models.asking import MODEL, ask, end_of, model_at, question, text_in
from tests.support.clock import FakeClock
from tests.support.messages_api import ScriptedMessagesApi, Step, ToolCall

TOOL = {"name": "find_order", "description": "Find one.", "input_schema": {"type": "object"}}


def test_text_arrives_in_deltas_and_then_whole() -> None:
    with (
        ScriptedMessagesApi([Step(tokens=["Good", " day", "."])]) as api,
        model_at(api.base_url) as model,
    ):
        events = list(ask(model))
    assert events[:-1] == [TextDelta("Good"), TextDelta(" day"), TextDelta(".")]
    assert end_of(events).content == [{"type": "text", "text": "Good day."}]
    assert end_of(events).stop_reason == "end_turn"


def test_tool_calls_are_parsed_and_kept_in_their_order() -> None:
    calls = [
        ToolCall(id="t1", name="find_order", input={"id": "Ä-1", "deep": {"list": [1, 2.5, None]}}),
        ToolCall(id="t2", name="now"),
    ]
    with (
        ScriptedMessagesApi([Step(tokens=["Let me see."], tool_calls=calls)]) as api,
        model_at(api.base_url) as model,
    ):
        end = end_of(list(ask(model, question(tools=[TOOL]))))
    assert end.stop_reason == "tool_use"
    assert end.content == [
        {"type": "text", "text": "Let me see."},
        {"type": "tool_use", "id": "t1", "name": "find_order", "input": calls[0].input},
        {"type": "tool_use", "id": "t2", "name": "now", "input": {}},
    ]


def test_the_request_says_nothing_that_it_was_not_told_to_say() -> None:
    with (
        ScriptedMessagesApi([Step(tokens=["Yes"], times=2)]) as api,
        model_at(api.base_url) as model,
    ):
        list(ask(model))
        list(ask(model, question(system="Be brief.", tools=[TOOL])))
        bare, full = api.requests
    assert bare == {
        "model": MODEL,
        "messages": [{"role": "user", "content": "Hello"}],
        "max_tokens": 64,
        "stream": True,
    }
    assert full == {**bare, "system": "Be brief.", "tools": [TOOL]}


def test_usage_counts_the_cache_and_is_priced_by_who_answered() -> None:
    step = Step(
        tokens=["Yes"],
        model="claude-opus-4-8",
        input_tokens=100,
        output_tokens=7,
        cache_read_tokens=2000,
        cache_write_tokens=30,
    )
    with ScriptedMessagesApi([step]) as api, model_at(api.base_url) as model:
        usage = end_of(list(ask(model))).usage
    cost = 100 * 5_000 + 7 * 25_000 + 2000 * 500 + 30 * 6_250
    assert usage == Usage(100, 7, 2000, 30, cost)


def test_without_a_price_the_cost_is_unknown() -> None:
    with ScriptedMessagesApi([Step(tokens=["Yes"])]) as api, model_at(api.base_url) as model:
        usage = end_of(list(ask(model, question(model="somebody-elses")))).usage
    assert usage == Usage(10, 1, 0, 0, None)


def test_the_environment_does_not_reach_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "ANTHROPIC_API_KEY": "from-environment",
        "ANTHROPIC_AUTH_TOKEN": "from-environment",
        "ANTHROPIC_BASE_URL": "http://127.0.0.1:9",
        "ANTHROPIC_CUSTOM_HEADERS": "X-Leak: from-environment\nAuthorization: from-environment",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "ALL_PROXY": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)
    with ScriptedMessagesApi([Step(tokens=["Yes"], times=2)]) as api:
        for key in ("a-key", None):
            with model_at(api.base_url, api_key=key) as model:
                list(ask(model))
        with_key, without = api.headers
    assert "from-environment" not in str((with_key, without))
    assert "a-key" in str(with_key)
    assert "a-key" not in str(without)


def test_one_client_and_one_connection_serve_many_calls() -> None:
    clock = FakeClock()
    with (
        ScriptedMessagesApi(reply=lambda request: "Yes") as api,
        model_at(api.base_url, clock) as model,
    ):
        first = model.client()
        for _ in range(3):
            assert text_in(list(ask(model))) == "Yes"
            clock.join()
        assert model.client() is first
        assert api.connections == 1


def test_nothing_is_sent_before_somebody_listens() -> None:
    with ScriptedMessagesApi() as api, model_at(api.base_url) as model:
        stream = ask(model)
        stream.close()
        with pytest.raises(StreamClosed):
            next(iter(stream))
        assert api.requests == []


def test_a_model_needs_a_key_or_an_address() -> None:
    with pytest.raises(ConfigurationError, match="ANTHROPIC_API_KEY"):
        AnthropicModel(clock=FakeClock())


def test_importing_the_adapter_does_not_import_the_sdk() -> None:
    code = (
        "import sys, shared.models.anthropic_api\n"
        "print([name for name in ('anthropic', 'httpx2', 'pydantic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
