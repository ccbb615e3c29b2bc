"""Somebody approves in the very moment in which the time for that is over: one outcome, told to the
client and to the model alike, whichever it is."""

import random
from collections import Counter
from pathlib import Path

from shared.mailbox.box import BoxKey
from shared.messaging.wakes import Wake
from tests.faults.seeded.audit import TENANT
from tests.faults.seeded.calm import Calm, calm
from tests.faults.seeded.model import Plan
from tests.simulation.hub import SimClock

TIMES = 200
PATIENCE = 30.0
"""Seconds to decide, as `calm` has it."""

NEAR = 0.06
"""Seconds before and after the end within which the client says its word; frames, wakes and the
store take up to that long, differently each time."""


def race(number: int, folder: Path) -> str:
    """What was decided in the end. Raises AssertionError: it was told otherwise."""
    dice = random.Random(number)
    with calm(number, folder) as scene:
        if number % 2:
            # Each process has its own idea of the time.
            scene.world.skewed = True
            scene.world._instances.clear()
        turn = scene.send("q0", Plan([["refund"]], tokens=3, pace=0.0, seconds=0.1))
        scene.until(lambda: bool(scene.client.prompts))
        scene.until(lambda: _expires_at(scene) is not None)
        over = (_expires_at(scene) or 0.0) - scene.world.hub.time
        box = scene.audit().jobs["q0"].key
        # A worker is there in time, to note it as soon as it is over.
        _wake(scene, box, over - dice.uniform(0.1, 1.0))
        prompt = scene.client.prompts["q0"]
        scene.world.after(
            over + dice.uniform(-NEAR, NEAR), lambda: scene.client.confirm(prompt, approved=True)
        )
        scene.until(lambda: turn.terminal is not None)
        scene.pass_time(60.0)
        audit = scene.audit()
        assert audit.all() == []
        (decided,) = scene.world.diary.decided
        what = str(decided.decision["what"])
        (answer,) = scene.client.answered.values()
        if what == "approved":
            assert answer["data"]["approved"] is True
        else:
            assert answer["error"]["code"] == "APPROVAL_EXPIRED"
        (result,) = [each for each in audit.log(box) if each["role"] == "tool"]
        assert result["is_error"] == (what != "approved")
        assert len(scene.world.diary.approved_runs) == (what == "approved")
        return what


def _wake(scene: Calm, box: BoxKey, after: float) -> None:
    scene.world._deliver(Wake(box.pk, TENANT, 0, None), after)


def _expires_at(scene: Calm) -> float | None:
    """Until when the prompt may be answered (seconds of the run), once that is noted."""
    pending = scene.audit().jobs["q0"].pending
    if pending is None or pending.expires_at is None:
        return None
    return (pending.expires_at - SimClock.EPOCH_MS) / 1000


def test_one_outcome(tmp_path: Path) -> None:
    found = Counter(race(number, tmp_path) for number in range(TIMES))
    assert sum(found.values()) == TIMES
    assert min(found["approved"], found["expired"]) > TIMES // 10, found
