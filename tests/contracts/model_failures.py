"""The Model port: what fails before the first delta is retried within the time left."""

from email.utils import formatdate

import pytest

from shared.models.port import Usage
from tests.contracts.model_service import SECRET, Service
from tests.models.asking import ask, end_of, failure_of, question, text_in
from tests.support.clock import FakeClock
from tests.support.messages_api import Step

ANSWER = Step(tokens=["All", " is", " well"])


def assert_final(service: Service, status: int, kind: str, said: str, code: str) -> None:
    """Such a refusal is not tried again, and its words stay in the log."""
    clock = FakeClock()
    step = Step(status=status, error_type=kind, error_message=said)
    with service.server([step]) as api, service.model_at(api.base_url, clock) as model:
        seen, error = failure_of(ask(model))
    assert (seen, error.error_code, error.is_retryable) == ([], code, False)
    assert said not in error.message
    assert said in str(error.__cause__)
    assert clock.sleeps == []


def assert_passing(service: Service, status: int, kind: str, code: str) -> None:
    """Such a refusal is tried four times."""
    clock = FakeClock()
    step = Step(status=status, error_type=kind, error_message=SECRET, times=4)
    with service.server([step]) as api, service.model_at(api.base_url, clock) as model:
        seen, error = failure_of(ask(model))
    assert (seen, error.error_code, error.is_retryable) == ([], code, True)
    assert SECRET not in error.message
    assert clock.sleeps == [0.5, 1.0, 2.0]


class FailuresContract:
    def test_a_retry_that_succeeds_is_not_seen(self, service: Service) -> None:
        with (
            service.server([Step(status=529, times=3), ANSWER]) as api,
            service.model_at(api.base_url) as model,
        ):
            assert text_in(list(ask(model))) == "All is well"

    def test_the_backoff_doubles_up_to_its_longest_and_is_only_its_ceiling(
        self, service: Service
    ) -> None:
        clock = FakeClock()
        ceilings: list[float] = []

        def jitter(ceiling: float) -> float:
            ceilings.append(ceiling)
            return ceiling / 4

        with (
            service.server([Step(status=500, times=6), ANSWER]) as api,
            service.model_at(api.base_url, clock, jitter=jitter, max_retries=6) as model,
        ):
            list(ask(model))
        assert ceilings == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]
        assert clock.sleeps == [ceiling / 4 for ceiling in ceilings]

    def test_no_retry_is_begun_that_the_time_does_not_allow(self, service: Service) -> None:
        clock = FakeClock()
        with (
            service.server([Step(status=529, times=2)]) as api,
            service.model_at(api.base_url, clock) as model,
        ):
            failure_of(ask(model, left=1.5))
        assert clock.sleeps == [0.5]

    def test_without_time_nothing_is_asked(self, service: Service) -> None:
        with service.server() as api, service.model_at(api.base_url) as model:
            _, error = failure_of(ask(model, left=0.0))
        assert error.error_code == "LLM_UNAVAILABLE"
        assert error.is_retryable

    @pytest.mark.parametrize("header", ["7", "6.2", "date"])
    def test_retry_after_is_honoured(self, service: Service, header: str) -> None:
        clock = FakeClock()
        value = formatdate(clock.now() / 1000 + 7, usegmt=True) if header == "date" else header
        limited = Step(status=429, headers={"Retry-After": value})
        with (
            service.server([limited, ANSWER]) as api,
            service.model_at(api.base_url, clock) as model,
        ):
            assert text_in(list(ask(model))) == "All is well"
        assert clock.sleeps == [7.0]

    def test_retry_after_beyond_the_time_left_gives_up_at_once(self, service: Service) -> None:
        clock = FakeClock()
        limited = Step(status=429, headers={"Retry-After": "61"})
        with (
            service.server([limited]) as api,
            service.model_at(api.base_url, clock) as model,
        ):
            _, error = failure_of(ask(model, left=60.0))
        assert error.error_code == "RATE_LIMITED"
        assert error.details == {"retryAfter": 61}
        assert clock.sleeps == []

    def test_an_error_event_that_no_retry_helps_is_final(self, service: Service) -> None:
        refused = Step(tokens=["x"], error_after=1, error_type=service.invalid)
        with service.server([refused]) as api, service.model_at(api.base_url) as model:
            _, error = failure_of(ask(model))
        assert error.error_code == "MODEL_REFUSED"
        assert not error.is_retryable

    def test_a_provider_that_cannot_be_reached_is_unavailable(self, service: Service) -> None:
        with service.server() as api:
            nobody = api.base_url
        clock = FakeClock()
        with service.model_at(nobody, clock) as model:
            _, error = failure_of(ask(model))
        assert error.error_code == "LLM_UNAVAILABLE"
        assert error.is_retryable
        assert clock.sleeps == [0.5, 1.0, 2.0]

    def test_what_broken_attempts_cost_is_counted(self, service: Service) -> None:
        broken = Step(tokens=["x"], truncate_after=2, input_tokens=100)
        with (
            service.server([broken, broken, Step(tokens=["Yes"])]) as api,
            service.model_at(api.base_url) as model,
        ):
            usage = end_of(list(ask(model, question(model=service.model)))).usage
        assert usage == Usage(210, 3, 0, 0, 210 * 2_000 + 3 * 10_000)

    def test_a_refusal_of_the_model_is_an_answer(self, service: Service) -> None:
        step = Step(tokens=["No."], stop_reason="refusal")
        with service.server([step]) as api, service.model_at(api.base_url) as model:
            end = end_of(list(ask(model)))
        assert (end.stop_reason, end.content) == ("refusal", [{"type": "text", "text": "No."}])
