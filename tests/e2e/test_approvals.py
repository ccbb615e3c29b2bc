"""A call that waits for somebody, while every process of the deployment is replaced."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.client import Http
from tests.e2e.stack import Stack
from tests.support.frames_client import FramesClient, message_frame, text_of
from tests.support.messages_api import ScriptedMessagesApi, Step, ToolCall
from tests.support.messages_api_script import Script

pytestmark = pytest.mark.emulator

REFUNDED = "189.00 EUR for order 1041 go back to Chen."


@pytest.fixture(autouse=True)
def script(scripted: ScriptedMessagesApi) -> None:
    call = ToolCall(name="refund_order", input={"order_id": "1041"})
    scripted.script = Script([Step(tool_calls=[call]), Step(tokens=["Your money is on its way."])])


@pytest.fixture
def ann(stack: Stack, http: Http) -> Iterator[FramesClient]:
    with FramesClient(stack.websocket_url, f"?ticket={http.ticket('ann')}") as client:
        yield client


def asks(client: FramesClient) -> tuple[str, dict[str, Any]]:
    """A turn that comes to a call which somebody has to approve: its session, and how it asks."""
    session = client.open_session("shop")["sessionId"]
    client.send(message_frame(session, "q", "Refund order 1041"))
    assert client.next("q")["status"] == 202
    asked = client.next("q")
    assert asked["type"] == "write_confirmation_required", asked
    assert 'refund_order(order_id: "1041")' in asked["data"]["data"]["actionDescription"]
    state: dict[str, Any] = client.next("q")["data"]["state"]
    return session, state["pendingWriteConfirmation"]


def refund(scripted: ScriptedMessagesApi) -> Any:
    """What the model was told that came of the call."""
    [result] = scripted.requests[-1]["messages"][-1]["content"]
    return result["content"]


def test_it_waits_through_a_restart_and_is_approved_by_another_connection(
    stack: Stack, http: Http, ann: FramesClient, scripted: ScriptedMessagesApi
) -> None:
    session, approval = asks(ann)
    ann.close()
    stack.restart("SendMessage", "Worker", "Executor")

    with FramesClient(stack.websocket_url, f"?ticket={http.ticket('ann')}") as back:
        back.send({"action": "resume_turn", "requestId": "q", "sessionId": session})
        resumed = back.next("q")
        assert resumed["data"]["status"] == "awaiting_approval"
        assert resumed["data"]["prompt"]["pendingWriteConfirmation"] == approval
        back.send(
            {
                "action": "confirm_tool_action",
                "requestId": "c",
                "sessionId": session,
                "approvalId": approval["approvalId"],
                "approved": True,
            }
        )
        assert back.next("c")["data"]["approved"] is True
        chunk = back.next("q")
        assert chunk["data"]["state"]["rawResponse"]["toolResult"]["result"] == REFUNDED
        assert text_of(back.next("q")) == "Your money is on its way."
    assert refund(scripted) == REFUNDED


def test_it_is_denied_over_http(
    stack: Stack, http: Http, ann: FramesClient, scripted: ScriptedMessagesApi
) -> None:
    _, approval = asks(ann)
    path = f"/approvals/{approval['approvalId']}"
    [listed] = http.call("GET", "/approvals", user="ann")[1]
    assert (listed["approval_id"], listed["state"]) == (approval["approvalId"], "pending")
    assert http.call("GET", "/approvals", user="bob")[1] == []
    assert http.call("POST", path, {"approved": True}, user="bob")[0] == 404

    status, decided = http.call("POST", path, {"approved": False, "note": "Too much."}, user="ann")

    assert (status, decided["state"], decided["decided_by"]) == (200, "denied", "ann")
    assert http.call("POST", path, {"approved": True}, user="ann")[0] == 409
    chunk = ann.next("q")["data"]["state"]["rawResponse"]["toolResult"]
    assert chunk["isError"] is True
    assert text_of(ann.next("q")) == "Your money is on its way."
    assert "Too much." in refund(scripted)
    assert http.call("GET", "/approvals", user="ann")[1] == []
