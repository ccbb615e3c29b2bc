"""Frames that the parser refuses, and what it says."""

from typing import Any

import pytest

from shared.protocol import frames
from shared.protocol.frames import FrameError
from shared.protocol.parser import MAX_BYTES, parse
from tests.protocol.samples import (
    CREATE,
    LIST,
    MESSAGES,
    RENAME,
    SEND,
    SESSION,
    parsed,
    refusal,
    without,
)


@pytest.mark.parametrize(
    "body",
    [
        None,
        "",
        "hello",
        "[]",
        "null",
        "7",
        '"text"',
        '{"action": "ping"',
        '{"action": "ping", "n": NaN}',
        '{"action": "ping", "n": -Infinity}',
        '{"action": "ping", "n": 1e999}',
        '{"action": "ping", "n": ' + "1" * 5000 + "}",
        '{"action": "ping", "t": "\\ud800"}',
        '{"action": "ping", "\\udfff": 1}',
        '{"action": "ping", "t": "\ud800"}',
        "[" * 30_000,
        '{"a":' * 20_000,
        '{"action": "ping", "a": ' + "[" * 100 + "]" * 100 + "}",
        '{"action": "ping", "a": "' + "x" * MAX_BYTES + '"}',
    ],
)
def test_what_is_no_frame_at_all(body: str | None) -> None:
    with pytest.raises(FrameError) as caught:
        parse(body)
    assert caught.value.error_code == "VALIDATION_ERROR"
    assert caught.value.request_id is None
    assert caught.value.message.startswith("The frame ")
    assert caught.value.message.endswith(".")


def test_binary_frames() -> None:
    with pytest.raises(FrameError, match="Binary frames") as caught:
        parse("eyJhY3Rpb24iOiAicGluZyJ9", is_base64=True)
    assert caught.value.error_code == "VALIDATION_ERROR"


def test_where_the_json_breaks() -> None:
    with pytest.raises(FrameError, match="line 2, column 3"):
        parse("{\n  oops}")


@pytest.mark.parametrize("action", [None, 5, "", "fly", "Verify_otp", "interrupt", ["ping"], {}])
def test_other_actions_are_unsupported(action: object) -> None:
    fault = refusal({"action": action, "requestId": "r"})
    assert (fault.error_code, fault.request_id) == ("UNSUPPORTED_ACTION", "r")
    assert "send_message" in fault.message


def test_an_unsupported_action_with_a_bad_request_id() -> None:
    assert refusal({"action": "x", "requestId": "r" * 129}).request_id is None
    assert refusal({"requestId": 5}).error_code == "UNSUPPORTED_ACTION"


@pytest.mark.parametrize("value", ["", " ", "a\nb", "x" * 129, "ä" * 65, 5, ["a"], True])
def test_request_ids(value: object) -> None:
    fault = refusal(SEND, requestId=value)
    assert fault.error_code == "VALIDATION_ERROR"
    assert fault.request_id is None
    assert fault.details == {"field": "requestId"}


def test_request_ids_are_measured_in_bytes() -> None:
    assert parsed(SEND, requestId="ä" * 64).request_id == "ä" * 64
    assert parsed({"action": "ping", "requestId": "x" * 128}).request_id == "x" * 128


def test_a_message_needs_its_request_id() -> None:
    assert '"requestId" is missing' in refusal(without(SEND, "requestId")).message
    assert refusal(SEND, requestId=None).error_code == "VALIDATION_ERROR"


@pytest.mark.parametrize("value", [None, "", "  ", 5, {}])
def test_a_session_must_be_named(value: object) -> None:
    fault = refusal(SEND, sessionId=value)
    assert (fault.error_code, fault.request_id) == ("VALIDATION_ERROR", "q1")


@pytest.mark.parametrize("value", ["s1", SESSION.replace("-", ""), "{" + SESSION + "}", "٣" * 36])
def test_what_is_no_uuid_is_no_session(value: str) -> None:
    fault = refusal(SEND, sessionId=value)
    assert (fault.error_code, fault.request_id) == ("SESSION_NOT_FOUND", "q1")
    assert fault.message == frames.no_such_session().message


@pytest.mark.parametrize("value", ["c1", SESSION.replace("-", ""), "\x00", "٣" * 36])
def test_what_is_no_uuid_is_no_conversation(value: str) -> None:
    fault = refusal(RENAME, conversationId=value)
    assert (fault.error_code, fault.request_id) == ("CONVERSATION_NOT_FOUND", "n1")
    assert fault.message == frames.no_such_conversation().message
    assert refusal(RENAME, conversationId=value, title="").error_code == "VALIDATION_ERROR"


