"""Coming back at moments that only a fault, or a client in doubt, brings about."""

import json
from pathlib import Path

from shared.mailbox.box import Box
from tests.faults.seeded.calm import Calm, calm
from tests.faults.seeded.following import Following
from tests.faults.seeded.model import Plan
from tests.support.frames_client import text_of

SLOW = 0.6
"""Seconds that a post takes: text waits for the connection."""


def slow(scene: Calm) -> None:
    assert scene.client.connection is not None
    scene.world.gateway.sockets[scene.client.connection].latency = SLOW


def whole(scene: Calm, turn: Following) -> bool:
    """Wait for the end; whether the client had all of the text then."""
    scene.until(lambda: turn.terminal is not None)
    assert turn.terminal is not None
    scene.pass_time(60.0)
    assert scene.audit().all() == []
    return text_of(json.loads(turn.terminal)) == turn.text != ""


def done(scene: Calm) -> bool:
    jobs = scene.audit().jobs
    return "q0" in jobs and jobs["q0"].done


def test_a_client_may_ask_on_the_connection_that_hears_the_turn(tmp_path: Path) -> None:
    """It ignores what comes until it is answered, so it is to be told that once more."""
    with calm(0, tmp_path) as scene:
        turn = scene.send("q0", Plan(tokens=100, pace=0.05))
        scene.until(lambda: len(turn.text) > 30)
        before = len(turn.text)
        scene.client.resume(turn)
        scene.until(lambda: not turn.waiting)
        assert turn.answers == 1
        assert len(turn.text) > before + 30, "what was said meanwhile is in the answer"
        assert whole(scene, turn)


def test_whoever_came_back_gets_the_end_once(tmp_path: Path) -> None:
    """It rang the bell, so its mailbox is looked at once more before the turn leaves it."""
    with calm(0, tmp_path) as scene:
        turn = scene.send("q0", Plan(tokens=100, pace=0.05))
        scene.until(lambda: len(turn.text) > 30)
        scene.client.leave(noticed_after=0.0, back_after=0.5)
        assert whole(scene, turn)
        events = [each.event for each in scene.world.diary.delivered]
        assert [each["type"] for each in events].count("eventual_response") == 1
        assert turn.answers == turn.asks == 1


def test_a_client_may_ask_while_it_is_told_of_the_end(tmp_path: Path) -> None:
    """Only one may speak: what is on its way would come behind an answer from the store."""
    with calm(0, tmp_path) as scene:
        slow(scene)
        turn = scene.send("q0", Plan(tokens=30, pace=0.01))
        scene.until(lambda: done(scene))
        assert turn.terminal is None
        scene.client.resume(turn)
        assert whole(scene, turn)


def test_text_that_a_dead_worker_had_noted_and_not_sent_is_not_missing(tmp_path: Path) -> None:
    with calm(0, tmp_path) as scene:
        slow(scene)
        scene.world.sweep_every_minute(10)
        turn = scene.send("q0", Plan([["look"]], tokens=40, pace=0.0, seconds=20.0))
        scene.until(lambda: bool(scene.world.diary.tool_starts))
        (worker,) = scene.world.working
        assert turn.text == ""
        scene.world.chaos.kill(worker)
        assert whole(scene, turn)


def test_text_that_was_not_sent_when_the_turn_had_ended_is_not_missing(tmp_path: Path) -> None:
    with calm(0, tmp_path) as scene:
        slow(scene)
        scene.world.sweep_every_minute(10)
        turn = scene.send("q0", Plan(tokens=40, pace=0.02))
        scene.until(lambda: done(scene))
        (worker,) = scene.world.working
        assert turn.terminal is None
        scene.world.chaos.kill(worker)
        assert whole(scene, turn)


def test_whoever_came_back_is_told_once_though_the_turn_is_handed_over(tmp_path: Path) -> None:
    with calm(0, tmp_path) as scene:
        scene.world.worker_seconds = 25.0
        turn = scene.send("q0", Plan([["look"]] * 6, tokens=40, pace=0.05, seconds=3.0))
        scene.pass_time(3.0)
        scene.client.leave(noticed_after=0.0, back_after=1.0)
        scene.pass_time(60.0)
        assert whole(scene, turn)
        assert turn.answers == turn.asks == 1
        box = scene.audit().jobs["q0"].key
        item = scene.world.table().get([box.item])[0]
        assert item is not None
        assert Box.read(box, item).epoch > 2, "it was handed over"


def test_the_text_of_a_reply_that_broke_off_is_cut_for_whoever_was_away(tmp_path: Path) -> None:
    """The client has the first half of what is said anew while it is gone; it says how much it
    has, not which."""
    with calm(0, tmp_path) as scene:
        scene.world.sweep_every_minute(10)
        turn = scene.send("q0", Plan([["look"]], tokens=200, pace=0.1, seconds=1.0))
        scene.pass_time(10.0)
        (worker,) = scene.world.working
        assert len(turn.text) > 500
        scene.world.chaos.kill(worker)
        scene.client.leave(noticed_after=0.0, back_after=60.0)
        scene.until(lambda: turn.answers > 0)
        assert whole(scene, turn)
        # Noted with the first reply: a worker that knows nothing of the dead one has it too.
        assert scene.audit().result("q0")["cut"] == 0


def test_a_turn_is_handed_over_after_its_text_was_taken_back(tmp_path: Path) -> None:
    with calm(0, tmp_path) as scene:
        scene.world.sweep_every_minute(10)
        scene.world.worker_seconds = 30.0
        turn = scene.send("q0", Plan([["look"]] * 3, tokens=80, pace=0.1, seconds=1.0))
        scene.pass_time(7.5)
        scene.world.chaos.kill(scene.world.working[0])
        # The client has text of the reply that died; by the time it is back two more have noted.
        scene.client.leave(noticed_after=0.0, back_after=70.0)
        scene.until(lambda: turn.answers > 0)
        assert whole(scene, turn)
        assert scene.audit().result("q0")["cut"] == 0


def test_what_waits_for_a_slow_connection_is_sent_before_the_turn_is_handed_over(
    tmp_path: Path,
) -> None:
    with calm(0, tmp_path) as scene:
        slow(scene)
        scene.world.worker_seconds = 25.0
        turn = scene.send("q0", Plan([["look"]] * 8, tokens=30, pace=0.05, seconds=0.5))
        assert whole(scene, turn)
        assert scene.world.diary.crashes == 0


def test_a_worker_that_wakes_up_after_another_one_took_over_says_nothing(tmp_path: Path) -> None:
    with calm(0, tmp_path) as scene:
        scene.world.sweep_every_minute(10)
        turn = scene.send("q0", Plan(tokens=600, pace=0.1))
        scene.until(lambda: len(turn.text) > 100)
        (worker,) = scene.world.working
        scene.world.chaos.freeze(worker, 50.0)
        assert whole(scene, turn)
        assert len(scene.world.model.requests) == 2
