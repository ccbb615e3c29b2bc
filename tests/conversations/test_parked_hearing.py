"""Who hears what a turn waits for: whoever comes back to it, or asks again."""

import pytest

from shared.protocol.replies import iso_time
from shared.runner.gates import Approval, Gate
from tests.conversations.people import Desk, refund, resume, waiting
from tests.runner.said import answer, use
from tests.wire.scene import Scene

PROMPT = ["write_confirmation_required", "stream_chunk"]


@pytest.fixture
def desk(scene: Scene) -> Desk:
    return Desk(scene)


# -- coming back ------------------------------------------------------------------------------


def test_whoever_comes_back_is_asked_with_what_they_missed(scene: Scene, desk: Desk) -> None:
    waiting(desk, "I will.")
    scene.disconnect("c1")
    scene.connect("c2")
    told = resume(desk, "c2", received=2)
    data = told["data"]
    assert (told["status"], data["status"]) == (200, "awaiting_approval")
    assert (data["begin"], data["text"]) == (2, "will.")
    prompt = data["prompt"]
    assert prompt["type"] == "write_confirmation_required"
    pending = desk.job().pending
    assert pending is not None
    assert pending.expires_at is not None
    confirmation = prompt["pendingWriteConfirmation"]
    assert confirmation["arguments"] == {"order": "42"}
    assert confirmation["expiresAt"] == iso_time(pending.expires_at)
    assert desk.types(connection="c2") == ["immediate_response"]

    answered = desk.confirm(connection="c2", approvalId=confirmation["approvalId"])
    assert answered["data"]["approved"] is True
    scene.work()
    after = desk.types(connection="c2")[1:]
    assert (after[0], after[-1]) == ("stream_chunk", "eventual_response")


def test_who_was_asked_already_is_not_asked_again(scene: Scene, desk: Desk) -> None:
    waiting(desk)
    scene.connect("c2")
    resume(desk, "c2")
    assert desk.types().count("write_confirmation_required") == 1
    assert desk.types()[-1] == "stream_chunk"


def test_coming_back_does_not_lengthen_the_time(scene: Scene, desk: Desk) -> None:
    waiting(desk)
    before = desk.job().pending
    desk.pass_time(100)
    resume(desk, "c1")
    assert desk.job().pending == before


def test_coming_back_twice_is_answered_twice(scene: Scene, desk: Desk) -> None:
    waiting(desk)
    first, again = resume(desk, "c1"), resume(desk, "c1")
    assert first["data"] == again["data"]


def test_coming_back_when_it_has_been_decided(scene: Scene, desk: Desk) -> None:
    """The worker that goes on answers, and asks nothing any more."""
    waiting(desk, "I will.")
    desk.confirm()
    scene.connect("c2")
    told = resume(desk, "c2")
    assert told["data"]["status"] == "running"
    assert "prompt" not in told["data"]
    assert desk.types(connection="c2")[-1] == "eventual_response"


def test_coming_back_to_what_waits_behind_it(scene: Scene, desk: Desk) -> None:
    waiting(desk)
    scene.say("c1", desk.session, "r2", "And then?")
    scene.frame("c1", "resume_turn", requestId="r2", sessionId=desk.session)
    scene.work()
    told = scene.events("c1", "r2")[-1]["data"]
    assert (told["status"], told["queued"]) == ("queued", 1)
    assert "prompt" not in told


def test_coming_back_to_a_form(scene: Scene) -> None:
    desk = Desk(scene, supports=["identity_form"], userEmail="ann@x.example")
    desk.equip(answer("Who?", use("request_identity_intake", fields=[{"key": "email"}])))
    desk.ask()
    data = resume(desk, "c1")["data"]
    assert (data["status"], data["text"]) == ("awaiting_input", "Who?")
    assert data["prompt"]["type"] == "interaction_required"
    assert data["prompt"]["expiresAt"] is not None


def test_coming_back_to_a_code(scene: Scene) -> None:
    desk = Desk(scene, userEmail="ann@x.example")
    gates = {"refund": Gate(verified=True)}
    desk.equip(answer(use("refund")), tools=[refund()], gates=gates)
    desk.ask()
    data = resume(desk, "c1")["data"]
    assert data["status"] == "awaiting_input"
    assert data["prompt"]["type"] == "otp_verification_required"
    assert data["prompt"]["sent"] == {"channel": "email", "maskedDestination": "a***@x.example"}
    assert len(desk.mail.sent()) == 1


def test_the_same_message_again_brings_the_prompt_again(scene: Scene, desk: Desk) -> None:
    waiting(desk)
    scene.connect("c2")
    told = scene.frame("c2", "send_message", requestId="r1", sessionId=desk.session, message="Hi")
    assert told["type"] == "stream_chunk"
    accepted, *prompt = scene.events("c2", "r1")
    assert accepted["data"] == {"duplicate": True, "waitingFor": "approval"}
    assert [event["type"] for event in prompt] == PROMPT
    assert desk.approval("c2") == desk.approval("c1")
    desk.confirm()
    scene.work()
    assert desk.types(connection="c2")[-1] == "eventual_response"


def test_a_turn_that_streams_nothing_asks_all_the_same(scene: Scene, desk: Desk) -> None:
    model = desk.equip(
        answer("I will.", use("refund")),
        answer("Done"),
        tools=[refund()],
        gates={"refund": Gate(approval=Approval())},
    )
    fields = {"requestId": "r1", "sessionId": desk.session, "message": "Hi", "stream": False}
    scene.frame("c1", "send_message", **fields)
    scene.work()
    assert desk.types() == ["immediate_response", *PROMPT]
    desk.confirm()
    scene.work()
    assert desk.types()[-1] == "eventual_response"
    assert desk.told(model) == ("refunded", False)
