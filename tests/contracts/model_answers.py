"""The Model port: it asks exactly what it was asked to, and hands on exactly what was answered."""

import pytest

from shared.models.port import ReasoningDelta, StreamClosed, TextDelta, Usage
from tests.contracts.model_service import Service
from tests.models.asking import ask, end_of, question, text_in
from tests.support.clock import FakeClock
from tests.support.messages_api import Step, ToolCall

TOOL = {"name": "find_order", "description": "Find one.", "input_schema": {"type": "object"}}


class AnswersContract:
    def test_text_arrives_in_deltas_and_then_whole(self, service: Service) -> None:
        with (
            service.server([Step(tokens=["Good", " day", "."])]) as api,
            service.model_at(api.base_url) as model,
        ):
            events = list(ask(model))
        assert events[:-1] == [TextDelta("Good"), TextDelta(" day"), TextDelta(".")]
        assert end_of(events).content == [{"type": "text", "text": "Good day."}]
        assert end_of(events).stop_reason == "end_turn"

    def test_tool_calls_are_parsed_and_kept_in_their_order(self, service: Service) -> None:
        deep = {"id": "Ä-1", "deep": {"list": [1, 2.5, None]}}
        calls = [
            ToolCall(id="t1", name="find_order", input=deep),
            ToolCall(id="t2", name="now"),
        ]
        with (
            service.server([Step(tokens=["Let me see."], tool_calls=calls)]) as api,
            service.model_at(api.base_url) as model,
        ):
            end = end_of(list(ask(model, question(tools=[TOOL]))))
        assert end.stop_reason == "tool_use"
        assert end.content == [
            {"type": "text", "text": "Let me see."},
            {"type": "tool_use", "id": "t1", "name": "find_order", "input": deep},
            {"type": "tool_use", "id": "t2", "name": "now", "input": {}},
        ]

    def test_thinking_comes_apart_and_goes_back_as_it_came(self, service: Service) -> None:
        call = ToolCall(id="t1", name="find_order")
        first = Step(thinking=["Hm", "m"], tokens=["Wait."], tool_calls=[call])
        with (
            service.server([first, Step(tokens=["Done."])]) as api,
            service.model_at(api.base_url) as model,
        ):
            events = list(ask(model, question(tools=[TOOL])))
            said = end_of(events).content
            result = {"type": "tool_result", "tool_use_id": "t1", "content": "none"}
            messages = [
                {"role": "user", "content": "Hello"},
                {"role": "assistant", "content": said},
                {"role": "user", "content": [result]},
            ]
            list(ask(model, question(tools=[TOOL], messages=messages)))
            again = api.requests[1]["messages"][1]["content"]
        assert events[:2] == [ReasoningDelta("Hm"), ReasoningDelta("m")]
        assert text_in(events) == "Wait."
        assert said[0] == {"type": "thinking", "thinking": "Hmm", "signature": "c2lnbmVk"}
        assert again == said

    def test_the_request_says_nothing_that_it_was_not_told_to_say(self, service: Service) -> None:
        with (
            service.server([Step(tokens=["Yes"], times=6)]) as api,
            service.model_at(api.base_url) as model,
        ):
            list(ask(model, question(model=service.model, system=" ", tool_choice="none")))
            full = question(model=service.model, system="Be brief.", tools=[TOOL])
            list(ask(model, full))
            silent = question(model=service.model, tools=[TOOL], tool_choice="none")
            list(ask(model, silent))
            forced = question(model=service.model, tools=[TOOL], tool_choice="any")
            list(ask(model, forced))
            list(ask(model, question(model=service.model, thinking="adaptive")))
            list(ask(model, question(model=service.model, thinking=2048)))
            bare, all_of_it, wordy, calling, adaptive, thinking = api.requests
        assert bare == {
            "model": service.model,
            "messages": [{"role": "user", "content": "Hello"}],
            "max_tokens": 64,
            "stream": True,
        }
        assert all_of_it == {**bare, "system": "Be brief.", "tools": [TOOL]}
        assert wordy == {**bare, "tools": [TOOL], "tool_choice": {"type": "none"}}
        assert calling == {**bare, "tools": [TOOL], "tool_choice": {"type": "any"}}
        assert adaptive == {**bare, "thinking": {"type": "adaptive"}}
        assert thinking == {**bare, "thinking": {"type": "enabled", "budget_tokens": 2048}}

    def test_usage_counts_the_cache_and_is_priced_by_who_answered(self, service: Service) -> None:
        step = Step(
            tokens=["Yes"],
            model="claude-opus-4-8",
            input_tokens=100,
            output_tokens=7,
            cache_read_tokens=2000,
            cache_write_tokens=30,
        )
        with service.server([step]) as api, service.model_at(api.base_url) as model:
            usage = end_of(list(ask(model))).usage
        cost = 100 * 5_000 + 7 * 25_000 + 2000 * 500 + 30 * 6_250
        assert usage == Usage(100, 7, 2000, 30, cost)

    def test_the_model_that_was_asked_has_a_price(self, service: Service) -> None:
        step = Step(tokens=["Yes"], model="who knows", input_tokens=100, output_tokens=7)
        with service.server([step]) as api, service.model_at(api.base_url) as model:
            usage = end_of(list(ask(model, question(model=service.model)))).usage
        assert usage == Usage(100, 7, 0, 0, 100 * 2_000 + 7 * 10_000)

    def test_without_a_price_the_cost_is_unknown(self, service: Service) -> None:
        with (
            service.server([Step(tokens=["Yes"])]) as api,
            service.model_at(api.base_url) as model,
        ):
            usage = end_of(list(ask(model, question(model="somebody-elses")))).usage
        assert usage == Usage(10, 1, 0, 0, None)

    def test_the_breakpoints_for_the_cache_are_sent(self, service: Service) -> None:
        with (
            service.server([Step(tokens=["Yes"])]) as api,
            service.model_at(api.base_url) as model,
        ):
            list(ask(model, question(system="Be brief.")))
            (sent,) = api.raw_requests
        mark = {"type": "ephemeral"}
        assert sent["system"] == [{"type": "text", "text": "Be brief.", "cache_control": mark}]
        (message,) = sent["messages"]
        assert message["content"] == [{"type": "text", "text": "Hello", "cache_control": mark}]

    def test_one_connection_serves_many_calls(self, service: Service) -> None:
        clock = FakeClock()
        with (
            service.server(reply=lambda request: "Yes") as api,
            service.model_at(api.base_url, clock) as model,
        ):
            for _ in range(3):
                assert text_in(list(ask(model))) == "Yes"
                clock.join()
            assert api.connections == 1

    def test_nothing_is_sent_before_somebody_listens(self, service: Service) -> None:
        with service.server() as api, service.model_at(api.base_url) as model:
            stream = ask(model)
            stream.close()
            with pytest.raises(StreamClosed):
                next(iter(stream))
            assert api.requests == []
