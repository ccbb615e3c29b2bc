"""Several connections hear what a turn waits for: some are slow, some are gone."""

import json
from typing import Any

import pytest

from shared.messaging.push import PushFailed
from shared.runner.gates import Approval, Gate
from tests.conversations.people import Desk, refund, resume, waiting
from tests.conversations.rig import at_rest, text_of
from tests.runner.said import answer, use
from tests.wire.scene import Scene

PROMPT = ["write_confirmation_required", "stream_chunk"]


@pytest.fixture
def desk(scene: Scene) -> Desk:
    return Desk(scene)


def second(scene: Scene, desk: Desk) -> None:
    """Another connection that hears the session."""
    scene.connect("c2")
    desk.equip(answer("Hello"))
    scene.frame("c2", "send_message", requestId="r0", sessionId=desk.session, message="Me too")
    scene.work()


def test_everybody_who_is_there_is_asked_and_one_of_them_decides(scene: Scene, desk: Desk) -> None:
    second(scene, desk)
    tool, _ = waiting(desk)
    for connection in ("c1", "c2"):
        assert desk.types(connection=connection)[-2:] == PROMPT
    assert desk.approval("c1") == desk.approval("c2")
    desk.confirm(connection="c2")
    scene.work()
    assert len(tool.calls) == 1
    assert desk.types("r1", "c1")[-1] == desk.types("r1", "c2")[-1] == "eventual_response"


def test_one_that_is_gone_when_the_prompt_comes_keeps_nobody_waiting(
    scene: Scene, desk: Desk
) -> None:
    second(scene, desk)
    post = scene.push.post

    def gone(connection: str, data: bytes) -> bool:
        if connection == "c2" and json.loads(data)["type"] in PROMPT:
            return False
        return post(connection, data)

    scene.push.post = gone  # type: ignore[method-assign]  # the stage is ours to change
    tool, _ = waiting(desk)
    assert desk.types()[-2:] == PROMPT
    assert not any(name.endswith("/c2") for name in desk.state().conns)
    desk.confirm()
    scene.work()
    assert len(tool.calls) == 1
    assert at_rest(scene, desk.session)


def test_a_turn_waits_also_where_nobody_is_left_to_ask(scene: Scene, desk: Desk) -> None:
    scene.say("c1", desk.session, "r1", "Hi")
    scene.push.gone.add("c1")
    tool = refund()
    gates = {"refund": Gate(approval=Approval())}
    desk.equip(answer(use("refund")), answer("Done"), tools=[tool], gates=gates)
    scene.work()
    assert desk.view().status == "awaiting_approval"
    scene.connect("c2")
    told = resume(desk, "c2")
    confirmation = told["data"]["prompt"]["pendingWriteConfirmation"]
    desk.confirm(connection="c2", approvalId=confirmation["approvalId"])
    scene.work()
    assert len(tool.calls) == 1
    assert text_of(scene.events("c2", "r1")[-1]) == "Done"


@pytest.mark.parametrize("hangs", [False, True])
def test_a_slow_one_does_not_keep_the_others_from_being_asked(
    scene: Scene, desk: Desk, hangs: bool
) -> None:
    second(scene, desk)
    post, asked = scene.push.post, dict[str, float]()

    def slow(connection: str, data: bytes) -> bool:
        if connection == "c2":
            scene.clock.sleep(5)
            if hangs:
                raise PushFailed("no answer")
        taken = post(connection, data)
        if json.loads(data)["type"] == PROMPT[-1]:
            asked[connection] = scene.clock.monotonic()
        return taken

    scene.push.post = slow  # type: ignore[method-assign]  # the stage is ours to change
    before = scene.clock.monotonic()
    tool, _ = waiting(desk)
    assert asked["c1"] - before < 12
    assert scene.clock.monotonic() - before < 35
    assert (desk.state().owner, desk.view().status) == (None, "awaiting_approval")
    desk.confirm()
    scene.work()
    assert len(tool.calls) == 1
    assert desk.types()[-1] == "eventual_response"


def test_who_answers_while_the_prompt_is_still_on_its_way_to_another(
    scene: Scene, desk: Desk
) -> None:
    second(scene, desk)
    post, told = scene.push.post, list[Any]()

    def answering(connection: str, data: bytes) -> bool:
        event = json.loads(data)
        if connection == "c2" and event["type"] == PROMPT[0]:
            scene.clock.sleep(3)
        taken = post(connection, data)
        if connection == "c1" and event["type"] == PROMPT[1] and not told:
            told.append(event)
            state = event["data"]["state"]["pendingWriteConfirmation"]
            found = scene.deployment.approvals.decide(
                desk.principal, state["approvalId"], approved=True
            )
            scene.deployment.turns.wake(found[1])
        return taken

    scene.push.post = answering  # type: ignore[method-assign]  # the stage is ours to change
    tool, model = waiting(desk)
    scene.work()
    # The answer was heard, although the prompt had not been noted as shown to all.
    assert len(tool.calls) == 1
    assert desk.told(model) == ("refunded", False)
    assert at_rest(scene, desk.session)
