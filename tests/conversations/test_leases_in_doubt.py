"""Workers that cannot tell whether they still have the lease, while they send something. What they
leave out for that is sent by whoever goes on."""

import json
from pathlib import Path

import pytest

from shared.messaging.push import PushThrottled
from shared.storage.sqlite import SqliteTable
from tests.conversations.broken import written
from tests.conversations.people import Desk, waiting
from tests.conversations.rig import at_rest, text_of
from tests.runner.said import answer
from tests.support.faults import Call, Fault, FaultyTable
from tests.wire.scene import Scene

STILL = 26
"""Seconds: the lease has not run out, but too little of it is left to act on it."""


def asleep_in(scene: Scene, kind: str) -> list[str]:
    """The worker stands still while it sends the first event of this kind, which the connection
    does not take at once. The list says when it has."""
    post, slept = scene.push.post, list[str]()

    def sleeping(connection: str, data: bytes) -> bool:
        if json.loads(data)["type"] == kind and not slept:
            slept.append(kind)
            scene.virtual.process.freeze(STILL)
            scene.clock.sleep(0)
            raise PushThrottled("slow down")
        return post(connection, data)

    scene.push.post = sleeping  # type: ignore[method-assign]  # the stage is ours to change
    return slept


def asked_and_answered(desk: Desk) -> None:
    """The turn waits as it should, and goes on when it is approved."""
    pending = desk.job().pending
    assert pending is not None
    assert pending.expires_at is not None
    assert (desk.state().owner, desk.view().status) == (None, "awaiting_approval")
    desk.confirm(approvalId=desk.approval()["approvalId"])
    desk.scene.work()
    assert desk.types()[-1] == "eventual_response"
    assert at_rest(desk.scene, desk.session)


@pytest.mark.parametrize("seconds", [20, 26, 30, 34])
def test_somebody_is_asked_although_the_store_did_not_answer(
    engine: SqliteTable, tmp_path: Path, seconds: float
) -> None:
    """Neither when it is noted that the prompt is shown, nor to a beat of the heart meanwhile."""
    began: list[float] = []

    def plan(call: Call) -> Fault | None:
        if "shown_at" in written(call) and not began:
            began.append(scene.clock.monotonic())
            scene.clock.sleep(seconds)
        beats = "until" in written(call)
        return Fault.LOST_REQUEST if beats and began and within(seconds) else None

    def within(seconds: float) -> bool:
        return scene.clock.monotonic() < began[0] + seconds

    scene = Scene(FaultyTable(engine, plan), tmp_path)
    desk = Desk(scene)
    tool, _ = waiting(desk)
    assert began
    for _ in range(4):
        desk.pass_time(60)
    assert "write_confirmation_required" in desk.types()
    asked_and_answered(desk)
    assert len(tool.calls) == 1


@pytest.mark.parametrize("kind", ["write_confirmation_required", "stream_chunk"])
def test_somebody_is_asked_although_the_worker_stood_still(scene: Scene, kind: str) -> None:
    desk = Desk(scene)
    slept = asleep_in(scene, kind)
    tool, _ = waiting(desk)
    assert slept
    for _ in range(4):
        desk.pass_time(60)
    asked_and_answered(desk)
    assert len(tool.calls) == 1


def test_a_reply_is_sent_although_the_worker_stood_still(scene: Scene) -> None:
    desk = Desk(scene)
    slept = asleep_in(scene, "eventual_response")
    desk.equip(answer("Hello"))
    desk.ask()
    assert slept
    for _ in range(4):
        desk.pass_time(60)
    assert desk.types().count("eventual_response") == 1
    assert text_of(scene.events("c1", "r1")[-1]) == "Hello"
    assert at_rest(scene, desk.session)


@pytest.mark.parametrize("request_id", ["r1", "r2"])
def test_a_stop_is_told_although_the_worker_stood_still(scene: Scene, request_id: str) -> None:
    """That of the turn that waits, and that of one behind it."""
    desk = Desk(scene)
    slept = asleep_in(scene, "cancelled")
    waiting(desk)
    scene.say("c1", desk.session, "r2", "And then?")
    scene.work()
    scene.frame("c1", "cancel", requestId=request_id, sessionId=desk.session)
    scene.work()
    assert slept
    for _ in range(4):
        desk.pass_time(60)
    assert desk.types(request_id).count("cancelled") == 1
