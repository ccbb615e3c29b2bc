"""Turns, some of whose connections may hear no more, or may again."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from functions.send_message.handler import handler as send_message
from functions.ws_connect.handler import handler as ws_connect
from shared import wiring
from shared.local.runtime import LambdaContext
from shared.storage.sqlite import SqliteTable
from tests.conversations.rig import text_of
from tests.identity.token_samples import SECRET, claims, signed
from tests.wire.scene import Scene

LIFE, LONG = 30, 9000
TOKENS = ["a", "b", "c", "d", "e", "f"]
SECONDS = 60
"""Of a turn: a token each 10 seconds."""

SETTINGS = {
    "AUTH_MODE": "jwt",
    "AUTH_JWT_SECRET": SECRET.get_secret_value(),
    "AUTH_GRACE_SEC": "5",
}


@pytest.fixture
def scene(engine: SqliteTable, tmp_path: Path) -> Scene:
    return Scene(engine, tmp_path, **SETTINGS)


def token(scene: Scene, life: int) -> str:
    return signed(claims(exp=scene.clock.now() // 1000 + life))


def connect(scene: Scene, connection: str, life: int) -> None:
    request = {"connectionId": connection, "eventType": "CONNECT"}
    query = {"token": token(scene, life)}
    event = {"requestContext": request, "queryStringParameters": query}
    assert scene.invoke(ws_connect, event) == {"statusCode": 200}


def meanwhile(scene: Scene, seconds: float, *frames: Callable[[], dict[str, Any]]) -> None:
    """c1 sends these frames so many seconds from now, while the turn runs."""

    def send() -> None:
        for frame in frames:
            event = {"requestContext": {"connectionId": "c1"}, "body": json.dumps(frame())}
            deadline = scene.clock.monotonic() + 30
            send_message(
                event, LambdaContext(function_name="f", deadline=deadline, clock=scene.clock)
            )

    scene.virtual.at(seconds, send)


def renewal(scene: Scene) -> dict[str, Any]:
    return {"action": "authenticate", "requestId": "a", "token": token(scene, LONG)}


def message(session: str, request_id: str) -> dict[str, Any]:
    frame = {"action": "send_message", "requestId": request_id, "sessionId": session}
    return {**frame, "message": f"Message {request_id}"}


def began(scene: Scene) -> str:
    """A session that both connections hear, the first one for LIFE seconds from now."""
    connect(scene, "c2", LONG)
    session = scene.session("c2")
    scene.say("c2", session, "r0", "Hi")
    scene.work()
    connect(scene, "c1", LIFE)
    scene.say("c1", session, "r1", "Hi")
    scene.work()
    scene.model.tokens, scene.model.seconds = TOKENS, SECONDS
    return session


def run(scene: Scene, session: str, connection: str, request_id: str) -> None:
    """A whole turn, with what happens meanwhile."""
    scene.frame(connection, "send_message", **_fields(message(session, request_id)))
    scene.work()


def _fields(frame: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in frame.items() if name != "action"}


def expiries(scene: Scene) -> int:
    """How often c1 was told to authenticate."""
    told = [event for name, event in scene.push.sent if (name, event["type"]) == ("c1", "error")]
    assert all(event["error"]["code"] == "AUTH_EXPIRED" for event in told)
    assert all(event.get("requestId") is None for event in told)
    return len(told)


def ends(scene: Scene, connection: str, request_id: str) -> list[str]:
    return [
        text_of(event)
        for event in scene.events(connection, request_id)
        if event["type"] == "eventual_response"
    ]


def text(scene: Scene, connection: str, request_id: str) -> str:
    events = scene.events(connection, request_id)
    return "".join(event["token"] for event in events if event["type"] == "stream_token")


@pytest.fixture(autouse=True)
def installed(scene: Scene) -> Any:
    """What runs meanwhile finds the deployment, too."""
    wiring.install(scene.deployment)
    yield
    wiring.install(None)


def test_it_is_told_once_and_the_others_hear_all(scene: Scene) -> None:
    session = began(scene)
    run(scene, session, "c2", "r2")
    assert expiries(scene) == 1
    assert text(scene, "c1", "r2") == "abc"
    assert (ends(scene, "c1", "r2"), ends(scene, "c2", "r2")) == ([], ["abcdef"])
    # The next turn is not for it, and nor is another word about that.
    run(scene, session, "c2", "r3")
    assert expiries(scene) == 1
    assert scene.events("c1", "r3") == []


def test_who_comes_back_during_the_turn_gets_its_end_once(scene: Scene) -> None:
    session = began(scene)
    meanwhile(scene, 55, lambda: renewal(scene), lambda: message(session, "r2"))
    run(scene, session, "c1", "r2")
    assert expiries(scene) == 1
    assert text(scene, "c1", "r2") == "abc"
    assert ends(scene, "c1", "r2") == ends(scene, "c2", "r2") == ["abcdef"]
    # And it hears the next turn, of another connection too.
    run(scene, session, "c2", "r3")
    assert text(scene, "c1", "r3") == "abcdef"
    assert ends(scene, "c1", "r3") == ["abcdef"]
    assert expiries(scene) == 1


def test_who_comes_back_to_the_turn_goes_on_hearing(scene: Scene) -> None:
    session = began(scene)
    resumed = {"action": "resume_turn", "requestId": "r2", "sessionId": session, "received": 3}
    meanwhile(scene, 20, lambda: message(session, "r3"))
    meanwhile(scene, 45, lambda: renewal(scene), lambda: resumed)
    run(scene, session, "c1", "r2")
    scene.work()
    assert expiries(scene) == 1
    [back] = [each for each in scene.events("c1", "r2") if "begin" in each.get("data", {})]
    assert (back["data"]["begin"], back["data"]["text"]) == (3, "d")
    assert text(scene, "c1", "r2") == "abcef"
    assert ends(scene, "c1", "r2") == ["abcdef"]
    # It is not taken for the one that it was when its credential ran out.
    assert text(scene, "c1", "r3") == "abcdef"
    assert ends(scene, "c1", "r3") == ["abcdef"]


def test_who_renews_and_does_not_ask_again_hears_from_the_next_turn_on(scene: Scene) -> None:
    session = began(scene)
    meanwhile(scene, 55, lambda: renewal(scene))
    run(scene, session, "c1", "r2")
    assert (expiries(scene), ends(scene, "c1", "r2")) == (1, [])
    run(scene, session, "c1", "r3")
    assert (text(scene, "c1", "r3"), ends(scene, "c1", "r3")) == ("abcdef", ["abcdef"])
    run(scene, session, "c1", "r2")
    assert ends(scene, "c1", "r2") == ["abcdef"]


def test_who_renews_in_time_misses_nothing(scene: Scene) -> None:
    session = began(scene)
    meanwhile(scene, 25, lambda: renewal(scene))
    run(scene, session, "c1", "r2")
    assert expiries(scene) == 0
    assert text(scene, "c1", "r2") == "abcdef"
    assert ends(scene, "c1", "r2") == ["abcdef"]


def test_a_turn_that_begins_after_the_end_is_not_for_it(scene: Scene) -> None:
    session = began(scene)
    scene.run(lambda: scene.clock.sleep(2 * LIFE))
    run(scene, session, "c2", "r2")
    assert (expiries(scene), text(scene, "c1", "r2"), ends(scene, "c1", "r2")) == (1, "", [])
