"""The ends of turns: whole in the log, within limits on the wire, and the same when repeated."""

from typing import Any

import pytest

from shared.backends.agents import no_such_agent
from shared.protocol.events import MAX_EVENT_BYTES, encode
from tests.conversations.rig import at_rest, box, count, streamed, text_of
from tests.wire.scene import Scene


@pytest.mark.parametrize("character", ["x", "漢", "\x01", '"', "\U0001f600"])
def test_an_oversized_reply_fits_its_event_and_stands_whole_in_the_log(
    scene: Scene, session: str, character: str
) -> None:
    reply = character * 200_000
    scene.model.tokens = [reply]
    scene.say("c1", session, "r1", "Hi")
    scene.work()
    end = scene.events("c1", "r1")[-1]
    assert end["type"] == "eventual_response"
    assert len(encode(end)) <= MAX_EVENT_BYTES
    assert text_of(end).endswith("…")
    assert reply.startswith(text_of(end)[:-1])
    assert streamed(scene) == reply
    page = scene.deployment.table.query(box(scene, session).partition, prefix="MSG#")
    assert (page.items[1].body or {})["text"] == reply


def test_the_same_frame_again_is_the_same_turn(scene: Scene, session: str) -> None:
    scene.say("c1", session, "r1", "Hi")
    assert scene.say("c1", session, "r1", "Hi")["data"] == {"duplicate": True}
    scene.work()
    ended = scene.events("c1", "r1")[-1]
    again = scene.say("c1", session, "r1", "Hi")
    assert again == ended, "byte for byte"
    assert len(scene.model.requests) == 1
    refused = scene.say("c1", session, "r1", "Something else")
    assert refused["error"]["code"] == "VALIDATION_ERROR"


def test_whoever_has_gone_is_detached_and_the_turn_goes_on(scene: Scene, session: str) -> None:
    scene.say("c1", session, "r1", "Hi")
    scene.push.gone.add("c1")
    scene.work()
    key = box(scene, session)
    item = scene.deployment.table.get([key.item])[0]
    assert item is not None
    assert item.attrs["conns"] == {}
    assert count(scene, session) == 2
    assert at_rest(scene, session)


def test_an_agent_that_was_removed_meanwhile(
    scene: Scene, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:

    def get(*_: Any) -> Any:
        raise no_such_agent()

    scene.say("c1", session, "r1", "Hi")
    monkeypatch.setattr(scene.deployment.turn_handler, "_agents", get)
    scene.work()
    assert scene.events("c1", "r1")[-1]["error"]["code"] == "AGENT_NOT_FOUND"
    assert at_rest(scene, session)
