"""A worker that may not post any more, as it could not hold its lease for a while, and a client
that comes back in that while."""

import json
from pathlib import Path

from functions.send_message.handler import handler as send_message
from functions.worker.handler import handler as worker
from shared import wiring
from shared.local.runtime import LambdaContext
from shared.messaging.wakes import wake_text
from shared.storage.sqlite import SqliteTable
from tests.support.faults import Call, Fault, FaultyTable
from tests.wire.scene import Scene

TOKENS = [f"{number} " for number in range(20)]
SECONDS = 60.0
SILENT = range(1, 27)
"""The seconds of the turn in which no write goes through: longer than a lease holds."""

BACK = 28.0
AFTER = 120.0


def test_whoever_comes_back_is_answered_by_the_worker_that_goes_on(tmp_path: Path) -> None:
    engine = SqliteTable(tmp_path / "parley.db")
    began: list[float] = []

    def plan(call: Call) -> Fault | None:
        seconds = scene.clock.monotonic() - began[0] if began else 0.0
        return Fault.LOST_REQUEST if call.operations and int(seconds) in SILENT else None

    scene = Scene(FaultyTable(engine, plan), tmp_path)
    scene.model.tokens, scene.model.seconds = TOKENS, SECONDS
    scene.connect("c1")
    session = scene.session("c1", supports=["stream_truncate"])
    scene.say("c1", session, "r1", "Hi")
    wake = scene.wakes.queued.pop(0)
    resume = {"action": "resume_turn", "requestId": "r1", "sessionId": session, "received": 0}

    def turn() -> None:
        began.append(scene.clock.monotonic())
        scene.clock.spawn(come_back, "client")
        event = {"Records": [{"body": wake_text(wake)}]}
        worker(event, context())
        scene.clock.sleep(AFTER)
        worker(event, context())

    def come_back() -> None:
        scene.clock.sleep(BACK)
        request = {"requestContext": {"connectionId": "c1"}, "body": json.dumps(resume)}
        send_message(request, context())

    def context() -> LambdaContext:
        deadline = scene.clock.monotonic() + 900
        return LambdaContext(function_name="f", deadline=deadline, clock=scene.clock)

    wiring.install(scene.deployment)
    try:
        scene.run(turn)
    finally:
        wiring.install(None)
        engine.close()
    events = scene.events("c1", "r1")
    answers = [event for event in events if "begin" in event.get("data", {})]
    assert len(answers) == 1
    assert events[-1]["type"] == "eventual_response"
    assert events.index(answers[0]) < len(events) - 1
