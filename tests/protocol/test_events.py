"""Every builder's event, judged by the published client's own models."""

import json
from typing import Any

import pytest

from shared.errors import NotFound, RateLimited
from shared.protocol import events, replies
from shared.protocol.replies import SessionIds
from tests.support.client_models import validate

AT = 1_760_000_000_000
IDS = SessionIds(
    session="0191f3a4-0000-7000-8000-000000000001",
    conversation="0191f3a4-0000-7000-8000-000000000002",
    agent="11111111-1111-5111-8111-111111111111",
    agent_name="Assistant",
    user_participant="0191f3a4-0000-7000-8000-000000000003",
    agent_participant="0191f3a4-0000-7000-8000-000000000004",
)
CITATION = {"id": "a.md", "title": "A", "url": "https://x.org/a", "snippet": "…", "score": 0.5}

EVENTS: dict[str, dict[str, Any]] = {
    "ack": events.immediate_response("q", events.ACCEPTED, at=AT),
    "ack, full": events.immediate_response(
        None, 200, at=AT, data={"duplicate": True}, message="Again"
    ),
    "token": events.stream_token("q", "Häl", at=AT),
    "chunk": events.stream_chunk("q", "restart", {"rawResponse": {"truncate": 3}}, at=AT),
    "empty chunk": events.stream_chunk("q", "step", {}, at=AT),
    "answer": events.eventual_response("q", message_id="m", text="Hello", at=AT),
    "empty answer": events.eventual_response("q", message_id="m", text="", at=AT),
    "answer, full": events.eventual_response(
        "q",
        message_id="m",
        text="Hello",
        at=AT,
        usage=events.usage(10, 5, 400_000),
        citations=[CITATION],
        suggestions=["More?"],
    ),
    "answer, no price": events.eventual_response(
        "q", message_id="m", text="Hello", at=AT, usage=events.usage(10, 5, None)
    ),
    "cancelled": events.cancelled("q", at=AT),
    "error": events.error("q", "AGENT_ERROR", "No.", at=AT),
    "error, full": events.error("q", "AGENT_ERROR", "No.", at=AT, details={"id": "x"}),
    "error of nobody": events.error(None, "VALIDATION_ERROR", "No.", at=AT),
    "error of ours": events.error_of(RateLimited(retry_after=3), "q", at=AT),
    "pong": events.pong("p", at=AT),
    "pong of nobody": events.pong(None, at=AT),
    "keepalive": events.keepalive("q", at=AT),
}


def test_the_client_takes_every_event() -> None:
    assert validate(list(EVENTS.values())) == []


def test_the_client_takes_every_event_as_encoded() -> None:
    assert validate([json.loads(events.encode(event)) for event in EVENTS.values()]) == []


@pytest.mark.parametrize(
    ("model", "data"),
    [
        ("CreateConversationSessionResponse", replies.session_created(IDS)),
        ("GetSessionResponse", replies.session_found(IDS, "active")),
        ("GetMessagesResponse", replies.messages_page([], None)),
        (
            "GetMessagesResponse",
            replies.messages_page(
                [
                    replies.message_item(IDS.session, "inbound", "Hi", created_at=AT),
                    replies.message_item(IDS.conversation, "outbound", "Hello", created_at=AT + 1),
                ],
                "next",
            ),
        ),
    ],
)
def test_the_client_takes_every_reply(model: str, data: dict[str, Any]) -> None:
    frames = [events.immediate_response("q", 200, at=AT, data=data)]
    assert validate(frames, payload=model) == []


def test_the_judge_finds_what_the_client_would_drop() -> None:
    frames = [
        {**EVENTS["token"], "seq": 1},
        {"type": "unheard_of"},
        events.immediate_response("q", 200, at=AT, data={"sessionId": "x"}),
    ]
    failures = validate(frames, payload="GetSessionResponse")
    assert [failure[:7] for failure in failures] == ["frame 0", "frame 1", "frame 2"]


def test_both_copies_of_an_error_are_there() -> None:
    event = EVENTS["error, full"]
    assert event["error"] == event["data"]["error"] == {"code": "AGENT_ERROR", "message": "No."}
    assert event["data"]["details"] == {"id": "x"}
    assert event["requestId"] == event["data"]["requestId"] == "q"


def test_an_error_of_nobody_has_no_request_id() -> None:
    event = EVENTS["error of nobody"]
    assert "requestId" not in event
    assert "requestId" not in event["data"]


def test_our_errors_keep_their_code_and_details() -> None:
    event = EVENTS["error of ours"]
    assert event["error"]["code"] == "RATE_LIMITED"
    assert event["data"]["details"] == {"retryAfter": 3}
    assert "details" not in events.error_of(NotFound(), "q", at=AT)["data"]


def test_the_cost_is_in_dollars() -> None:
    assert events.usage(1, 2, 1_234_567_891) == {
        "promptTokens": 1,
        "completionTokens": 2,
        "costUsd": 1.234567891,
    }
    assert events.usage(1, 2, 0)["costUsd"] == 0
    assert "costUsd" not in events.usage(1, 2, None)


def test_a_chunk_has_only_the_states_of_the_protocol() -> None:
    with pytest.raises(ValueError, match="no state"):
        events.stream_chunk("q", "step", {"approvalId": "a"}, at=AT)


def test_encoding_is_compact_and_plain() -> None:
    assert events.encode({"a": "ä😀", "b": [1, True]}) == '{"a":"ä😀","b":[1,true]}'.encode()


def test_encoding_stops_at_the_limit_of_bytes() -> None:
    room = events.MAX_EVENT_BYTES - len(events.encode({"t": ""}))
    assert len(events.encode({"t": "x" * room})) == events.MAX_EVENT_BYTES
    with pytest.raises(ValueError, match="131072 bytes"):
        events.encode({"t": "x" * (room + 1)})
    with pytest.raises(ValueError, match="131072 bytes"):
        events.encode({"t": "ä" * (room // 2 + 1)})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800"])
def test_encoding_refuses_what_is_not_json(value: object) -> None:
    with pytest.raises(ValueError):
        events.encode({"t": value})


def test_times_have_an_offset() -> None:
    assert replies.iso_time(AT + 7) == "2025-10-09T08:53:20.007+00:00"
    assert replies.iso_time(0) == "1970-01-01T00:00:00.000+00:00"
