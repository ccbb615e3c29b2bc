"""A conversation is come back to while a turn of it, which another session began, is under way."""

import json
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest

from shared.cli.chat.address import Address
from shared.cli.chat.client import Client
from shared.cli.chat.events import Finished, Notice, Stopped, Unattended
from shared.cli.chat.session import Session
from shared.protocol import events, prompts
from tests.cli.chat.chatting import chatting, texts
from tests.cli.chat.elsewhere import Elsewhere, taken_up
from tests.cli.chat.forms import IDENTITY
from tests.cli.chat.person import ScriptedPerson, asking, lines, notices
from tests.cli.chat.prompting import (
    DESCRIPTION,
    LATE,
)
from tests.cli.chat.scripted_server import AT, QUICK, Frame, Peer, ScriptedServer
from tests.support.deployments import local_set
from tests.support.gateway import PATIENCE
from tests.support.messages_api import ScriptedMessagesApi, Step, ToolCall


def test_what_waits_is_asked_and_answered_in_the_session_that_began_it() -> None:
    there = Elsewhere()
    with asking(there.server, "y", "n") as (session, person, _):
        said = taken_up(session)
        confirm = there.server.take("confirm_tool_action")
        following = list(session.say("Once more"))

    assert there.asked == [{"action": "resume_turn", "sessionId": "session of c", "received": 0}]
    assert isinstance(said[0], Notice)
    assert texts(said) == ["Let me"]
    assert lines(said)[0] == f"An approval is needed: {DESCRIPTION}"
    assert [question.label for question in person.asked][:1] == ["Approve issue_refund? [y/N] "]
    assert (confirm["sessionId"], confirm["approvalId"]) == ("theirs", "approval_1")
    assert notices(said)[1:] == ["Approved."]
    assert isinstance(said[-1], Finished)
    assert notices(following) == ["Denied."]


def test_a_reply_that_is_under_way_is_followed_to_its_end() -> None:
    def resume(peer: Peer, frame: Frame) -> None:
        there.resume(peer, frame)
        peer.token(there.turn.frame, " see.")
        there.turn.finish("Let me see.")

    there = Elsewhere({"status": "running"}, resume_turn=resume)
    with chatting(there.server) as (session, _):
        said = taken_up(session)

    assert texts(said) == ["Let me", " see."]
    assert isinstance(said[-1], Finished)


def test_a_turn_that_has_not_begun_is_followed_when_it_does() -> None:
    def resume(peer: Peer, frame: Frame) -> None:
        data = {"requestId": "q9", "sessionId": "theirs", "status": "queued", "text": ""}
        peer.answer(there.turn.frame, data)
        there.resume(peer, frame)
        there.turn.finish("Let me see.")

    there = Elsewhere({"status": "running"}, resume_turn=resume)
    with chatting(there.server) as (session, _):
        said = taken_up(session)

    assert texts(said) == ["Let me"]
    assert isinstance(said[-1], Finished)


def test_ctrl_c_stops_it_in_its_own_session() -> None:
    def cancel(peer: Peer, frame: Frame) -> None:
        stops.append(frame)
        peer.send(events.cancelled("q9", at=AT))

    stops: list[Frame] = []
    there = Elsewhere(cancel=cancel)
    with asking(there.server, lambda: client.interrupt()) as (session, _, client):
        said = taken_up(session)

    assert stops == [{"action": "cancel", "sessionId": "theirs", "requestId": "q9"}]
    assert said[-1] == Stopped()


