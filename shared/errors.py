"""Every error that may reach a caller, as one small tree.

    ParleyError                     code, client-safe message, retryable, HTTP status
    ├── ValidationError             the caller sent something wrong
    ├── Unauthorized                no credential, or a bad one
    ├── Forbidden                   known, but not allowed in general (never about an id)
    ├── NotFound                    does not exist, or is not the caller's: the same thing
    ├── ConflictError               the state does not allow it now
    ├── RateLimited                 too often; `retry_after` says when to come back
    ├── TurnFailed                  a turn ended without a reply
    ├── ConfigurationError          a setting or an agent file contradicts itself; for operators
    │   └── AgentNotUsable          an agent does; clients are told so, without its reason
    ├── ServiceUnavailable          a store does not answer; try again
    │   └── BackendUnavailable      nor does whoever owns the agents
    └── InternalError               our fault; the details are in the log under the same id

The message of every error here is written by us and may be shown to a client. Whatever a
library or a provider said stays in `__cause__`, for the log.
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class ParleyError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "INTERNAL_ERROR"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str | None = None,
        *,
        code: str | None = None,
        retryable: bool | None = None,
        details: Mapping[str, Any] | None = None,
        status: int | None = None,
    ) -> None:
        self.message = message or (type(self).__doc__ or "").split("\n")[0]
        self.error_code = code or self.code
        self.is_retryable = self.retryable if retryable is None else retryable
        self.details: Mapping[str, Any] = details or {}
        self.http_status = status or self.status
        super().__init__(self.message)


class ValidationError(ParleyError):
    """The request is not valid."""

    code = "VALIDATION_ERROR"
    status = 422


class Unauthorized(ParleyError):
    """A valid credential is required."""

    code = "UNAUTHORIZED"
    status = 401


def auth_expired() -> Unauthorized:
    """The credential of a connection has run out, and so has the time to renew it."""
    return Unauthorized(
        "The credential of this connection has expired. Send an authenticate frame with a new one.",
        code="AUTH_EXPIRED",
    )


class Forbidden(ParleyError):
    """This is not allowed."""

    code = "FORBIDDEN"
    status = 403


class NotFound(ParleyError):
    """There is no such thing here."""

    code = "NOT_FOUND"
    status = 404


class ConflictError(ParleyError):
    """The current state does not allow this."""

    code = "CONFLICT"
    status = 409


class RateLimited(ParleyError):
    """Too many requests; try again later."""

    code = "RATE_LIMITED"
    status = 429
    retryable = True

    def __init__(self, message: str | None = None, *, retry_after: int) -> None:
        super().__init__(message, details={"retryAfter": retry_after})
        self.retry_after = retry_after


class TurnFailed(ParleyError):
    """The agent could not complete this turn."""

    code = "AGENT_ERROR"
    status = 502


class ConfigurationError(ParleyError):
    """The configuration contradicts itself."""

    code = "CONFIGURATION_ERROR"


class AgentNotUsable(ConfigurationError):
    """This agent's configuration is not valid; the service's log says why."""

    code = "AGENT_NOT_USABLE"


class InternalError(ParleyError):
    """Something went wrong on our side."""

    retryable = True


class ServiceUnavailable(ParleyError):
    """The service cannot answer now; try again."""

    code = "SERVICE_UNAVAILABLE"
    status = 503
    retryable = True


class BackendUnavailable(ServiceUnavailable):
    """The agent's configuration cannot be had at the moment. Try again later."""

    code = "BACKEND_UNAVAILABLE"
    retry_after = 5
    """Seconds."""


def for_client(fault: Exception) -> ParleyError:
    """What a client is told of a fault: our own errors as they are, but for what only concerns
    whoever operates this; of everything else, only that something went wrong."""
    if isinstance(fault, AgentNotUsable):
        return AgentNotUsable()
    if isinstance(fault, ConfigurationError):
        return InternalError("This is not configured correctly; the service's log says why.")
    return fault if isinstance(fault, ParleyError) else InternalError()


def for_log(fault: ParleyError) -> dict[str, Any]:
    """What a record of a fault has beside its message: the code, and where it was raised; not where
    the code tells all that is to be known of this one."""
    extra = {"code": fault.error_code}
    if isinstance(fault, BackendUnavailable):
        extra["reason"] = str(fault.__cause__)
    plain = isinstance(fault, AgentNotUsable | BackendUnavailable)
    return {"extra": extra, "exc_info": None if plain else fault}
