"""Which web pages see which agents' conversations, at every door that a page has."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from functions.send_message.handler import handler as send_message
from functions.ws_connect.handler import handler as ws_connect
from shared.storage.sqlite import SqliteTable
from tests.wire.scene import Scene

BANK = "https://bank.example"
OTHER = "https://evil.example"


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    agents = tmp_path / "agents"
    agents.mkdir()
    for name, origin in (("bank", BANK), ("pub", OTHER)):
        values = {"name": name, "instructions": "You help.", "origins": [origin]}
        (agents / f"{name}.yaml").write_text(yaml.safe_dump(values), "utf-8")
    engine = SqliteTable(tmp_path / "parley.db")
    # Behind an address of its own, where pages of other machines may connect.
    environ = {"AUTH_MODE": "none", "AUTH_ALLOW_PUBLIC": "true"}
    made = Scene(engine, tmp_path, ASSISTANT_LOCAL_CONFIG_DIR=str(agents), **environ)
    made.deployment.settings = made.deployment.settings.model_copy(update={"loopback": False})
    yield made
    engine.close()


def connect(scene: Scene, name: str, origin: str | None) -> None:
    request = {"connectionId": name, "eventType": "CONNECT"}
    headers = {"Origin": origin} if origin else {}
    event = {"requestContext": request, "headers": headers}
    assert scene.invoke(ws_connect, event) == {"statusCode": 200}


def ask(scene: Scene, name: str, action: str, **fields: Any) -> dict[str, Any]:
    return scene.frame(name, action, requestId="q", **fields)


@pytest.fixture
def secret(scene: Scene) -> tuple[str, str]:
    """A session with the bank, and its conversation, in which something was said."""
    connect(scene, "ann", BANK)
    data = ask(scene, "ann", "create_conversation_session", agentId="bank")["data"]
    session, conversation = data["sessionId"], data["conversationId"]
    assert scene.say("ann", session, "r", "my account is 1234")["status"] == 202
    scene.work()
    return session, conversation


def test_a_page_of_another_agent_sees_nothing(scene: Scene, secret: tuple[str, str]) -> None:
    session, conversation = secret
    connect(scene, "page", OTHER)
    refused = [
        ask(scene, "page", "get_session", sessionId=session),
        ask(scene, "page", "get_conversation_messages", sessionId=session),
        ask(scene, "page", "rename_conversation", conversationId=conversation, title="Mine"),
        ask(scene, "page", "create_conversation_session", conversationId=conversation),
        ask(
            scene,
            "page",
            "create_conversation_session",
            conversationId=conversation,
            agentId="pub",
        ),
        ask(scene, "page", "send_message", sessionId=session, message="Hi"),
    ]
    assert [each["error"]["code"] for each in refused] == ["ORIGIN_NOT_ALLOWED"] * 6
    assert ask(scene, "page", "list_conversations")["data"]["conversations"] == []
    assert "1234" not in json.dumps([sent for name, sent in scene.push.sent if name == "page"])


def test_nor_does_it_stop_anything(scene: Scene, secret: tuple[str, str]) -> None:
    session, _ = secret
    assert scene.say("ann", session, "r2", "Go on")["status"] == 202
    connect(scene, "page", OTHER)
    before = len(scene.push.sent)
    request = {"connectionId": "page"}
    body = json.dumps({"action": "cancel", "sessionId": session, "requestId": "r2"})
    scene.invoke(send_message, {"requestContext": request, "body": body}, 30)
    assert len(scene.push.sent) == before
    scene.work()
    assert scene.events("ann", "r2")[-1]["type"] == "eventual_response"


@pytest.mark.parametrize("origin", [BANK, None])
def test_its_own_page_does_and_so_does_what_is_no_page(
    scene: Scene, secret: tuple[str, str], origin: str | None
) -> None:
    session, conversation = secret
    connect(scene, "desk", origin)
    assert ask(scene, "desk", "get_session", sessionId=session)["status"] == 200
    assert ask(scene, "desk", "get_conversation_messages", sessionId=session)["status"] == 200
    [listed] = ask(scene, "desk", "list_conversations")["data"]["conversations"]
    assert listed["conversationId"] == conversation
    renamed = ask(scene, "desk", "rename_conversation", conversationId=conversation, title="Mine")
    assert renamed["status"] == 200
    again = ask(scene, "desk", "create_conversation_session", conversationId=conversation)
    assert again["data"]["conversationId"] == conversation


def test_an_agent_that_is_gone_keeps_nobody_out(
    scene: Scene, secret: tuple[str, str], tmp_path: Path
) -> None:
    session, _ = secret
    (tmp_path / "agents" / "bank.yaml").unlink()
    connect(scene, "page", OTHER)
    assert ask(scene, "page", "get_conversation_messages", sessionId=session)["status"] == 200
