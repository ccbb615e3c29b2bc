"""What a turn that waits keeps, and what a session knows of its user."""

from typing import Any

import pytest

from shared.conversations.prompts import parts_of
from shared.runner.gates import Approval, Gate
from shared.runner.prompts import APPROVAL
from shared.runner.request import Equipped
from tests.conversations.people import AGENT, ASK, EMAIL, KNOWN, Desk, code_in, refund, waiting
from tests.conversations.rig import at_rest
from tests.runner.said import MadeTool, answer, use
from tests.wire.scene import Scene

FORM = use("request_identity_intake", fields=[{"key": "email"}, {"key": "name"}])
VALUES = {"email": EMAIL, "name": "Ann"}


@pytest.fixture
def desk(scene: Scene) -> Desk:
    return Desk(scene)


# -- what is kept -----------------------------------------------------------------------------


def test_what_a_turn_that_waits_keeps(scene: Scene, desk: Desk) -> None:
    waiting(desk, "I will.")
    job = desk.job()
    prompt, pending = job.body["prompt"], job.pending
    assert pending is not None
    assert (pending.call, pending.hash, pending.waits) == ("1-0", prompt["digest"], "approval")
    assert parts_of(APPROVAL, prompt["id"]) == (desk.box.id, job.ref, "1-0", prompt["digest"])
    assert (prompt["seconds"], prompt["owner"], prompt["roles"]) == (300, "local", [])
    assert pending.shown_at is not None
    assert pending.prompted_at is not None
    assert pending.shown_at <= pending.prompted_at
    assert pending.expires_at == pending.shown_at + 300_000
    # What was asked for stays beside it.
    assert job.payload["message"] == "Hi"


def test_a_turn_that_waits_goes_on_with_the_configuration_that_it_began_with(
    scene: Scene, desk: Desk
) -> None:
    handler: Any = scene.deployment.turn_handler
    old, new = refund(), refund()
    model = desk.equip(answer(use("refund")), answer("Done"), answer("Next"))

    def equipped(tool: MadeTool, instructions: str) -> Equipped:
        agent = type(AGENT)(instructions=instructions, model="m")
        recorded = {"instructions": instructions}
        return Equipped(agent=agent, tools=[tool], gates={"refund": ASK}, recorded=recorded)

    handler._agents = lambda *_: equipped(old, "Be kind.")
    desk.ask()
    assert desk.job().body["recorded"] == {"instructions": "Be kind."}
    handler._agents = lambda *_: equipped(new, "Be brief.")
    handler._recorded = lambda recorded: equipped(old, recorded["instructions"])
    desk.confirm()
    scene.work()
    assert (len(old.calls), len(new.calls)) == (1, 0)
    assert model.requests[-1].system == "Be kind."
    assert desk.job().body["recorded"] is None
    desk.ask("r2")
    assert model.requests[-1].system == "Be brief."


def test_a_configuration_that_cannot_be_read_any_more_ends_the_turn(
    scene: Scene, desk: Desk
) -> None:
    handler: Any = scene.deployment.turn_handler
    tool = refund()
    desk.equip(answer(use("refund")))
    handler._agents = lambda *_: Equipped(
        agent=AGENT, tools=[tool], gates={"refund": ASK}, recorded={"config": "of another release"}
    )
    desk.ask()
    desk.confirm()
    scene.work()
    end = scene.events("c1", "r1")[-1]
    assert (end["type"], tool.calls) == ("error", [])
    assert "of another release" not in str(end)
    assert at_rest(scene, desk.session)


