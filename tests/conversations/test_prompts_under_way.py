"""What happens while a prompt is on its way to those who are asked."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from functions.send_message.handler import handler as send_message
from shared.local.runtime import LambdaContext
from tests.conversations.people import Desk, waiting
from tests.conversations.rig import at_rest
from tests.wire.scene import Scene

PROMPT = ["write_confirmation_required", "stream_chunk"]


@pytest.fixture
def desk(scene: Scene) -> Desk:
    return Desk(scene)


def send(scene: Scene, connection: str, action: str, **fields: Any) -> None:
    """A frame of a client, while something else runs."""
    body = json.dumps({"action": action, **fields})
    event = {"requestContext": {"connectionId": connection}, "body": body}
    deadline = scene.clock.monotonic() + 30
    send_message(event, LambdaContext(function_name="f", deadline=deadline, clock=scene.clock))


def hanging(scene: Scene, connection: str, kind: str, meanwhile: Callable[[], None]) -> list[str]:
    """The connection does not take its first event of this kind, and is gone when this has been
    done. The list says when it was."""
    post, hung = scene.push.post, list[str]()

    def posted(connection_id: str, data: bytes) -> bool:
        if connection_id == connection and json.loads(data)["type"] == kind and not hung:
            hung.append(kind)
            meanwhile()
            scene.push.gone.add(connection)
        return post(connection_id, data)

    scene.push.post = posted  # type: ignore[method-assign, assignment]  # the stage is ours to change
    return hung


def test_who_sends_the_message_again_meanwhile_is_asked_too(scene: Scene, desk: Desk) -> None:
    """The old connection hangs; the client is back with another one, and knows of no answer."""
    scene.connect("c2")

    def back() -> None:
        scene.clock.sleep(2)
        message = {"requestId": "r1", "sessionId": desk.session, "message": "Hi"}
        send(scene, "c2", "send_message", **message)

    hung = hanging(scene, "c1", PROMPT[0], back)
    tool, _ = waiting(desk)
    assert hung == [PROMPT[0]]
    accepted, *asked = scene.events("c2", "r1")
    assert accepted["data"] == {"duplicate": True, "waitingFor": "approval"}
    assert [event["type"] for event in asked] == PROMPT
    # Its time begins when it has been pushed.
    assert desk.approval("c2")["expiresAt"] is None
    desk.confirm(connection="c2", approvalId=desk.approval("c2")["approvalId"])
    scene.work()
    assert len(tool.calls) == 1
    assert desk.types(connection="c2")[-1] == "eventual_response"
    assert at_rest(scene, desk.session)


def test_whoever_answers_at_once_hears_of_that_before_the_turn_goes_on(
    scene: Scene, desk: Desk
) -> None:
    """The answer comes while the worker still has the lease, and is acknowledged slowly."""
    post, answered = scene.push.post, list[str]()

    def slow(connection: str, data: bytes) -> bool:
        event = json.loads(data)
        if event.get("requestId") == "a1":
            scene.clock.sleep(0.1)
        taken = post(connection, data)
        if event["type"] == PROMPT[1] and not answered:
            answered.append("a1")
            confirm = {"requestId": "a1", "sessionId": desk.session, "approved": True}
            scene.clock.spawn(
                lambda: send(scene, "c1", "confirm_tool_action", **confirm), "a frame"
            )
            scene.clock.sleep(0.001)
        return taken

    scene.push.post = slow  # type: ignore[method-assign]  # the stage is ours to change
    tool, _ = waiting(desk, then="Done")
    scene.work()
    told = [(event["type"], event["requestId"]) for _, event in scene.push.sent]
    acknowledged = told.index(("immediate_response", "a1"))
    assert told[acknowledged - 1] == (PROMPT[1], "r1")
    assert told[acknowledged + 1] == (PROMPT[1], "r1")
    assert told[-1] == ("eventual_response", "r1")
    assert len(tool.calls) == 1
