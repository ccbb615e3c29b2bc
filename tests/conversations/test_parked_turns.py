"""Turns that wait for people: in which order what is said, how they are stopped, and what the time
that passes does to them."""

from typing import Any

import pytest

from shared.errors import TurnFailed
from shared.runner.gates import Approval, Gate
from tests.conversations.people import ASK, DEPLOYMENT_SECONDS, Desk, refund, waiting
from tests.conversations.rig import at_rest, streamed, text_of
from tests.conversations.test_tool_turns import napping
from tests.runner.said import MadeTool, answer, use
from tests.wire.scene import Scene

GATES = {"refund": ASK}
PROMPT = ["write_confirmation_required", "stream_chunk"]
EXPIRED = "Not called. Nobody decided about this call in time."


@pytest.fixture
def desk(scene: Scene) -> Desk:
    return Desk(scene)


# -- the order --------------------------------------------------------------------------------


def test_what_was_said_comes_before_what_is_asked(scene: Scene, desk: Desk) -> None:
    waiting(desk, "I will refund this now.")
    types = desk.types()
    said = types.index("write_confirmation_required")
    assert types[:1] == ["immediate_response"]
    assert set(types[1:said]) == {"stream_token"}
    assert types[said:] == PROMPT
    assert streamed(scene) == "I will refund this now."


def test_then_nothing_until_the_answer_and_then_the_rest(scene: Scene, desk: Desk) -> None:
    tool, _ = waiting(desk, "I will.")
    before = len(scene.push.sent)
    desk.pass_time(200)
    assert len(scene.push.sent) == before
    told = desk.confirm()
    assert (told["status"], told["requestId"]) == (200, "a1")
    # Whoever answered hears of that first.
    assert scene.push.sent[-1][1] == told
    scene.work()
    after = [event["type"] for _, event in scene.push.sent[before + 1 :]]
    assert after[0] == "stream_chunk"
    assert after[-1] == "eventual_response"
    assert set(after[1:-1]) == {"stream_token"}
    assert len(tool.calls) == 1
    assert text_of(scene.events("c1", "r1")[-1]) == "I will.\n\nDone"
    assert at_rest(scene, desk.session)


def test_a_prompt_is_shown_once_to_whoever_stays(desk: Desk) -> None:
    waiting(desk)
    for _ in range(3):
        desk.pass_time(10)
    assert desk.types().count("write_confirmation_required") == 1


def test_a_turn_that_waits_holds_no_lease_and_says_so(desk: Desk) -> None:
    waiting(desk)
    state = desk.state()
    assert (state.owner, state.waits) == (None, "approval")
    assert state.due == desk.job().pending.expires_at  # type: ignore[union-attr]  # it waits, so there is one
    view = desk.view()
    assert (view.status, view.waits, view.done) == ("awaiting_approval", True, False)
    assert view.prompt is not None
    assert view.prompt["approval_id"] == desk.approval()["approvalId"]


def test_a_turn_that_has_its_answer_waits_for_nothing(scene: Scene, desk: Desk) -> None:
    waiting(desk)
    desk.confirm()
    assert (desk.state().waits, desk.view().prompt) == (None, None)
    assert desk.view().status == "queued"
    scene.work()
    assert (desk.view().status, desk.view().prompt) == ("completed", None)
    assert desk.job().body["prompt"] is desk.job().body["recorded"] is None


# -- stops ------------------------------------------------------------------------------------


def test_a_stop_ends_a_turn_that_waits(scene: Scene, desk: Desk) -> None:
    tool, _ = waiting(desk, "I will.")
    approval = desk.approval()["approvalId"]
    scene.frame("c1", "cancel", requestId="r1", sessionId=desk.session)
    scene.work()
    assert desk.types()[-1] == "cancelled"
    assert tool.calls == []
    assert at_rest(scene, desk.session)
    told = desk.confirm(approvalId=approval)
    assert told["error"]["code"] == "APPROVAL_WITHDRAWN"
    assert told["requestId"] == "a1"
    assert desk.confirm()["error"]["code"] == "NO_PENDING_CONFIRMATION"
    scene.work()
    assert tool.calls == []


