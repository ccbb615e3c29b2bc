"""What a worker had begun when it stood still is not fenced: the audit takes that as it is, and
nothing else that comes too late (MAILBOX.md, rule 9)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared.mailbox.keeper import Keeper
from shared.runner.batch import Batch
from shared.storage.expressions import Assign
from shared.storage.table import Update
from tests.faults.seeded.calm import Calm, calm
from tests.faults.seeded.model import Plan
from tests.simulation.hub import SimTask
from tests.support.faults import Call, Hooks

PAUSE = 40.0


def once(scene: Calm, armed: Callable[[], bool] = lambda: True) -> Callable[[], bool]:
    """Lets the running process stand still, the first time that it may."""
    done: list[float] = []

    def freeze() -> bool:
        if done or not armed():
            return False
        done.append(scene.world.hub.time)
        scene.world.chaos.freeze(SimTask.current().process, PAUSE)
        return True

    return freeze


def checks_nothing(self: Keeper) -> None:
    """Instead of asking whether the lease is still held."""


def pausing_post(scene: Calm, freeze: Callable[[], bool]) -> None:
    """The next post stands still between its check and the wire."""
    chaos, post, point = scene.world.chaos, scene.world.gateway.post, scene.world.chaos.point
    armed = [False]

    def paused() -> bool:
        first, armed[0] = armed[0], False
        if first and freeze():
            scene.world.hub.sleep(0)
            return True
        return point()

    def posted(connection: str, data: bytes) -> bool:
        armed[0] = b"stream_token" in data
        return post(connection, data)

    chaos.point = paused  # type: ignore[method-assign]  # the stage is ours to change
    scene.world.gateway.post = posted  # type: ignore[method-assign]  # the stage is ours to change


def test_a_post_that_was_paused_is_late_and_nobodys_fault(tmp_path: Path) -> None:
    with calm(0, tmp_path) as scene:
        scene.world.sweep_every_minute(10)
        turn = scene.send("q0", Plan(tokens=300, pace=0.1))
        pausing_post(scene, once(scene, lambda: len(turn.text) > 100))
        scene.until(lambda: turn.terminal is not None)
        scene.pass_time(60.0)
        late = [each for each in scene.world.diary.delivered if each.late]
        assert [each.event["type"] for each in late] == ["stream_token"]
        assert turn.text != turn.punctual
        assert scene.audit().all() == []


def test_what_is_posted_after_a_pause_without_a_look_at_the_lease_is_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Keeper, "check", checks_nothing)
    with calm(0, tmp_path) as scene:
        scene.world.sweep_every_minute(10)
        turn = scene.send("q0", Plan(tokens=600, pace=0.1))
        scene.until(lambda: len(turn.text) > 100)
        scene.world.chaos.freeze(scene.world.working[0], PAUSE)
        scene.until(lambda: turn.terminal is not None)
        scene.pass_time(60.0)
        assert not any(each.late for each in scene.world.diary.delivered)
        assert any("the end says" in each for each in scene.audit().all())


def stopped_meanwhile(scene: Calm, ready: Callable[[], bool]) -> list[str]:
    """A turn is stopped while its worker stands still; what the audit says in the end."""
    scene.world.sweep_every_minute(10)
    turn = scene.send("q0", Plan([["look"]], tokens=5, pace=0.1))
    scene.until(ready)
    scene.client.cancel(turn)
    scene.until(lambda: turn.terminal is not None)
    scene.pass_time(60.0)
    assert len(scene.world.diary.tool_starts) == 1
    assert scene.world.diary.tool_starts[0][0] > scene.audit().cancelled_at()["q0"]
    return scene.audit().all()


def test_a_tool_whose_thread_was_paused_is_late_and_nobodys_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with calm(0, tmp_path) as scene:
        start, freeze = Batch.start, once(scene)

        def started(self: Batch, *given: Any) -> None:
            start(self, *given)
            freeze()

        monkeypatch.setattr(Batch, "start", started)
        found = stopped_meanwhile(scene, lambda: bool(scene.world.diary.crashes))
        assert len(scene.world.diary.late_starts) == 1
        assert found == []


def test_a_tool_that_begins_after_a_pause_without_a_look_at_the_lease_is_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Keeper, "check", checks_nothing)
    with calm(0, tmp_path) as scene:
        chaos, freeze = scene.world.chaos, once(scene)
        store = chaos.store

        def marked(call: Call) -> Any:
            begins = any(
                isinstance(change, Assign) and change.path[0] == "marks"
                for operation in call.operations
                if isinstance(operation, Update)
                for change in operation.changes
            )
            return Hooks(after=paused) if begins else store(call)

        def paused() -> None:
            freeze()
            scene.world.hub.sleep(0)

        monkeypatch.setattr(chaos, "store", marked)
        # Each process has its plan from when it was made.
        scene.world._instances.clear()
        found = stopped_meanwhile(scene, lambda: bool(scene.world.diary.crashes))
        assert not scene.world.diary.late_starts
        assert any("a tool began at" in each for each in found)