def test_each_call_of_a_reply_has_its_own_prompt(scene: Scene, desk: Desk) -> None:
    tool = refund()
    calls = [use("refund", f"x{number}", order=str(number)) for number in range(2)]
    gates = {"refund": Gate(approval=Approval(seconds=60))}
    model = desk.equip(answer(*calls), answer("Done"), tools=[tool], gates=gates)
    desk.ask()
    first = desk.approval()
    desk.confirm(approvalId=first["approvalId"])
    scene.work()
    second = desk.approval()
    assert second["approvalId"] != first["approvalId"]
    assert (first["arguments"], second["arguments"]) == ({"order": "0"}, {"order": "1"})
    assert desk.job().body["prompt"]["seconds"] == 60
    desk.confirm(approved=False, approvalId=second["approvalId"], note="Once is enough.")
    scene.work()
    assert tool.calls == [{"order": "0"}]
    assert desk.told(model, 0) == ("refunded", False)
    said, is_error = desk.told(model, 1)
    assert is_error
    assert said.endswith("declined it. The note with it: Once is enough.")


# -- codes ------------------------------------------------------------------------------------


def coded(desk: Desk, *answers: Any) -> tuple[MadeTool, Any]:
    """A turn that waits for a code."""
    tool = refund()
    gates = {"refund": KNOWN}
    model = desk.equip(answer(use("refund")), *answers, tools=[tool], gates=gates)
    desk.ask()
    return tool, model


def code(desk: Desk) -> str:
    return code_in(desk.mail.sent()[-1].text)


def test_a_turn_goes_on_when_the_code_was_right(scene: Scene) -> None:
    desk = Desk(scene, userEmail=EMAIL)
    tool, model = coded(desk, answer("Done"))
    assert desk.types() == ["immediate_response", "otp_verification_required", "otp_sent"]
    assert desk.state().waits == "input"
    assert desk.answer("verify_otp", code=code(desk))["type"] == "otp_verified"
    scene.work()
    assert desk.told(model) == ("refunded", False)
    assert desk.known()["verified"]["address"] == EMAIL
    assert [context.verified_email for context in tool.contexts] == [EMAIL]
    # The call is shown when it is made: the prompt said nothing of its arguments.
    assert desk.types()[3:5] == ["stream_chunk", "stream_chunk"]


def test_the_session_stays_verified_and_only_who_asks_for_it_gets_the_address(
    scene: Scene,
) -> None:
    desk = Desk(scene, userEmail=EMAIL)
    coded(desk, answer("Done"))
    desk.answer("verify_otp", code=code(desk))
    scene.work()
    tool, plain = refund(), MadeTool("look_up")
    calls = [use("refund"), use("look_up")]
    desk.equip(answer(*calls), answer("Done"), tools=[tool, plain], gates={"refund": KNOWN})
    desk.ask("r2")
    assert len(desk.mail.sent()) == 1
    assert [context.verified_email for context in tool.contexts] == [EMAIL]
    assert [context.verified_email for context in plain.contexts] == [None]


def test_a_code_that_nobody_enters(desk: Desk, scene: Scene) -> None:
    desk = Desk(scene, userEmail=EMAIL)
    tool, model = coded(desk, answer("Done"))
    sent = code(desk)
    desk.pass_time(301)
    said, is_error = desk.told(model)
    assert (said, is_error) == (
        "Not called. The user did not enter the code that was sent to them in time.",
        True,
    )
    told = desk.answer("verify_otp", code=sent)
    assert (told["type"], told["data"]["data"]["error"]) == ("otp_invalid", "NOT_FOUND")
    assert tool.calls == []
    assert "verified" not in desk.known()


def test_without_an_address_the_agent_asks_for_one_and_the_code_goes_there(scene: Scene) -> None:
    desk = Desk(scene, supports=["identity_form"])
    tool, model = coded(desk, answer(FORM), answer(use("refund", "again")), answer("Done"))
    assert "no address is known" in desk.told_of(model, 1)[0]
    interaction = desk.prompt("interaction_required")
    known = interaction["interactionId"]
    told = desk.answer("submit_interaction", interactionId=known, values=VALUES)
    assert told["status"] == 200
    scene.work()
    assert [mail.to for mail in desk.mail.sent()] == [EMAIL]
    desk.answer("verify_otp", code=code(desk))
    scene.work()
    assert len(tool.calls) == 1
