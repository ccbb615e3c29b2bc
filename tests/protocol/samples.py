"""Frames to change, and short ways to parse them."""

import json
from typing import Any

import pytest

from shared.protocol.frames import Frame, FrameError
from shared.protocol.parser import parse

SESSION = "0191F3A4-0000-7000-8000-00000000000A"
CREATE = {"action": "create_conversation_session", "requestId": "c1", "agentId": "assistant"}
SEND = {"action": "send_message", "requestId": "q1", "sessionId": SESSION, "message": "Hi"}
MESSAGES = {"action": "get_conversation_messages", "requestId": "g1", "sessionId": SESSION}
LIST = {"action": "list_conversations", "requestId": "l1"}
RENAME = {
    "action": "rename_conversation",
    "requestId": "n1",
    "conversationId": SESSION,
    "title": "Refund",
}
CONFIRM = {
    "action": "confirm_tool_action",
    "requestId": "a1",
    "sessionId": SESSION,
    "approved": True,
}
SUBMIT = {
    "action": "submit_interaction",
    "requestId": "i1",
    "sessionId": SESSION,
    "interactionId": "interaction_x",
    "values": {"email": "ann@example.org"},
}
VERIFY = {"action": "verify_otp", "requestId": "v1", "sessionId": SESSION, "code": "123456"}


def parsed(frame: dict[str, Any], **changes: Any) -> Frame:
    return parse(json.dumps({**frame, **changes}))


def refusal(frame: Any, **changes: Any) -> FrameError:
    with pytest.raises(FrameError) as caught:
        parse(json.dumps({**frame, **changes}))
    return caught.value


def without(frame: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in frame.items() if key != name}
