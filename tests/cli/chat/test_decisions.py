"""What becomes of a decision that the server does not simply take."""

import pytest

from shared.cli.chat.connection import Patience
from shared.cli.chat.events import Failed, Finished
from tests.cli.chat.person import asking, lines, notices
from tests.cli.chat.prompting import Approvals, taken
from tests.cli.chat.scripted_server import Frame, Peer
from tests.support.gateway import PATIENCE


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("NO_PENDING_CONFIRMATION", "Nothing waits"),
        ("ALREADY_DECIDED", "the other way"),
        ("APPROVAL_EXPIRED", "has run out"),
        ("APPROVAL_WITHDRAWN", "no approval any more"),
    ],
)
def test_a_decision_that_comes_too_late_is_said_and_the_turn_goes_on(code: str, told: str) -> None:
    approvals = Approvals(lambda peer, frame: peer.refuse(frame, code))
    with asking(approvals.server, "y") as (session, person, _):
        said = list(session.say("Refund 42"))

    assert [told in notice for notice in notices(said)] == [True]
    assert len(person.asked) == 1
    assert isinstance(said[-1], Finished)


def test_a_decision_that_cannot_be_taken_now_is_asked_for_again() -> None:
    def says(peer: Peer, frame: Frame) -> None:
        decisions.append(frame)
        if len(decisions) == 1:
            peer.refuse(frame, "RATE_LIMITED", "Too many.", retryAfter=2)
        else:
            taken(peer, frame)
            approvals.turn.decided_elsewhere()

    decisions: list[Frame] = []
    approvals = Approvals(confirm_tool_action=says)
    with asking(approvals.server, "y", "n") as (session, _, _):
        said = list(session.say("Refund 42"))

    assert "RATE_LIMITED: Too many. Try again in 2 s." in lines(said)
    assert [frame["approved"] for frame in decisions] == [True, False]
    assert decisions[0]["requestId"] != decisions[1]["requestId"]


def test_a_decision_that_this_person_may_not_make_leaves_the_turn_waiting() -> None:
    approvals = Approvals(lambda peer, frame: peer.refuse(frame, "FORBIDDEN", "Not yours."))
    with asking(approvals.server, "y") as (session, person, _):
        said = list(session.say("Refund 42"))

    assert notices(said)[0] == "FORBIDDEN: Not yours."
    assert "Left open" in notices(said)[1]
    assert len(person.asked) == 1


def test_a_question_that_is_left_open_waits_for_somebody_else() -> None:
    approvals = Approvals()
    with asking(approvals.server, None) as (session, person, _):
        said = []
        for event in session.say("Refund 42"):
            said.append(event)
            if "Left open" in "".join(notices([event])):
                approvals.turn.approval()
                approvals.turn.decided_elsewhere()

    assert len(person.asked) == 1
    assert approvals.decisions() == []
    assert isinstance(said[-1], Finished)


def test_a_confirmation_may_be_slower_than_what_follows_from_it() -> None:
    def confirm(peer: Peer, frame: Frame) -> None:
        approvals.turn.go_on()
        taken(peer, frame)
        approvals.turn.finish()

    approvals = Approvals(confirm_tool_action=confirm)
    with asking(approvals.server, "y") as (session, _, _):
        said = list(session.say("Refund 42"))

    assert notices(said) == ["Approved."]


def test_a_decision_that_the_turn_has_followed_is_not_sent_again() -> None:
    def confirm(peer: Peer, frame: Frame) -> None:
        approvals.turn.go_on()
        peer.send({"message": "Internal server error", "connectionId": "c", "requestId": "r"})
        peer.refuse(frame, "RATE_LIMITED")
        approvals.turn.finish()

    approvals = Approvals(confirm_tool_action=confirm)
    with asking(approvals.server, "y") as (session, person, _):
        said = list(session.say("Refund 42"))

    assert len(approvals.decisions()) == 1
    assert len(person.asked) == 1
    assert notices(said) == ["RATE_LIMITED: No."]


