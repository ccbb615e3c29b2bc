"""What fails before the first text is retried within the time left; what fails after it is told."""

from dataclasses import replace
from email.utils import formatdate
from typing import Any

import pytest

from shared.models.port import TextDelta, Usage
from tests.models.asking import ask, end_of, failure_of, model_at, text_in
from tests.support.clock import FakeClock
from tests.support.messages_api import ScriptedMessagesApi, Step, ToolCall

SECRET = "the provider's own words"
ANSWER = Step(tokens=["All", " is", " well"])
# message_start, content_block_start, three deltas, content_block_stop, message_delta, message_stop
EVENTS_OF_ANSWER = 8
EVENTS_BEFORE_TEXT = 2
TOO_LONG = "prompt is too long: 210000 tokens > 200000 maximum"


def broken_answer(how: str, after: int) -> Step:
    breaks: dict[str, Any] = {how: after}
    return replace(ANSWER, error_message=SECRET, **breaks)


@pytest.mark.parametrize(
    ("status", "kind", "said", "code"),
    [
        (400, "invalid_request_error", SECRET, "MODEL_REFUSED"),
        (400, "invalid_request_error", TOO_LONG, "CONTEXT_TOO_LONG"),
        (401, "authentication_error", SECRET, "LLM_UNAVAILABLE"),
        (402, "billing_error", SECRET, "LLM_UNAVAILABLE"),
        (403, "permission_error", SECRET, "LLM_UNAVAILABLE"),
        (404, "not_found_error", SECRET, "LLM_UNAVAILABLE"),
        (413, "request_too_large", SECRET, "MODEL_REFUSED"),
        (422, "invalid_request_error", SECRET, "MODEL_REFUSED"),
    ],
)
def test_a_final_refusal_is_not_retried(status: int, kind: str, said: str, code: str) -> None:
    clock = FakeClock()
    step = Step(status=status, error_type=kind, error_message=said)
    with ScriptedMessagesApi([step]) as api, model_at(api.base_url, clock) as model:
        _, error = failure_of(ask(model))
    assert error.error_code == code
    assert not error.is_retryable
    assert said not in error.message
    assert said in str(error.__cause__)
    assert clock.sleeps == []


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (408, "LLM_UNAVAILABLE"),
        (429, "RATE_LIMITED"),
        (500, "MODEL_OVERLOADED"),
        (502, "MODEL_OVERLOADED"),
        (529, "MODEL_OVERLOADED"),
    ],
)
def test_what_may_pass_is_tried_four_times(status: int, code: str) -> None:
    clock = FakeClock()
    step = Step(status=status, error_message=SECRET, times=4)
    with ScriptedMessagesApi([step]) as api, model_at(api.base_url, clock) as model:
        _, error = failure_of(ask(model))
    assert error.error_code == code
    assert error.is_retryable
    assert SECRET not in error.message
    assert clock.sleeps == [0.5, 1.0, 2.0]


def test_a_retry_that_succeeds_is_not_seen() -> None:
    with (
        ScriptedMessagesApi([Step(status=529, times=3), ANSWER]) as api,
        model_at(api.base_url) as model,
    ):
        assert text_in(list(ask(model))) == "All is well"


def test_the_backoff_doubles_up_to_its_longest_and_is_only_its_ceiling() -> None:
    clock = FakeClock()
    ceilings: list[float] = []

    def jitter(ceiling: float) -> float:
        ceilings.append(ceiling)
        return ceiling / 4

    with (
        ScriptedMessagesApi([Step(status=500, times=6), ANSWER]) as api,
        model_at(api.base_url, clock, jitter=jitter, max_retries=6) as model,
    ):
        list(ask(model))
    assert ceilings == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]
    assert clock.sleeps == [ceiling / 4 for ceiling in ceilings]


def test_no_retry_is_begun_that_the_time_does_not_allow() -> None:
    clock = FakeClock()
    with (
        ScriptedMessagesApi([Step(status=529, times=2)]) as api,
        model_at(api.base_url, clock) as model,
    ):
        failure_of(ask(model, left=1.5))
    assert clock.sleeps == [0.5]


def test_without_time_nothing_is_asked() -> None:
    with ScriptedMessagesApi() as api, model_at(api.base_url) as model:
        _, error = failure_of(ask(model, left=0.0))
    assert error.error_code == "LLM_UNAVAILABLE"
    assert error.is_retryable


