"""Decisions that name no approval: which call they mean, and when they mean none."""

from typing import Any

import pytest

from tests.conversations.people import ASK, DEPLOYMENT_SECONDS, Desk, refund, waiting
from tests.runner.said import MadeTool, answer, use
from tests.wire.scene import Scene

GATES = {"refund": ASK}
PROMPT = "write_confirmation_required"


@pytest.fixture
def desk(scene: Scene) -> Desk:
    return Desk(scene)


def two_turns(desk: Desk) -> MadeTool:
    """Two turns of the session, each with a call that waits; the second behind the first."""
    tool = refund()
    desk.equip(
        *(answer(use("refund", order="1")), answer("One.")),
        *(answer(use("refund", order="2")), answer("Two.")),
        tools=[tool],
        gates=GATES,
    )
    desk.ask("r1")
    desk.ask("r2")
    return tool


def two_calls(desk: Desk) -> MadeTool:
    """A turn with two calls that wait, one after the other."""
    tool = refund()
    calls = [use("refund", f"x{order}", order=order) for order in ("1", "2")]
    desk.equip(answer(*calls), answer("Done"), tools=[tool], gates=GATES)
    desk.ask()
    return tool


def refused(desk: Desk, code: str = "NO_PENDING_CONFIRMATION", **fields: Any) -> None:
    """That a frame is, under no request of a turn that goes on; and all else as it was."""
    told = desk.confirm(**fields)
    assert told["type"] == "error", told
    assert told["error"]["code"] == code
    assert told.get("requestId") != desk.job().payload["request_id"] or desk.job().done
    desk.scene.work()


# -- which turn -------------------------------------------------------------------------------


def test_the_second_click_on_a_turn_that_has_ended_decides_nothing_of_the_next(
    scene: Scene, desk: Desk
) -> None:
    tool = two_turns(desk)
    desk.confirm(requestId="r1")
    scene.work()
    assert desk.types("r1")[-1] == "eventual_response"
    desk.pass_time(5)
    refused(desk, requestId="r1")
    assert tool.calls == [{"order": "1"}]
    assert desk.view("r2").status == "awaiting_approval"
    desk.confirm(requestId="r2")
    scene.work()
    assert tool.calls == [{"order": "1"}, {"order": "2"}]


def test_a_click_on_a_turn_that_was_stopped_decides_nothing_of_the_next(
    scene: Scene, desk: Desk
) -> None:
    model = desk.equip(
        *(answer(use("refund", order="1")), answer(use("refund", order="2")), answer("Two.")),
        tools=[tool := refund()],
        gates=GATES,
    )
    desk.ask("r1")
    desk.ask("r2")
    scene.frame("c1", "cancel", requestId="r1", sessionId=desk.session)
    scene.work()
    desk.pass_time(5)
    refused(desk, requestId="r1")
    assert (tool.calls, desk.view("r2").status) == ([], "awaiting_approval")
    # A request of its own means what waits now.
    assert desk.confirm(requestId="a2")["status"] == 200
    scene.work()
    assert tool.calls == [{"order": "2"}]
    assert desk.told(model) == ("refunded", False)


def test_a_click_on_a_turn_that_waits_behind_decides_nothing_of_the_first(
    scene: Scene, desk: Desk
) -> None:
    tool = two_turns(desk)
    refused(desk, requestId="r2")
    assert (tool.calls, desk.view("r1").status) == ([], "awaiting_approval")


def test_a_session_that_was_shown_no_prompt_decides_nothing_without_naming_it(
    scene: Scene, desk: Desk
) -> None:
    """Another tab of the same user, which has another session of the conversation."""
    scene.connect("c2")
    beside = scene.session("c2", conversationId=desk.box.id)
    tool, _ = waiting(desk)
    assert PROMPT not in desk.types(connection="c2")
    refused(desk, connection="c2", sessionId=beside)
    assert (tool.calls, desk.view().status) == ([], "awaiting_approval")
    known = desk.approval()["approvalId"]
    told = desk.confirm(connection="c2", sessionId=beside, approvalId=known)
    assert told["status"] == 200
    scene.work()
    assert len(tool.calls) == 1


# -- which of its calls -----------------------------------------------------------------------


@pytest.mark.parametrize("request_id", ["r1", "a1"])
def test_right_after_a_prompt_that_nobody_decided_the_next_one_is_not_decided(
    scene: Scene, desk: Desk, request_id: str
) -> None:
    """Whoever clicks in that moment has seen the one whose time is over."""
    tool = refund()
    desk.equip(
        *(answer(use("refund", order="1")), answer(use("refund", order="2")), answer("Done")),
        tools=[tool],
        gates=GATES,
    )
    desk.ask()
    desk.pass_time(DEPLOYMENT_SECONDS + 1)
    assert desk.types().count(PROMPT) == 2
    refused(desk, "APPROVAL_EXPIRED", requestId=request_id)
    assert (tool.calls, desk.view().status) == ([], "awaiting_approval")
    desk.pass_time(1)
    assert desk.confirm(requestId=request_id)["status"] == 200
    scene.work()
    assert tool.calls == [{"order": "2"}]


def test_whoever_decides_faster_than_anybody_can_read_decides_the_next_one_later(
    scene: Scene, desk: Desk
) -> None:
    """A program that approves each prompt as it comes, or a second click."""
    tool = two_calls(desk)
    for _ in range(2):
        desk.confirm(requestId="r1")
        scene.work()
    assert tool.calls == [{"order": "1"}]
    assert desk.view().status == "awaiting_approval"
    desk.pass_time(1)
    told = desk.confirm(requestId="r1")
    assert told["data"]["approvalId"] == desk.approval()["approvalId"]
    scene.work()
    assert tool.calls == [{"order": "1"}, {"order": "2"}]


def test_the_first_prompt_of_a_turn_may_be_decided_at_once(scene: Scene, desk: Desk) -> None:
    """Nothing else can have been meant."""
    tool = two_turns(desk)
    for request_id in ("r1", "r2"):
        assert desk.confirm(requestId=request_id)["status"] == 200
        scene.work()
    assert tool.calls == [{"order": "1"}, {"order": "2"}]
