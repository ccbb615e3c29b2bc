"""What a failure means, without a network."""

import pytest

from shared.models.failures import gave_up, refused, seconds_to_wait

NOW = 1_700_000_000_000  # Tue, 14 Nov 2023 22:13:20 GMT


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("inf", None),
        ("nan", None),
        ("0", 0),
        ("3", 3),
        ("2.1", 3),
        ("Tue, 14 Nov 2023 22:13:29 GMT", 9),
        ("Tue, 14 Nov 2023 22:13:29 -0000", 9),
        ("Tue, 14 Nov 2023 22:00:00 GMT", 0),
        ("Tue, 14 Nov 2023 22:00:00 +999999999999999999", None),
        ("Tue, 14 Nov 99999999999999999999 22:00:00 GMT", None),
    ],
)
def test_retry_after(header: str | None, seconds: int | None) -> None:
    assert seconds_to_wait(header, NOW) == seconds


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("prompt is too long: 5 tokens > 4 maximum", "CONTEXT_TOO_LONG"),
        (
            "input length and `max_tokens` exceed context limit: 1 + 2 > 2, decrease input length",
            "CONTEXT_TOO_LONG",
        ),
        ("max_tokens: 9 > 8, which is the maximum allowed number", "MODEL_REFUSED"),
        ("messages.0: text content blocks must be non-empty", "MODEL_REFUSED"),
    ],
)
def test_a_context_that_is_too_long_is_told_from_other_bad_requests(said: str, code: str) -> None:
    assert refused(400, "invalid_request_error", said).error_code == code


@pytest.mark.parametrize(
    ("kind", "code", "retryable"),
    [
        ("overloaded_error", "MODEL_OVERLOADED", True),
        ("api_error", "MODEL_OVERLOADED", True),
        ("error_of_the_future", "MODEL_OVERLOADED", True),
        ("rate_limit_error", "RATE_LIMITED", True),
        ("timeout_error", "LLM_UNAVAILABLE", True),
        ("authentication_error", "LLM_UNAVAILABLE", False),
        ("invalid_request_error", "MODEL_REFUSED", False),
    ],
)
def test_error_events_mean_what_their_status_would(kind: str, code: str, retryable: bool) -> None:
    error = gave_up(kind, "whatever")
    assert (error.error_code, error.is_retryable) == (code, retryable)
