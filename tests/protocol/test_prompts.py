"""The events by which people are asked, and what they are told of their answers: to the letter, and
judged by the published client's own models."""

from typing import Any

import pytest

from shared.protocol import events, prompts, replies
from tests.support.client_models import validate

AT = 1_760_000_000_000
SESSION = "0191f3a4-0000-7000-8000-000000000001"
SPEC = {"fields": [{"key": "email", "required": True}]}


def about(kind: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": kind,
        "requestId": "q",
        "data": {"requestId": "q", "data": data},
        "timestamp": AT,
    }


PENDING = {
    "approvalId": "approval_x",
    "toolId": "refund",
    "arguments": {"order": "42"},
    "expiresAt": replies.iso_time(AT),
}
EVENTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "approval": (
        prompts.write_confirmation_required("q", "refund", "Refund 42.", at=AT),
        about(
            "write_confirmation_required", {"toolId": "refund", "actionDescription": "Refund 42."}
        ),
    ),
    "form": (
        prompts.interaction_required("q", "i", "identity_intake", SPEC, "", at=AT),
        about(
            "interaction_required",
            {"interactionId": "i", "kind": "identity_intake", "spec": SPEC, "reason": ""},
        ),
    ),
    "invalid": (
        prompts.interaction_invalid(
            "q", "i", "choices", [("Size", "is missing")], "Attention.", at=AT
        ),
        about(
            "interaction_invalid",
            {
                "interactionId": "i",
                "kind": "choices",
                "errors": [{"field": "Size", "message": "is missing"}],
                "message": "Attention.",
            },
        ),
    ),
    "code": (
        prompts.otp_verification_required("q", "pay", "Pay.", at=AT),
        about(
            "otp_verification_required",
            {
                "toolId": "pay",
                "actionDescription": "Pay.",
                "availableChannels": ["email"],
                "authLevel": "end_user",
            },
        ),
    ),
    "sent": (
        prompts.otp_sent("q", "email", "a***@example.org", at=AT),
        about("otp_sent", {"channel": "email", "maskedDestination": "a***@example.org"}),
    ),
    "verified": (
        prompts.otp_verified("q", "Thank you.", at=AT),
        about("otp_verified", {"message": "Thank you."}),
    ),
    **{
        reason: (
            prompts.otp_invalid("q", reason, 0, "No.", at=AT),
            about("otp_invalid", {"error": reason, "attemptsRemaining": 0, "message": "No."}),
        )
        for reason in (
            prompts.INVALID_CODE,
            prompts.MAX_ATTEMPTS,
            prompts.NOT_FOUND,
            prompts.EXPIRED,
        )
    },
    "call": (
        events.stream_chunk(
            "q",
            "refund",
            {"rawResponse": {"toolCall": {}}, "pendingWriteConfirmation": PENDING},
            at=AT,
        ),
        {
            "type": "stream_chunk",
            "requestId": "q",
            "node": "refund",
            "data": {
                "requestId": "q",
                "node": "refund",
                "state": {
                    "rawResponse": {"toolCall": {}},
                    "pendingWriteConfirmation": PENDING,
                },
            },
            "timestamp": AT,
        },
    ),
}
REPLIES = {
    "approved": (
        replies.tool_action(SESSION, "approval_x", approved=True),
        {"sessionId": SESSION, "approvalId": "approval_x", "approved": True},
    ),
    "submitted": (
        replies.interaction_submitted(SESSION, "i", "identity_intake", {"email": "a@b.org"}),
        {
            "sessionId": SESSION,
            "interactionId": "i",
            "kind": "identity_intake",
            "values": {"email": "a@b.org"},
        },
    ),
    "declined": (
        replies.interaction_submitted(SESSION, "i", "choices", None),
        {"sessionId": SESSION, "interactionId": "i", "kind": "choices", "declined": True},
    ),
    "queued": (replies.queued_behind("approval", 2), {"queued": 2, "waitingFor": "approval"}),
    "resumed": (
        replies.resumed(
            "q", "awaiting_approval", begin=0, text="", prompt={**EVENTS["approval"][0]}
        ),
        {
            "requestId": "q",
            "status": "awaiting_approval",
            "begin": 0,
            "text": "",
            "prompt": EVENTS["approval"][1],
        },
    ),
}


@pytest.mark.parametrize("name", EVENTS)
def test_events_are_these(name: str) -> None:
    built, expected = EVENTS[name]
    assert built == expected


@pytest.mark.parametrize("name", REPLIES)
def test_replies_are_these(name: str) -> None:
    built, expected = REPLIES[name]
    assert built == expected


def test_the_client_takes_every_event() -> None:
    assert validate([built for built, _ in EVENTS.values()]) == []


def test_the_client_takes_every_reply() -> None:
    frames = [events.immediate_response("q", 200, at=AT, data=data) for data, _ in REPLIES.values()]
    assert validate(frames) == []


@pytest.mark.parametrize("name", sorted(EVENTS.keys() - {"call"}))
def test_the_client_drops_what_has_more_than_that(name: str) -> None:
    built, _ = EVENTS[name]
    inner = {**built["data"]["data"], "arguments": {}}
    more = {**built, "data": {**built["data"], "data": inner}}
    assert len(validate([more])) == 1
