"""The Model port: a stream that breaks after each of its events ends in one way, the right one."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from shared.local.messages_api import events as events_of
from shared.models.port import ReasoningDelta, TextDelta
from tests.contracts.model_closing import Reader
from tests.contracts.model_service import SECRET, Service
from tests.models.asking import ask, end_of, failure_of, text_in
from tests.support.clock import FakeClock
from tests.support.manual_clock import ManualClock
from tests.support.messages_api import Step, ToolCall
from tests.support.messages_api_script import reply_for

CALL = ToolCall(id="t1", name="pay", input={"amount": 100})
ANSWER = Step(thinking=["Hm", "m"], tokens=["All", " well"], tool_calls=[CALL])
EVENTS = list(events_of(reply_for(ANSWER, {"model": "m"}, 1)))
LONG = 3600.0


def broken(how: str, after: int) -> Step:
    breaks: dict[str, Any] = {how: after}
    return replace(ANSWER, error_message=SECRET, **breaks)


def shown(after: int) -> Sequence[TextDelta | ReasoningDelta]:
    """What somebody has seen of the answer after so many events."""
    deltas = [event.get("delta", {}) for event in EVENTS[:after]]
    return [
        TextDelta(delta["text"]) if "text" in delta else ReasoningDelta(delta["thinking"])
        for delta in deltas
        if "text" in delta or "thinking" in delta
    ]


def output_tokens(after: int) -> int:
    """What the usage says after so many events: first a start, then all."""
    if after == 0:
        return 0
    return 5 if after >= len(EVENTS) - 1 else 1


BEFORE = [after for after in range(len(EVENTS)) if not shown(after)]
WITHIN = [after for after in range(len(EVENTS)) if shown(after)]
BREAKS = ["drop_after", "truncate_after", "error_after"]


class BreaksContract:
    @pytest.mark.parametrize("how", BREAKS)
    @pytest.mark.parametrize("after", BEFORE)
    def test_before_the_first_delta_it_is_tried_again(
        self, service: Service, how: str, after: int
    ) -> None:
        clock = FakeClock()
        with (
            service.server([broken(how, after), ANSWER]) as api,
            service.model_at(api.base_url, clock) as model,
        ):
            events = list(ask(model))
        end = end_of(events)
        assert events[:-1] == shown(len(EVENTS))
        assert end.content[-1]["input"] == {"amount": 100}
        assert end.usage.input_tokens == (20 if after else 10)
        assert end.usage.output_tokens == 5 + output_tokens(after)
        assert clock.sleeps == [0.5]

    @pytest.mark.parametrize("how", BREAKS)
    @pytest.mark.parametrize("after", WITHIN)
    def test_after_the_first_delta_it_is_an_error(
        self, service: Service, how: str, after: int
    ) -> None:
        clock = FakeClock()
        with (
            service.server([broken(how, after)]) as api,
            service.model_at(api.base_url, clock) as model,
        ):
            seen, error = failure_of(ask(model))
        assert seen == shown(after)
        expected = "MODEL_OVERLOADED" if how == "error_after" else "LLM_UNAVAILABLE"
        assert (error.error_code, error.is_retryable) == (expected, True)
        assert SECRET not in error.message
        assert (error.usage.input_tokens, error.usage.output_tokens) == (10, output_tokens(after))
        assert clock.sleeps == []

    @pytest.mark.parametrize("how", ["drop_after", "truncate_after", "error_after"])
    def test_after_the_last_event_it_is_whole(self, service: Service, how: str) -> None:
        with (
            service.server([broken(how, len(EVENTS))]) as api,
            service.model_at(api.base_url) as model,
        ):
            assert text_in(list(ask(model))) == "All well"

    def test_before_the_headers_it_is_tried_again(self, service: Service) -> None:
        with (
            service.server([broken("drop_after", -1), ANSWER]) as api,
            service.model_at(api.base_url) as model,
        ):
            assert text_in(list(ask(model))) == "All well"

    @pytest.mark.parametrize("after", range(len(EVENTS)))
    def test_a_stall_ends_with_the_time(self, service: Service, after: int) -> None:
        clock = ManualClock()
        with (
            service.server([broken("silent_after", after)]) as api,
            service.model_at(api.base_url, clock) as model,
        ):
            reader = Reader(ask(model, left=LONG))
            reader.await_events(len(shown(after)))
            api.wait_for(lambda books: books.silent == 1)
            clock.advance(LONG + 1)
            error = reader.failure()
            api.wait_for(lambda books: books.disconnected == 1)
        assert reader.events == shown(after)
        assert (error.error_code, error.is_retryable) == ("LLM_UNAVAILABLE", True)
        if shown(after):
            assert error.usage.input_tokens == 10

    def test_a_provider_that_falls_silent_is_given_up(self, service: Service) -> None:
        silent = broken("silent_after", WITHIN[0])
        with (
            service.server([silent]) as api,
            service.model_at(api.base_url, idle_seconds=0.5, max_retries=0) as model,
        ):
            seen, error = failure_of(ask(model, left=LONG))
            api.wait_for(lambda books: books.disconnected == 1)
        assert seen == shown(WITHIN[0])
        assert (error.error_code, error.is_retryable) == ("LLM_UNAVAILABLE", True)

    @pytest.mark.parametrize("how", [{"stall_after": -1}, {"silent_after": 1}])
    def test_a_provider_that_is_silent_from_the_start_is_asked_again(
        self, service: Service, how: dict[str, int]
    ) -> None:
        clock = FakeClock()
        silent: Any = {"tokens": ["x"], **how}
        with (
            service.server([Step(**silent), ANSWER]) as api,
            service.model_at(api.base_url, clock, idle_seconds=0.5) as model,
        ):
            assert text_in(list(ask(model, left=LONG))) == "All well"
        assert clock.sleeps == [0.5]
