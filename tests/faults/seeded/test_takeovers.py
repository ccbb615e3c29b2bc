"""Moments between two holders of a turn, and between waiting and running, that a run meets rarely:
each is brought about here."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.conversations.host import LeasedTurn
from shared.mailbox.box import Box
from shared.mailbox.handler import OutOfTime
from shared.mailbox.requests import Requests
from shared.mailbox.steps import Steps
from shared.messaging.push import PushThrottled
from shared.models.port import Completed, ModelError, ModelEvent, TextDelta
from shared.storage.table import TransientError
from tests.faults.seeded.calm import calm
from tests.faults.seeded.client import Client
from tests.faults.seeded.following import Following
from tests.faults.seeded.model import USAGE, Plan, Saying
from tests.support.frames_client import text_of


def whole(turn: Following) -> str:
    assert turn.terminal is not None
    return text_of(json.loads(turn.terminal))


@pytest.mark.parametrize(
    ("plan", "characters"),
    [
        (Plan(tokens=200, pace=0.1), 300),
        (Plan([["look"]], tokens=100, pace=0.05, seconds=1.0), 1200),
    ],
)
def test_a_successor_that_stops_the_turn_leaves_clients_what_it_keeps(
    tmp_path: Path, plan: Plan, characters: int
) -> None:
    with calm(0, tmp_path) as scene:
        scene.world.sweep_every_minute(10)
        turn = scene.send("q0", plan)
        scene.until(lambda: len(turn.text) > characters)
        (worker,) = scene.world.working
        scene.world.chaos.kill(worker)
        scene.client.cancel(turn)
        scene.until(lambda: turn.terminal is not None)
        assert turn.text == scene.audit().result("q0").get("text", "")


@pytest.mark.parametrize("seed", range(5))
def test_what_another_one_has_taken_back_is_not_kept(tmp_path: Path, seed: int) -> None:
    """The first worker is frozen, the second one says it anew and dies, and the process of the
    first one stops the turn."""
    with calm(seed, tmp_path) as scene:
        world = scene.world
        world.sweep_every_minute(20)
        turn = scene.send("q0", Plan(tokens=300, pace=0.1))
        scene.until(lambda: len(turn.text) > 900)
        (first,) = world.working
        world.chaos.freeze(first, 40.0)
        scene.until(lambda: "q0.0.2" in turn.text, 200)
        scene.pass_time(8)
        for worker in [each for each in world.working if each is not first]:
            world.chaos.kill(worker)
        scene.client.cancel(turn)
        scene.until(lambda: turn.terminal is not None, 300)
        assert "q0.0.1" not in scene.audit().result("q0").get("text", "")


def test_text_taken_back_is_known_to_whom_the_turn_is_handed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rate of the model is used up for longer than this worker lives, after a broken stream."""
    said, ask = Saying.__iter__, LeasedTurn.ask
    broken, handed = [False], [False]

    def breaking(self: Any) -> Iterator[ModelEvent]:
        for number, event in enumerate(said(self)):
            if self._name == "q0.1.2" and number == 30:
                broken[0] = True
                raise ModelError("It broke off.", retryable=True)
            yield event

    def limited(self: Any, *given: Any, **more: Any) -> Any:
        if broken[0] and not handed[0]:
            handed[0] = True
            raise OutOfTime
        return ask(self, *given, **more)

    monkeypatch.setattr(Saying, "__iter__", breaking)
    monkeypatch.setattr(LeasedTurn, "ask", limited)
    with calm(0, tmp_path) as scene:
        turn = scene.send("q0", Plan([["look"]], tokens=60, pace=0.1, seconds=1.0))
        scene.until(lambda: "q0.1.2:20" in turn.text)
        scene.client.leave(noticed_after=0.0, back_after=7.0)
        scene.until(lambda: turn.terminal is not None)
        assert handed[0]
        assert turn.text == whole(turn)


