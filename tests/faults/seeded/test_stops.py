"""A turn with two tools and 300 tokens is stopped at random moments."""

import random
from pathlib import Path

import pytest

from tests.faults.seeded.calm import Calm, calm
from tests.faults.seeded.following import Following
from tests.faults.seeded.model import Plan

MOMENTS = 200
CHUNK = 20
LONG = Plan([["look"], ["pay"]], tokens=100, pace=0.02, seconds=1.5)
TAKES = 10.5
"""Seconds that the turn takes, and a little."""

SOON = 1.5
"""Seconds within which a stop has stopped."""


def stopped_at(moment: float, number: int, folder: Path) -> list[str]:
    """What is wrong with a stop so many seconds after the message was sent."""
    with calm(number, folder) as scene:
        turn = scene.send("q0", LONG)
        scene.pass_time(moment)
        before, asked = turn.terminal is not None, scene.world.hub.time
        scene.client.cancel(turn)
        scene.until(lambda: turn.terminal is not None)
        scene.pass_time(60.0)
        audit = scene.audit()
        broken = audit.all()
        if audit.jobs["q0"].outcome == "cancelled":
            waited = audit.cancelled_at()["q0"] - asked
            broken += [f"`cancelled` came after {waited:.2f} s"] if waited > SOON else []
            broken += _kept(scene, turn, str(audit.result("q0").get("text", "")))
        elif not before and audit.jobs["q0"].ref in scene.world.diary.stops:
            broken.append("a stop was noted, and the turn went on")
        return broken


def _kept(scene: Calm, turn: Following, kept: str) -> list[str]:
    """What is kept is what the client has, and stands in the log."""
    if kept != turn.text:
        return [f"the client has {len(turn.text)} characters, {len(kept)} are kept"]
    audit = scene.audit()
    box = audit.jobs["q0"].key
    said = [entry["text"] for entry in audit.log(box) if entry.get("stopped")]
    return [] if said == ([kept] if kept.strip() else []) else [f"the log has {said}"]


@pytest.mark.parametrize("first", range(0, MOMENTS, CHUNK))
def test_nothing_begins_after_a_stop(first: int, tmp_path: Path) -> None:
    broken = {}
    for number in range(first, first + CHUNK):
        moment = random.Random(number).uniform(0.0, TAKES)
        if found := stopped_at(moment, number, tmp_path):
            broken[number, moment] = found
    assert not broken


BRIEF = Plan([["look"]] * 3, tokens=1, pace=20.0, seconds=0.6)


@pytest.mark.parametrize("number", range(40))
def test_a_stop_that_is_heard_between_two_calls_stops_the_next_one(
    number: int, tmp_path: Path
) -> None:
    """With a store as slow as this there is much time between them."""
    with calm(number, tmp_path) as scene:
        turn = scene.send("q0", BRIEF)
        scene.until(lambda: turn.acknowledged)
        scene.world.chaos.longest_call = 0.6
        scene.until(lambda: bool(scene.world.diary.model_calls))
        # The tool begins 20 seconds later, and the frame takes a while.
        scene.pass_time(18.5 + number * 0.06)
        asked = scene.world.hub.time
        scene.client.cancel(turn)
        scene.until(lambda: turn.terminal is not None)
        # Four calls for the frame, a second, three to find out, four to end it.
        assert scene.audit().cancelled_at()["q0"] - asked < 11 * 0.4 + 1.0
        assert scene.world.diary.model_calls[-1][0] - asked < 3.0


def test_the_moments_are_in_all_parts_of_the_turn(tmp_path: Path) -> None:
    """Otherwise the runs above could all be of one kind."""
    with calm(0, tmp_path) as scene:
        turn = scene.send("q0", LONG)
        scene.until(lambda: turn.terminal is not None)
        assert TAKES * 0.8 < scene.world.hub.time < TAKES * 1.2
        assert len(scene.world.diary.tool_starts) == 2
        assert scene.audit().all() == []


def test_stops_of_nothing_and_of_somebody_elses_turn_are_silent(tmp_path: Path) -> None:
    from tests.faults.seeded.client import Client

    with calm(1, tmp_path) as scene:
        other = Client(scene.world, "bob", truncates=True)
        scene.clients.append(other)
        scene.join(other)
        turn = scene.send("q0", LONG)
        scene.pass_time(2.0)
        heard = len(scene.world.diary.delivered)
        session = scene.client.sessions[0][0]
        other.frame("cancel", requestId="q0", sessionId=session)
        other.frame("cancel", requestId="q0")
        other.frame("cancel", sessionId=session)
        other.frame("cancel")
        scene.client.frame("cancel", requestId="nothing", sessionId=session)
        scene.client.frame("cancel", requestId="q0", sessionId="nothing")
        scene.until(lambda: turn.terminal is not None)
        scene.client.frame("cancel", requestId="q0", sessionId=session)
        scene.pass_time(60.0)
        since = scene.world.diary.delivered[heard:]
        assert {each.connection for each in since} == {scene.client.connection}
        assert {each.event["requestId"] for each in since} == {"q0"}
        assert scene.audit().jobs["q0"].outcome == "completed"
        assert scene.audit().all() == []
