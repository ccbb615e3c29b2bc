"""Turns over the deployed HTTP API."""

import pytest

from tests.e2e.client import Http
from tests.support.messages_api import ScriptedMessagesApi, Step, ToolCall
from tests.support.messages_api_script import Script

pytestmark = pytest.mark.emulator


def test_a_turn_is_answered_at_once(http: Http) -> None:
    status, turn = http.call(
        "POST", "/executor/turns", {"agent_id": "assistant", "message": "Good morning"}
    )
    assert status == 200, turn
    assert turn["status"] == "completed"
    assert "Good morning" in turn["text"]
    assert turn["session_id"]
    assert turn["usage"]

    status, again = http.call("GET", f"/turns/{turn['turn_id']}")
    assert status == 200, again
    assert (again["status"], again["text"]) == ("completed", turn["text"])


def test_a_session_goes_on(http: Http) -> None:
    _, first = http.call(
        "POST", "/executor/turns", {"agent_id": "assistant", "message": "I am Ann"}
    )
    status, second = http.call(
        "POST",
        "/executor/turns",
        {"agent_id": "assistant", "session_id": first["session_id"], "message": "What did I say?"},
    )
    assert status == 200, second
    assert "I am Ann" in second["text"]


def test_conversations_are_listed_and_read(http: Http) -> None:
    said = {"agent_id": "assistant", "message": "A teapot"}
    status, turn = http.call("POST", "/executor/turns", said, user="greta")
    assert status == 200, turn

    status, listed = http.call("GET", "/conversations?query=teapot", user="greta")
    assert status == 200, listed
    [entry] = listed
    assert (entry["title"], entry["message_count"]) == ("A teapot", 2)

    path = f"/conversations/{entry['conversation_id']}/messages"
    status, messages = http.call("GET", path, user="greta")
    assert status == 200, messages
    assert [message["text"] for message in messages] == [turn["text"], "A teapot"]

    assert http.call("GET", "/conversations?query=teapot", user="hugo") == (200, [])
    assert http.call("GET", path, user="hugo")[0] == 404


def test_a_tool_of_the_artifact_is_called(http: Http, scripted: ScriptedMessagesApi) -> None:
    call = ToolCall(name="find_order", input={"order_id": "1042"})
    scripted.script = Script([Step(tool_calls=[call]), Step(tokens=["On a van"])])
    body = {"agent_id": "shop", "message": "Where is order 1042?"}
    status, turn = http.call("POST", "/executor/turns", body)
    assert (status, turn["text"]) == (200, "On a van"), turn
    [result] = scripted.requests[1]["messages"][-1]["content"]
    assert result["type"] == "tool_result"
    assert '"1042"' in result["content"]


def test_nobody_comes_in_without_the_token(http: Http) -> None:
    for method, path in (("POST", "/executor/turns"), ("POST", "/tickets"), ("GET", "/turns/x")):
        status, body = http.bearing(None).call(method, path, {} if method == "POST" else None)
        assert status == 401, (path, body)


def test_health_is_open(http: Http) -> None:
    status, body = http.bearing(None).call("GET", "/health")
    assert status == 200
    assert http.url not in str(body)
