"""The events by which people are asked, in the exact shapes of the protocol; see `events.py`.

What a client needs to answer, and the protocol has no place for, goes into the `stream_chunk` of
the call: `state.pendingWriteConfirmation` beside `rawResponse`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.protocol.events import Event

AUTH_LEVEL = "end_user"
CHANNELS = ("email",)

INVALID_CODE = "INVALID_CODE"
MAX_ATTEMPTS = "MAX_ATTEMPTS"
NOT_FOUND = "NOT_FOUND"
EXPIRED = "EXPIRED"
"""Why a code was not accepted."""


def write_confirmation_required(request_id: str, tool: str, description: str, *, at: int) -> Event:
    """A call waits for somebody to allow it."""
    data = {"toolId": tool, "actionDescription": description}
    return _about("write_confirmation_required", request_id, data, at)


def interaction_required(
    request_id: str,
    interaction: str,
    kind: str,
    spec: Mapping[str, Any],
    reason: str,
    *,
    at: int,
) -> Event:
    """The agent waits for what the user fills in."""
    data = {"interactionId": interaction, "kind": kind, "spec": dict(spec), "reason": reason}
    return _about("interaction_required", request_id, data, at)


def interaction_invalid(
    request_id: str,
    interaction: str,
    kind: str,
    errors: Sequence[tuple[str, str]],
    message: str,
    *,
    at: int,
) -> Event:
    """What the user filled in will not do; the agent goes on waiting. `errors` are the fields and
    what is wrong with each."""
    faults = [{"field": field, "message": why} for field, why in errors]
    data = {"interactionId": interaction, "kind": kind, "errors": faults, "message": message}
    return _about("interaction_invalid", request_id, data, at)


def otp_verification_required(request_id: str, tool: str, description: str, *, at: int) -> Event:
    """A call waits for the user to show who they are."""
    data = {
        "toolId": tool,
        "actionDescription": description,
        "availableChannels": list(CHANNELS),
        "authLevel": AUTH_LEVEL,
    }
    return _about("otp_verification_required", request_id, data, at)


def otp_sent(request_id: str, channel: str, destination: str, *, at: int) -> Event:
    """A code is on its way; `destination` is masked."""
    return _about(
        "otp_sent", request_id, {"channel": channel, "maskedDestination": destination}, at
    )


def otp_verified(request_id: str, message: str, *, at: int) -> Event:
    """The code was right."""
    return _about("otp_verified", request_id, {"message": message}, at)


def otp_invalid(
    request_id: str, reason: str, attempts_remaining: int, message: str, *, at: int
) -> Event:
    """The code was not accepted."""
    data = {"error": reason, "attemptsRemaining": attempts_remaining, "message": message}
    return _about("otp_invalid", request_id, data, at)


def _about(kind: str, request_id: str, data: Mapping[str, Any], at: int) -> Event:
    return {
        "type": kind,
        "requestId": request_id,
        "data": {"requestId": request_id, "data": dict(data)},
        "timestamp": at,
    }
