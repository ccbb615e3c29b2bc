"""Coming back to a conversation without naming an agent."""

from typing import Any

from shared.ids import agent_uuid, new_id
from tests.wire.scene import Scene


def create(scene: Scene, **fields: Any) -> dict[str, Any]:
    return scene.frame("c1", "create_conversation_session", requestId="again", **fields)


def test_it_goes_on_with_the_agent_that_it_began_with(scene: Scene) -> None:
    scene.connect("c1")
    begun = create(scene, agentId="shop")["data"]
    again = create(scene, conversationId=begun["conversationId"])["data"]
    assert again["conversationId"] == begun["conversationId"]
    assert again["agentId"] == begun["agentId"] == agent_uuid("shop")
    other = create(scene, conversationId=begun["conversationId"], agentId="assistant")["data"]
    assert other["conversationId"] == begun["conversationId"]
    assert other["agentId"] == agent_uuid("assistant")


def test_without_a_conversation_an_agent_must_be_named(scene: Scene) -> None:
    scene.connect("c1")
    for unknown in (new_id(), "x"):
        refused = create(scene, conversationId=unknown)
        assert refused["error"]["code"] == "VALIDATION_ERROR"
        assert refused["data"]["details"] == {"field": "agentId"}
