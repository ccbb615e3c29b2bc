"""A worker that dies while it judges: at each call of the store, before it and after it."""

from pathlib import Path

import pytest

from shared.runner.workflow import Place
from tests.conversations.judged import Scene, call
from tests.support.faults import Call, Hooks

CALLS = 8
"""Calls of the store from the wake to the end, and some to spare."""


class Died(BaseException):
    """The process is not there any more: it catches nothing."""


def die_at(scene: Scene, number: int, when: str) -> list[str]:
    """From here on; the calls that were made, the last of which nobody heard the end of."""
    made: list[str] = []
    dead: list[bool] = []

    def die() -> None:
        dead.append(True)
        raise Died

    def plan(called: Call) -> Hooks | None:
        if dead:
            return Hooks(before=die)
        made.append(called.method)
        if len(made) == number + 1:
            return Hooks(before=die) if when == "before" else Hooks(after=die)
        return None

    scene.rig.plan = plan
    return made


@pytest.mark.parametrize("verdict", ["yes", "no"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(CALLS))
def test_a_verdict_counts_once(tmp_path: Path, number: int, when: str, verdict: str) -> None:
    scene = Scene(tmp_path)
    scene.arbiter.says = [call(verdict)]
    scene.queue()
    made = die_at(scene, number, when)
    try:
        scene.judge()
    except Died:
        assert len(made) == number + 1
    else:
        assert len(made) <= number, "it lived on where it was to die"
    scene.rig.plan = lambda _: None
    scene.rig.wait(40)
    scene.judge()
    once = (
        Place(step="solve", version=1)
        if verdict == "yes"
        else Place(step="find", tries=1, version=1)
    )
    assert scene.place == once
    assert scene.job.attrs["outcome"] == "completed"
    assert scene.counted() == 500, "what a dead worker had asked for is counted once, if at all"
    assert 1 <= len(scene.arbiter.requests) <= 2
    assert scene.at_rest()
    scene.rig.engine.close()


def test_all_calls_are_met(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.queue()
    made = die_at(scene, CALLS, "before")
    scene.judge()
    assert 3 <= len(made) <= CALLS
    assert "write" in made
    scene.rig.engine.close()
