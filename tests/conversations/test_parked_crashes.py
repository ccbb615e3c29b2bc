"""Workers that die while a turn waits, or right after."""

from pathlib import Path

import pytest

from shared.runner.calls import INTERRUPTED
from shared.runner.gates import Approval, Gate
from shared.storage.sqlite import SqliteTable
from tests.conversations.broken import Losing
from tests.conversations.people import ASK, DEPLOYMENT_SECONDS, Desk, refund, waiting
from tests.conversations.test_tool_turns import napping
from tests.runner.said import MadeTool, answer, use
from tests.support.faults import FaultyTable
from tests.wire.scene import Scene

GATES = {"refund": ASK}
DAY = 86_400


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
    losing = Losing()
    scene = Scene(FaultyTable(engine, losing), tmp_path)
    desk = Desk(scene)
    losing.names.add(note)
    waiting(desk)
    pending = desk.job().pending
    assert pending is not None
    assert pending.expires_at is None
    losing.heal()
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


@pytest.mark.parametrize("note", ["shown_at", "prompted_at"])
def test_what_is_said_after_a_call_that_outlived_a_worker_is_streamed(
    engine: SqliteTable, tmp_path: Path, note: str
) -> None:
    """To those, too, that cannot cut what they were shown before it died."""
    losing = Losing()
    scene = Scene(FaultyTable(engine, losing), tmp_path)
    desk = Desk(scene)
    losing.names.add(note)
    waiting(desk, "I will.", then="All is done now, and well.")
    losing.heal()
    desk.pass_time(120)
    before = len(scene.push.sent)
    desk.confirm(approvalId=desk.approval()["approvalId"])
    scene.work()
    after = [event for _, event in scene.push.sent[before + 1 :]]
    assert "toolResult" in after[0]["data"]["state"]["rawResponse"]
    tokens = [event["token"] for event in after if event["type"] == "stream_token"]
    assert "".join(tokens).strip() == "All is done now, and well."
    assert after[-1]["type"] == "eventual_response"


# -- how often --------------------------------------------------------------------------------


def test_a_store_that_fails_now_and_then_does_not_end_a_turn_that_waits_for_days(
    engine: SqliteTable, tmp_path: Path
) -> None:
    """Each day somebody looks in; every other day a worker cannot tell them, and gives up."""
    losing = Losing()
    scene = Scene(FaultyTable(engine, losing), tmp_path)
    desk = Desk(scene)
    tool = refund()
    gates = {"refund": Gate(approval=Approval(seconds=30 * DAY))}
    desk.equip(answer(use("refund")), answer("Done"), tools=[tool], gates=gates)
    desk.ask()
    counted: list[int] = []
    for day in range(12):
        scene.virtual.pass_time(DAY)
        scene.frame("c1", "resume_turn", requestId="r1", sessionId=desk.session)
        if day % 2 == 0:
            losing.names.add("head_at")
        scene.work()
        losing.heal()
        counted.append(desk.state().crashes)
        desk.pass_time(60)
        assert (desk.view().status, desk.state().crashes) == ("awaiting_approval", 0)
    assert max(counted) == 1, "no worker gave up"
    assert desk.confirm()["status"] == 200
    scene.work()
    assert len(tool.calls) == 1
    assert desk.types()[-1] == "eventual_response"


def test_a_prompt_that_is_pushed_at_last_counts_no_crash_any_more(
    engine: SqliteTable, tmp_path: Path
) -> None:
    losing = Losing()
    scene = Scene(FaultyTable(engine, losing), tmp_path)
    desk = Desk(scene)
    losing.names.add("prompted_at")
    waiting(desk)
    for _ in range(2):
        desk.pass_time(60)
    assert desk.state().crashes > 1
    losing.heal()
    desk.pass_time(60)
    assert (desk.state().crashes, desk.view().status) == (0, "awaiting_approval")
