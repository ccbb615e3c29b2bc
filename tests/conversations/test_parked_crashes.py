"""Workers that die while a turn waits, or right after."""

from pathlib import Path

import pytest

from shared.runner.calls import INTERRUPTED
from shared.storage.sqlite import SqliteTable
from shared.storage.table import Operation, Update
from tests.conversations.people import ASK, DEPLOYMENT_SECONDS, Desk, waiting
from tests.conversations.test_tool_turns import napping
from tests.runner.said import MadeTool, answer, use
from tests.support.faults import Call, Fault, FaultyTable
from tests.wire.scene import Scene

GATES = {"refund": ASK}


@pytest.fixture
def desk(scene: Scene) -> Desk:
    return Desk(scene)


def test_a_worker_that_dies_in_an_approved_call(scene: Scene, desk: Desk) -> None:
    """The decision stands, and is used once."""
    tool = MadeTool("refund", napping(scene, 100), timeout=500)
    model = desk.equip(answer(use("refund")), answer("Done"), tools=[tool], gates=GATES)
    desk.ask()
    desk.confirm()
    scene.work(seconds=60)
    assert "eventual_response" not in desk.types()
    scene.work()
    assert desk.told(model) == (INTERRUPTED, True)
    assert len(tool.calls) == 1
    assert desk.types().count("write_confirmation_required") == 1


@pytest.mark.parametrize(("note", "times"), [("shown_at", 1), ("prompted_at", 2)])
def test_a_worker_that_dies_while_it_asks(
    engine: SqliteTable, tmp_path: Path, note: str, times: int
) -> None:
    """What was not noted as sent is sent again, by whoever goes on."""
    broken: set[str] = set()

    def plan(call: Call) -> Fault | None:
        written = {part for path in map(_paths, call.operations) for part in path}
        return Fault.LOST_REQUEST if broken & written else None

    scene = Scene(FaultyTable(engine, plan), tmp_path)
    desk = Desk(scene)
    broken.add(note)
    waiting(desk)
    pending = desk.job().pending
    assert pending is not None
    assert pending.expires_at is None
    broken.clear()
    desk.pass_time(120)
    assert desk.types().count("write_confirmation_required") == times
    # The time to decide begins when somebody can have seen it.
    pending = desk.job().pending
    assert pending is not None
    assert pending.expires_at is not None
    assert pending.expires_at - scene.clock.now() > DEPLOYMENT_SECONDS * 1000 - 2000
    desk.confirm()
    scene.work()
    assert desk.types()[-1] == "eventual_response"


def _paths(operation: Operation) -> list[str]:
    changes = operation.changes if isinstance(operation, Update) else ()
    return [str(part) for change in changes for part in getattr(change, "path", ())]
