"""What a provider's failure means to us: one table for statuses and error types. Pure.

The words are ours; whatever the provider said stays in `__cause__`, for the log.
"""

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from math import ceil

from shared.models.port import ModelError

_STATUS_OF = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "timeout_error": 408,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "overloaded_error": 529,
}
_BEDROCK_STATUS_OF = {
    "ValidationException": 400,
    "ExpiredTokenException": 401,
    "IncompleteSignatureException": 401,
    "InvalidSignatureException": 401,
    "MissingAuthenticationTokenException": 401,
    "UnrecognizedClientException": 401,
    "AccessDeniedException": 403,
    "ResourceNotFoundException": 404,
    "ModelTimeoutException": 408,
    "ServiceQuotaExceededException": 429,
    "ThrottlingException": 429,
    "TooManyRequestsException": 429,
    "InternalServerException": 500,
    "ModelErrorException": 500,
    "ModelNotReadyException": 503,
    "ModelStreamErrorException": 500,
    "ServiceUnavailableException": 503,
}
_UNAVAILABLE = {
    401: "The model provider does not accept the API key.",
    402: "The model provider's account has a billing problem.",
    403: "The API key may not use this model.",
    404: "The model provider does not know this model.",
}
_BAD_REQUEST = ("", "invalid_request_error", "ValidationException")
_TOO_LONG = re.compile(
    r"(prompt|input) is too long|exceeds? (the )?(model's )?(maximum )?context"
    r"|context (window|length|limit)|too many (input )?tokens",
    re.IGNORECASE,
)
_UNKNOWN_MODEL = re.compile(
    r"model identifier is invalid|on-demand throughput isn.t supported", re.IGNORECASE
)
"""Bedrock's words, with which it answers 400, for a model that it has not got, or not so."""


def refused(
    status: int, kind: str = "", said: str = "", *, retry_after: int | None = None
) -> ModelError:
    """The provider answered with an HTTP error; `kind` is the type that it gives, if any.

    A type of Bedrock's counts more than the status, which is the same for unlike things there.
    """
    status = _BEDROCK_STATUS_OF.get(kind, status)
    details = {} if retry_after is None else {"retryAfter": retry_after}
    if status == 429:
        return ModelError(
            "The model provider takes no more requests at the moment; try again later.",
            code="RATE_LIMITED",
            retryable=True,
            details=details,
        )
    if status >= 500:
        return ModelError(
            "The model is overloaded at the moment; try again later.",
            code="MODEL_OVERLOADED",
            retryable=True,
            details=details,
        )
    if status == 408:
        return unreachable()
    if status in _UNAVAILABLE:
        return ModelError(_UNAVAILABLE[status], retryable=False)
    if status == 400 and _UNKNOWN_MODEL.search(said):
        return ModelError(_UNAVAILABLE[404], retryable=False)
    if status == 400 and kind in _BAD_REQUEST and _TOO_LONG.search(said):
        return ModelError(
            "The conversation is too long for this model.", code="CONTEXT_TOO_LONG", retryable=False
        )
    return ModelError(
        "The model provider refused the request as invalid.", code="MODEL_REFUSED", retryable=False
    )


def gave_up(kind: str, said: str) -> ModelError:
    """The provider sent an `error` event within a stream."""
    return refused(_STATUS_OF.get(kind, 500), kind, said)


def no_credentials(*, retryable: bool = False) -> ModelError:
    """There is nothing to sign a request with, or it could not be fetched."""
    return ModelError(
        "There are no AWS credentials to ask the model provider with.", retryable=retryable
    )


def unreachable() -> ModelError:
    """No connection, or no answer in time."""
    return ModelError("The model provider cannot be reached at the moment.", retryable=True)


def cut_off() -> ModelError:
    """The answer stopped before its end."""
    return ModelError("The model's answer broke off before its end.", retryable=True)


def out_of_time() -> ModelError:
    """The caller's time is over."""
    return ModelError("The model did not answer in the time that was left.", retryable=True)


def seconds_to_wait(retry_after: str | None, now_ms: int) -> int | None:
    """What a `Retry-After` header asks for, in seconds or as a date; None if it makes no sense."""
    if not retry_after:
        return None
    try:
        seconds = float(retry_after)
    except ValueError:
        seconds = _until(retry_after, now_ms)
    return ceil(seconds) if 0 <= seconds < float("inf") else None


def _until(date: str, now_ms: int) -> float:
    try:
        then = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return float("inf")
    # A date without a zone is taken as UTC, which is what HTTP dates are in.
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    return max(0.0, then.timestamp() - now_ms / 1000)
