"""Whatever a client sends: a frame, or an error that may be shown to it."""

import json
from typing import Any, get_args

from hypothesis import example, given
from hypothesis import strategies as st

from shared.protocol import events
from shared.protocol.frames import Frame, FrameError
from shared.protocol.parser import parse
from tests.support.client_models import validate

FRAMES = get_args(Frame)
CODES = {
    *("VALIDATION_ERROR", "UNSUPPORTED_ACTION"),
    *("SESSION_NOT_FOUND", "CONVERSATION_NOT_FOUND"),
}
NAMES = [
    *("action", "requestId", "sessionId", "message", "stream", "agentId", "conversationId"),
    *("userName", "userEmail", "supports", "metadata", "browserFingerprint", "authContext"),
    *("limit", "cursor", "before", "images", "files", "model", "skill", "query", "title"),
    *("approved", "approvalId", "note", "interactionId", "kind", "values", "declined", "code"),
]
ACTIONS = [
    *("create_conversation_session", "send_message", "get_session"),
    *("get_conversation_messages", "ping", "cancel", "verify_otp"),
    *("list_conversations", "rename_conversation"),
    *("confirm_tool_action", "submit_interaction"),
]

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=40)
    | st.sampled_from([*ACTIONS, "0191f3a4-0000-7000-8000-00000000000a", "q1"])
)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12
)
near_frames = st.dictionaries(st.sampled_from(NAMES), anything, max_size=6)
good_starts = st.fixed_dictionaries(
    {
        "action": st.sampled_from(ACTIONS),
        "requestId": st.just("q1"),
        "sessionId": st.just("0191f3a4-0000-7000-8000-00000000000a"),
        "message": st.just("Hi"),
        "approved": st.just(True),
        "interactionId": st.just("interaction_x"),
        "values": st.just({"email": "ann@example.org"}),
        "code": st.just("123456"),
    }
)


def check(body: str, is_base64: bool = False) -> None:
    try:
        frame = parse(body, is_base64)
    except FrameError as fault:
        check_error(fault)
    else:
        assert isinstance(frame, FRAMES)
        assert frame.request_id is None or 1 <= len(frame.request_id.encode()) <= 128
        frame.model_dump_json()


def check_error(fault: FrameError) -> None:
    assert fault.error_code in CODES
    assert fault.message.endswith(".")
    assert fault.message.isprintable()
    assert len(fault.message) < 300
    for word in ("pydantic", "Error", "input_value", "Traceback", "NoneType"):
        assert word not in fault.message
    events.encode(events.error_of(fault, fault.request_id, at=0))


@given(st.binary(), st.booleans())
def test_any_bytes(body: bytes, is_base64: bool) -> None:
    check(body.decode("utf-8", "surrogateescape"), is_base64)


@given(st.text(st.characters(codec=None, categories=None)))
@example("\ufeff{}")
@example('{"action":"ping"}\x00')
def test_any_text(body: str) -> None:
    check(body)


@given(anything | near_frames)
def test_any_json(value: Any) -> None:
    check(json.dumps(value))
    check(json.dumps(value, ensure_ascii=False))


@given(good_starts, near_frames)
def test_frames_with_some_fields_gone_wrong(start: dict[str, Any], wrong: dict[str, Any]) -> None:
    check(json.dumps({**start, **wrong}))


@given(st.integers(0, 3000), st.sampled_from(["[", '{"a":', '[{"a":']))
def test_any_nesting(depth: int, opening: str) -> None:
    closing = {"[": "]", '{"a":': "}", '[{"a":': "}]"}[opening]
    check('{"action":"ping","a":' + opening * depth + "1" + closing * depth + "}")


def test_the_client_understands_our_refusals() -> None:
    refused = []
    for body in ("", '{"requestId":"q"}', '{"action":"send_message","requestId":"q"}'):
        try:
            parse(body)
        except FrameError as fault:
            refused.append(events.error_of(fault, fault.request_id, at=0))
    assert len(refused) == 3
    assert validate(refused) == []