def test_a_form_and_a_code_are_answered_in_its_session() -> None:
    def form(peer: Peer, frame: Frame) -> None:
        peer.answer(frame, {"interactionId": "i-1"})
        there.turn.decided_elsewhere()

    def code(peer: Peer, frame: Frame) -> None:
        peer.send(prompts.otp_verified(frame["requestId"], "Thank you.", at=AT))
        there.turn.decided_elsewhere()

    there = Elsewhere(submit_interaction=form, verify_otp=code)
    asks = prompts.interaction_required("q9", "i-1", "identity_intake", IDENTITY, "why", at=AT)
    there.how = {"status": "awaiting_input", "prompt": {**asks, "expiresAt": LATE}}
    with asking(there.server, "a@b.org", "") as (session, _, _):
        assert isinstance(taken_up(session)[-1], Finished)
        filled = there.server.take("submit_interaction")
    there = Elsewhere(verify_otp=code)
    asks = prompts.otp_verification_required("q9", "pay", "Pay it", at=AT)
    there.how = {"status": "awaiting_input", "prompt": asks}
    with asking(there.server, "123456") as (session, _, _):
        assert isinstance(taken_up(session)[-1], Finished)
        entered = there.server.take("verify_otp")

    assert (filled["sessionId"], filled["requestId"]) == ("theirs", "q9")
    assert (entered["sessionId"], entered["code"]) == ("theirs", "123456")


def test_nobody_to_ask_says_where_the_turn_can_be_gone_on_with() -> None:
    with chatting(Elsewhere().server) as (session, _):
        said = taken_up(session)

    assert said[-1] == Unattended(DESCRIPTION, "approval_1", conversation="c")


@pytest.mark.parametrize("code", ["TURN_NOT_FOUND", "UNSUPPORTED_ACTION"])
def test_a_conversation_that_is_at_no_turn(code: str) -> None:
    server = ScriptedServer(resume_turn=lambda peer, _: peer.refuse({"requestId": None}, code))
    with chatting(server) as (session, _):
        assert taken_up(session) == []
        assert isinstance(list(session.say("Hello"))[-1], Finished)


def test_the_real_thing_asks_again_in_another_session(tmp_path: Path) -> None:
    call = ToolCall(name="refund_order", input={"order_id": "1041"})
    steps = [Step(tool_calls=[call]), Step(tokens=["It is on its way."])]
    with (
        ScriptedMessagesApi(steps) as model,
        local_set(tmp_path, model.base_url) as running,
        closing(Client(Address.of(running.socket_url, None, None), QUICK)) as first,
        closing(Client(Address.of(running.socket_url, None, None), QUICK)) as second,
    ):
        session = Session(first, "shop")
        session.begin()
        left = list(session.say("Refund order 1041"))[-1]
        assert isinstance(left, Unattended)
        again = Session(second, "shop", ScriptedPerson(second, "y"))
        again.resume(left.conversation)
        said = list(again.take_up())
        # The turn leaves its mailbox only after its end was told.
        running.settle()
        nothing = list(again.take_up())

    assert "Approved." in notices(said)
    assert isinstance(said[-1], Finished)
    assert said[-1].text == "It is on its way."
    assert nothing == []


@pytest.mark.parametrize(
    ("approved", "told"), [(True, "approved elsewhere"), (False, "denied elsewhere")]
)
def test_the_real_thing_tells_how_somebody_else_decided(
    tmp_path: Path, approved: bool, told: str
) -> None:
    def elsewhere() -> None:
        place = f"{running.url}/approvals"
        with urllib.request.urlopen(place, timeout=PATIENCE) as answer:
            [entry] = json.load(answer)
        decide = urllib.request.Request(
            f"{place}/{entry['approval_id']}",
            json.dumps({"approved": approved}).encode(),
            {"Content-Type": "application/json"},
        )
        urllib.request.urlopen(decide, timeout=PATIENCE).close()

    call = ToolCall(name="refund_order", input={"order_id": "1041"})
    steps = [Step(tool_calls=[call]), Step(tokens=["So it is."])]
    with (
        ScriptedMessagesApi(steps) as model,
        local_set(tmp_path, model.base_url) as running,
        closing(Client(Address.of(running.socket_url, None, None), QUICK)) as client,
    ):
        session = Session(client, "shop", ScriptedPerson(client, elsewhere))
        session.begin()
        said = list(session.say("Refund order 1041"))

    assert [told in notice for notice in notices(said)] == [True]
    assert isinstance(said[-1], Finished)