@pytest.mark.parametrize("throttles", [0, 2])
@pytest.mark.parametrize("moment", [1.2, 1.6, 2.0, 2.2, 2.4])
def test_a_turn_that_becomes_the_next_one_while_it_is_resumed(
    tmp_path: Path, throttles: int, moment: float
) -> None:
    with calm(0, tmp_path) as scene:
        post, left = scene.world.gateway.post, dict[bytes, int]()

        def slow(connection: str, data: bytes) -> bool:
            queued = b'"status":"queued"' in data.replace(b" ", b"")
            if queued and left.setdefault(data, throttles) > 0:
                left[data] -= 1
                raise PushThrottled
            return post(connection, data)

        scene.world.gateway.post = slow  # type: ignore[method-assign]  # the stage is ours to change
        first = scene.send("q0", Plan(tokens=40, pace=0.05))
        scene.until(lambda: first.acknowledged)
        turn = scene.send("q1", Plan(tokens=40, pace=0.05))
        scene.until(lambda: turn.acknowledged)
        scene.pass_time(moment)
        scene.client.resume(turn)
        scene.until(lambda: turn.terminal is not None)
        assert turn.text == whole(turn)


def test_a_waiting_turn_that_is_stopped_while_it_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The frame of a second tab comes between the read of the mailbox and the end of the turn."""
    with calm(0, tmp_path) as scene:
        running = scene.send("q0", Plan(tokens=300, pace=0.1))
        scene.until(lambda: len(running.text) > 30)
        turn = scene.send("q1", Plan(tokens=30))
        scene.until(lambda: turn.acknowledged)
        tab = Client(scene.world, "ann", truncates=True)
        scene.world.start(tab.connect)
        scene.until(lambda: tab.connection is not None)
        session = scene.client.sessions[0][0]
        back = tab.following["q1"] = Following("q1", session, None)
        drop, done = Steps._drop, list[str]()

        def late(self: Steps, box: Box, ref: str) -> Box:
            if not done:
                done.append(ref)
                back.waiting = True
                tab.frame("resume_turn", requestId="q1", sessionId=session, received=0)
                scene.world.hub.sleep(0.1)
            return drop(self, box, ref)

        monkeypatch.setattr(Steps, "_drop", late)
        scene.client.cancel(turn)
        scene.until(lambda: turn.terminal is not None)
        scene.until(lambda: back.terminal is not None, 60)
        assert back.terminal == turn.terminal


def test_a_store_that_cannot_note_who_was_told_while_the_end_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client comes back to a turn that has ended, whose end is still on its way."""
    failures, told = [1, 1], Requests.told

    def large(self: Any) -> Iterator[ModelEvent]:
        said = [chr(ord("A") + number) * 5000 for number in range(self._plan.tokens)]
        for piece in said:
            self._wait(self._plan.pace)
            yield TextDelta(piece)
        yield Completed([{"type": "text", "text": "".join(said)}], "end_turn", USAGE)

    def failing(self: Requests, *given: Any) -> None:
        if failures:
            failures.pop()
            raise TransientError("no answer")
        told(self, *given)

    monkeypatch.setattr(Saying, "__iter__", large)
    with calm(0, tmp_path) as scene:
        gateway, client = scene.world.gateway, scene.client
        scene.world.sweep_every_minute(5)
        gateway.sockets[str(client.connection)].latency = 1.0
        turn = scene.send("q0", Plan(tokens=20, pace=0.02))
        scene.until(lambda: "q0" in scene.audit().jobs and scene.audit().jobs["q0"].done)
        client.leave(noticed_after=0.0, back_after=0.1)
        scene.until(lambda: client.connection is not None)
        gateway.sockets[str(client.connection)].latency = 0.8
        monkeypatch.setattr(Requests, "told", failing)
        scene.until(lambda: turn.terminal is not None, 300)
        scene.pass_time(40)
        assert failures != [1, 1]
        assert scene.audit().all() == []
        assert turn.text == whole(turn)