def test_a_bad_stop_is_not_told_under_the_request_id_of_its_turn() -> None:
    fault = refusal({"action": "cancel", "requestId": "q1", "sessionId": 5})
    assert (fault.error_code, fault.request_id) == ("VALIDATION_ERROR", None)
    assert fault.details == {"field": "sessionId"}


def test_the_rest_of_the_frame_is_checked_first() -> None:
    assert refusal(SEND, sessionId="s1", message=" ").error_code == "VALIDATION_ERROR"


@pytest.mark.parametrize(
    ("frame", "field", "value", "said"),
    [
        (SEND, "message", "", "may not be blank"),
        (SEND, "message", " \n", "may not be blank"),
        (SEND, "message", "x" * 10_001, "at most 10000 characters"),
        (SEND, "message", None, "must be a text"),
        (SEND, "message", ["Hi"], "must be a text"),
        (SEND, "stream", "yes", "must be true or false"),
        (SEND, "stream", 0, "must be true or false"),
        (SEND, "model", " ", "may not be blank"),
        (SEND, "model", "m" * 129, "at most 128 characters"),
        (SEND, "model", ["m"], "must be a text"),
        (SEND, "skill", "", "must be the name of a skill"),
        (SEND, "skill", "../tone", "must be the name of a skill"),
        (SEND, "skill", "töne", "must be the name of a skill"),
        (SEND, "skill", "s" * 129, "must be the name of a skill"),
        (SEND, "skill", 7, "must be a text"),
        (CREATE, "agentId", " ", "may not be blank"),
        (CREATE, "agentId", "x" * 129, "at most 128 characters"),
        (CREATE, "agentId", 7, "must be a text"),
        (CREATE, "conversationId", 7, "must be a text"),
        (CREATE, "userName", "x" * 201, "at most 200 characters"),
        (CREATE, "userName", 5, "must be a text"),
        (CREATE, "supports", "choice_chips", "must be a list"),
        (CREATE, "supports", {"choice_chips": True}, "must be a list"),
        (CREATE, "supports", ["x"] * 33, "at most 32 entries"),
        (CREATE, "metadata", [], "must be an object"),
        (CREATE, "metadata", {"k": "x" * 4096}, "at most 4096 bytes"),
        (CREATE, "metadata", {"k": "ä" * 2048}, "at most 4096 bytes"),
        (CREATE, "browserFingerprint", "x" * 257, "at most 256 characters"),
        (MESSAGES, "limit", 0, "must be at least 1"),
        (MESSAGES, "limit", 101, "must be at most 100"),
        (MESSAGES, "limit", "5", "must be a whole number"),
        (MESSAGES, "limit", 5.0, "must be a whole number"),
        (MESSAGES, "limit", True, "must be a whole number"),
        (MESSAGES, "cursor", "x" * 513, "at most 512 characters"),
        (MESSAGES, "before", 5, "must be a text"),
        (LIST, "limit", 0, "must be at least 1"),
        (LIST, "limit", -(10**400), "must be at least 1"),
        (LIST, "limit", "5", "must be a whole number"),
        (LIST, "cursor", "x" * 513, "at most 512 characters"),
        (LIST, "query", "x" * 201, "at most 200 characters"),
        (LIST, "query", ["x"], "must be a text"),
        (RENAME, "title", " \n", "may not be blank"),
        (RENAME, "title", None, "must be a text"),
        (RENAME, "title", "x" * 1001, "at most 1000 characters"),
        (RENAME, "conversationId", None, "must be a text"),
        (RENAME, "conversationId", " ", "may not be blank"),
    ],
)
def test_what_is_said_about_a_field(
    frame: dict[str, Any], field: str, value: object, said: str
) -> None:
    fault = refusal(frame, **{field: value})
    assert (fault.error_code, fault.request_id) == ("VALIDATION_ERROR", frame["requestId"])
    assert fault.message.startswith(f'The frame\'s "{field}" ')
    assert said in fault.message
    assert fault.details == {"field": field}


def test_what_is_said_about_an_entry() -> None:
    fault = refusal(CREATE, supports=["ok", "x" * 65])
    assert fault.message.startswith('The frame\'s "supports.1" may have at most 64 characters')


@pytest.mark.parametrize(
    ("frame", "field", "value"),
    [
        (SEND, "authContext", {"userId": "u"}),
    ],
)
def test_what_comes_later_is_refused_by_name(
    frame: dict[str, Any], field: str, value: object
) -> None:
    fault = refusal(frame, **{field: value})
    assert fault.error_code == "VALIDATION_ERROR"
    assert f'"{field}"' in fault.message
    assert "is not supported yet" in fault.message