def test_a_prompt_that_comes_again_behind_an_answer_still_waits() -> None:
    def confirm(peer: Peer, frame: Frame) -> None:
        decisions.append(frame)
        if len(decisions) == 1:
            peer.token(approvals.turn.frame, "Said once more by the next worker.")
            approvals.turn.approval()
            peer.refuse(frame, "RATE_LIMITED")
        else:
            taken(peer, frame)
            approvals.turn.decided_elsewhere()

    decisions: list[Frame] = []
    approvals = Approvals(confirm_tool_action=confirm)
    with asking(approvals.server, "y", "n") as (session, _, _):
        said = list(session.say("Refund 42"))

    assert [frame["approved"] for frame in decisions] == [True, False]
    assert notices(said) == ["Denied."]


def test_a_decision_that_nobody_confirms_is_sent_again_and_then_asked_for_again() -> None:
    decisions: list[Frame] = []

    def confirm(peer: Peer, frame: Frame) -> None:
        decisions.append(frame)
        if len(decisions) == 2:
            peer.send({"message": "Internal server error", "connectionId": "c", "requestId": "r"})
        if len(decisions) == 4:
            taken(peer, frame)
            approvals.turn.decided_elsewhere()

    approvals = Approvals(confirm_tool_action=confirm)
    hasty = Patience(opening=PATIENCE, answer=0.2)
    with asking(approvals.server, "y", "y") as (session, _, client):
        client.patience = hasty
        said = list(session.say("Refund 42"))

    assert decisions[0] == decisions[1] == decisions[2]
    assert decisions[2]["requestId"] != decisions[3]["requestId"]
    assert any("does not confirm" in line for line in lines(said))
    assert isinstance(said[-1], Finished)


def test_an_error_of_the_turn_is_its_end_though_a_decision_is_on_its_way() -> None:
    approvals = Approvals(
        confirm_tool_action=lambda peer, frame: peer.refuse(approvals.turn.frame, "TURN_TIMEOUT")
    )
    with asking(approvals.server, "y") as (session, _, _):
        said = list(session.say("Refund 42"))

    assert said[-1] == Failed("TURN_TIMEOUT", "No.")


@pytest.mark.parametrize(
    ("failed", "result", "told"),
    [
        (False, "ok", "It was approved elsewhere"),
        (True, "Not called. Nobody decided about this call in time.", "Its time has run out"),
        (True, "APPROVAL_EXPIRED", "Its time has run out"),
        (True, "ALREADY_DECIDED", "It was decided elsewhere: "),
        (
            True,
            "Not called. The person who was asked about this call declined it. The note with it: x",
            "It was denied elsewhere",
        ),
        (True, "The order does not exist.", "It was decided elsewhere, or its time has run out"),
    ],
)
def test_the_result_tells_what_became_of_a_question(failed: bool, result: str, told: str) -> None:
    approvals = Approvals()

    def elsewhere() -> None:
        approvals.turn.go_on(failed=failed, result=result)
        approvals.turn.finish()

    with asking(approvals.server, elsewhere) as (session, _, _):
        said = list(session.say("Refund 42"))

    assert [notice.startswith(told) for notice in notices(said)] == [True]


def test_the_result_of_another_call_tells_nothing() -> None:
    approvals = Approvals()

    def elsewhere() -> None:
        approvals.turn.go_on(name="look_up")
        approvals.turn.finish()

    with asking(approvals.server, elsewhere) as (session, _, _):
        said = list(session.say("Refund 42"))

    assert [notice.startswith("It was decided elsewhere, or") for notice in notices(said)] == [True]


def test_a_question_whose_time_is_over_has_run_out() -> None:
    def send(peer: Peer, frame: Frame) -> None:
        approvals.turn.begin(peer, frame)
        approvals.turn.approval(until="2020-01-01T10:00:00.000+00:00")

    approvals = Approvals(send_message=send)

    def elsewhere() -> None:
        approvals.turn.go_on(failed=True, result="Not made.")
        approvals.turn.finish()

    with asking(approvals.server, elsewhere) as (session, _, _):
        said = list(session.say("Refund 42"))

    assert notices(said) == ["Its time has run out: the turn goes on."]
