"""A conversation over the deployed WebSocket."""

import pytest
from websockets.exceptions import InvalidStatus

from tests.e2e.client import Body, Chat, Http
from tests.e2e.stack import Stack
from tests.support.messages_api import ScriptedMessagesApi

pytestmark = pytest.mark.emulator


def parts(event: Body) -> str:
    return "".join(event["data"]["data"]["response"]["responseParts"])


def streamed(events: list[Body]) -> str:
    return "".join(event["data"]["token"] for event in events if event["type"] == "stream_token")


def test_a_turn_is_acknowledged_streamed_and_ended(chat: Chat) -> None:
    events = chat.say(chat.session(), "Hello there")

    assert events[0]["type"] == "immediate_response"
    assert events[0]["status"] == 202
    assert {event["type"] for event in events[1:-1]} >= {"stream_token"}
    assert events[-1]["status"] == 200
    assert "Hello there" in parts(events[-1])
    assert streamed(events) == parts(events[-1])


def test_the_second_turn_recalls_the_first(chat: Chat, model: ScriptedMessagesApi) -> None:
    session = chat.session()
    chat.say(session, "My order is 4711")
    events = chat.say(session, "What did I say?")

    assert "4711" in parts(events[-1])
    heard = [entry["role"] for entry in model.requests[-1]["messages"]]
    assert heard == ["user", "assistant", "user"]


def test_no_ticket_no_connection(stack: Stack) -> None:
    with pytest.raises(InvalidStatus) as refusal, Chat(stack.websocket_url):
        pass
    assert refusal.value.response.status_code in (401, 403)


def test_a_ticket_opens_one_connection(stack: Stack, http: Http) -> None:
    ticket = http.ticket()
    with Chat(stack.websocket_url, ticket=ticket):
        pass
    with pytest.raises(InvalidStatus) as refusal, Chat(stack.websocket_url, ticket=ticket):
        pass
    assert refusal.value.response.status_code in (401, 403)