def test_a_stop_of_what_waits_behind_it_leaves_it_waiting(scene: Scene, desk: Desk) -> None:
    tool, _ = waiting(desk)
    told = scene.say("c1", desk.session, "r2", "And then?")
    assert told["data"] == {"queued": 1, "waitingFor": "approval"}
    scene.work()
    scene.frame("c1", "cancel", requestId="r2", sessionId=desk.session)
    scene.work()
    assert desk.types("r2")[-1] == "cancelled"
    assert desk.view().status == "awaiting_approval"
    desk.confirm()
    scene.work()
    assert len(tool.calls) == 1
    assert desk.types()[-1] == "eventual_response"


def test_behind_a_turn_that_was_stopped_the_next_one_runs(scene: Scene, desk: Desk) -> None:
    waiting(desk, then="Next.")
    scene.say("c1", desk.session, "r2", "And then?")
    scene.frame("c1", "cancel", requestId="r1", sessionId=desk.session)
    scene.work()
    assert desk.types()[-1] == "cancelled"
    assert text_of(scene.events("c1", "r2")[-1]) == "Next."


def test_a_stop_after_the_decision_and_before_the_call(scene: Scene, desk: Desk) -> None:
    """Nothing begins after a stop, approved or not."""
    tool, _ = waiting(desk)
    desk.confirm()
    scene.frame("c1", "cancel", requestId="r1", sessionId=desk.session)
    scene.work()
    assert desk.types()[-1] == "cancelled"
    assert tool.calls == []


def test_a_turn_that_cannot_go_on_asks_nobody_any_more(scene: Scene, desk: Desk) -> None:
    tool, _ = waiting(desk)
    handler: Any = scene.deployment.turn_handler

    def spent(_: str, **_more: int) -> None:
        raise TurnFailed("Enough.", code="BUDGET_EXCEEDED")

    object.__setattr__(handler._services, "may_spend", spent)
    desk.confirm()
    scene.work()
    assert scene.events("c1", "r1")[-1]["error"]["code"] == "BUDGET_EXCEEDED"
    assert (tool.calls, desk.view().prompt) == ([], None)


# -- time -------------------------------------------------------------------------------------


def test_nobody_answers(scene: Scene, desk: Desk) -> None:
    tool, model = waiting(desk)
    desk.pass_time(DEPLOYMENT_SECONDS - 5)
    assert desk.types()[-1] == "stream_chunk"
    desk.pass_time(10)
    assert desk.told(model) == (EXPIRED, True)
    assert tool.calls == []
    assert desk.types()[-1] == "eventual_response"
    assert desk.confirm(approvalId=desk.approval()["approvalId"])["error"]["code"] == (
        "APPROVAL_EXPIRED"
    )


def test_a_tool_says_how_long_people_have(desk: Desk) -> None:
    gates = {"refund": Gate(approval=Approval(seconds=86_400))}
    model = desk.equip(answer(use("refund")), answer("Done"), tools=[refund()], gates=gates)
    desk.ask()
    desk.pass_time(86_390)
    assert desk.view().status == "awaiting_approval"
    desk.pass_time(20)
    assert desk.told(model) == (EXPIRED, True)


def test_the_time_that_a_turn_waits_is_none_of_its_own(scene: Scene, desk: Desk) -> None:
    """A turn may run for ten minutes; this one waits twice as long, and runs for some seconds."""
    gates = {"refund": Gate(approval=Approval(seconds=3600))}
    tools = [refund(), MadeTool("nap", napping(scene, 5))]
    calls = [answer(use("refund", f"x{number}")) for number in range(3)]
    model = desk.equip(answer(use("nap")), *calls, answer("Done"), tools=tools, gates=gates)
    desk.ask()
    for _ in range(3):
        ran = int(desk.job().attrs["ran"])
        assert 5_000 <= ran < 10_000
        desk.pass_time(601)
        desk.confirm(approvalId=desk.approval()["approvalId"])
        scene.work()
    assert desk.types()[-1] == "eventual_response"
    assert model.last[-1]["content"][0]["content"] == "refunded"


def test_the_time_that_a_turn_has_run_before_it_waits_counts(scene: Scene, desk: Desk) -> None:
    nap = MadeTool("nap", napping(scene, 400, 400), timeout=500)
    model = desk.equip(
        *(answer(use("nap", "x")), answer(use("refund")), answer(use("nap", "y")), answer("Done")),
        tools=[nap, refund()],
        gates=GATES,
    )
    desk.ask()
    desk.confirm()
    scene.work()
    assert scene.events("c1", "r1")[-1]["error"]["code"] == "TURN_TIMEOUT"
    assert len(model.requests) == 3