@pytest.mark.parametrize("header", ["7", "6.2", "date"])
def test_retry_after_is_honoured(header: str) -> None:
    clock = FakeClock()
    value = formatdate(clock.now() / 1000 + 7, usegmt=True) if header == "date" else header
    limited = Step(status=429, headers={"Retry-After": value})
    with ScriptedMessagesApi([limited, ANSWER]) as api, model_at(api.base_url, clock) as model:
        assert text_in(list(ask(model))) == "All is well"
    assert clock.sleeps == [7.0]


def test_retry_after_beyond_the_time_left_gives_up_at_once() -> None:
    clock = FakeClock()
    limited = Step(status=429, headers={"Retry-After": "61"})
    with ScriptedMessagesApi([limited]) as api, model_at(api.base_url, clock) as model:
        _, error = failure_of(ask(model, left=60.0))
    assert error.error_code == "RATE_LIMITED"
    assert error.details == {"retryAfter": 61}
    assert clock.sleeps == []


@pytest.mark.parametrize("after", range(-1, EVENTS_BEFORE_TEXT + 1))
def test_a_connection_that_breaks_before_the_text_is_tried_again(after: int) -> None:
    broken = Step(tokens=ANSWER.tokens, drop_after=after)
    with ScriptedMessagesApi([broken, ANSWER]) as api, model_at(api.base_url) as model:
        events = list(ask(model))
    assert text_in(events) == "All is well"
    assert end_of(events).usage.input_tokens == (20 if after > 0 else 10)


@pytest.mark.parametrize("how", ["drop_after", "truncate_after", "error_after"])
@pytest.mark.parametrize("after", range(EVENTS_BEFORE_TEXT + 1, EVENTS_OF_ANSWER))
def test_a_stream_that_breaks_within_the_text_is_an_error(how: str, after: int) -> None:
    clock = FakeClock()
    broken = broken_answer(how, after)
    with ScriptedMessagesApi([broken]) as api, model_at(api.base_url, clock) as model:
        seen, error = failure_of(ask(model))
    assert seen == [TextDelta(text) for text in ANSWER.tokens[: after - EVENTS_BEFORE_TEXT]]
    expected = "MODEL_OVERLOADED" if how == "error_after" else "LLM_UNAVAILABLE"
    assert error.error_code == expected
    assert error.is_retryable
    assert SECRET not in error.message
    assert error.usage.input_tokens == 10
    assert clock.sleeps == []


@pytest.mark.parametrize("how", ["truncate_after", "error_after"])
@pytest.mark.parametrize("after", range(EVENTS_BEFORE_TEXT + 1))
def test_a_stream_that_ends_before_the_text_is_tried_again(how: str, after: int) -> None:
    broken = broken_answer(how, after)
    with ScriptedMessagesApi([broken, ANSWER]) as api, model_at(api.base_url) as model:
        assert text_in(list(ask(model))) == "All is well"


@pytest.mark.parametrize("after", range(7))
def test_a_call_of_a_tool_that_breaks_off_is_asked_for_again(after: int) -> None:
    call = ToolCall(id="t1", name="pay", input={"amount": 100})
    broken, whole = Step(tool_calls=[call], drop_after=after), Step(tool_calls=[call])
    with ScriptedMessagesApi([broken, whole]) as api, model_at(api.base_url) as model:
        (block,) = end_of(list(ask(model))).content
    assert block["input"] == {"amount": 100}


def test_an_error_event_that_no_retry_helps_is_final() -> None:
    refused = Step(tokens=["x"], error_after=1, error_type="invalid_request_error")
    with ScriptedMessagesApi([refused]) as api, model_at(api.base_url) as model:
        _, error = failure_of(ask(model))
    assert error.error_code == "MODEL_REFUSED"


def test_a_provider_that_cannot_be_reached_is_unavailable() -> None:
    with ScriptedMessagesApi() as api:
        nobody = api.base_url
    clock = FakeClock()
    with model_at(nobody, clock) as model:
        _, error = failure_of(ask(model))
    assert error.error_code == "LLM_UNAVAILABLE"
    assert error.is_retryable
    assert clock.sleeps == [0.5, 1.0, 2.0]


def test_what_broken_attempts_cost_is_counted() -> None:
    broken = Step(tokens=["x"], truncate_after=EVENTS_BEFORE_TEXT, input_tokens=100)
    with (
        ScriptedMessagesApi([broken, broken, Step(tokens=["Yes"])]) as api,
        model_at(api.base_url) as model,
    ):
        usage = end_of(list(ask(model))).usage
    assert usage == Usage(210, 3, 0, 0, 210 * 3_000 + 3 * 15_000)
