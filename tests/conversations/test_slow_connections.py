"""Several connections of one session, and one of them takes its time: the others do not wait."""

import json
from typing import Any

import pytest

from shared.messaging.push import PushFailed
from tests.conversations.rig import at_rest
from tests.conversations.test_tool_turns import Equip, equip
from tests.runner.said import MadeTool, answer, use
from tests.wire.scene import Scene

__all__ = ["equip"]


def two_connections(scene: Scene, session: str, equip: Equip) -> None:
    scene.connect("c2")
    scene.frame("c2", "send_message", requestId="r0", sessionId=session, message="Me too")
    equip(answer("Hello"), tools=[])
    scene.work()


def slowed(scene: Scene, seconds: float, *, hangs: bool = False) -> dict[str, float]:
    """From now on each post to c2 takes so long; when the last event came to each."""
    post, ended = scene.push.post, {}

    def slow(connection: str, data: bytes) -> bool:
        if connection == "c2":
            scene.clock.sleep(seconds)
            if hangs:
                raise PushFailed("no answer")
        taken = post(connection, data)
        if json.loads(data)["type"] == "eventual_response":
            ended[connection] = scene.clock.monotonic()
        return taken

    # What the poster was given is this very object.
    scene.push.post = slow  # type: ignore[method-assign]
    return ended


@pytest.mark.parametrize(("seconds", "hangs"), [(1.0, False), (4.0, False), (5.0, True)])
def test_the_end_comes_to_the_others_in_time(
    scene: Scene, session: str, equip: Equip, seconds: float, hangs: bool
) -> None:
    two_connections(scene, session, equip)
    ended = slowed(scene, seconds, hangs=hangs)
    calls = [use("t", f"x{number}") for number in range(30)]
    equip(answer(*calls), answer("Done"), tools=[MadeTool("t")])
    scene.say("c1", session, "r1", "Hi")
    before = scene.clock.monotonic()
    scene.work()
    assert ended["c1"] - before < 15
    assert scene.clock.monotonic() - before < 35
    assert "c2" in scene.push.gone
    assert at_rest(scene, session)
    got: list[Any] = [event["type"] for event in scene.events("c1", "r1")]
    assert got.count("stream_chunk") == 60


@pytest.mark.parametrize("seconds", [0.02, 0.05, 0.1])
def test_a_burst_closes_nobody_who_keeps_up(
    scene: Scene, session: str, equip: Equip, seconds: float
) -> None:
    two_connections(scene, session, equip)
    slowed(scene, seconds)
    calls = [use("t", f"x{number}") for number in range(64)]
    equip(answer(*calls), answer("Done"), tools=[MadeTool("t")])
    scene.say("c1", session, "r1", "Hi")
    scene.work()
    assert scene.push.gone == set()
    for connection in ("c1", "c2"):
        got = [event["type"] for event in scene.events(connection, "r1")]
        assert (got.count("stream_chunk"), got[-1]) == (128, "eventual_response")
