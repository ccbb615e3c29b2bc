"""A call of a tool waits until a person allows it."""

import pytest

from shared.cli.chat.events import (
    Finished,
    Stopped,
    ToolAnswered,
    ToolCalled,
    Unattended,
    Waiting,
)
from shared.protocol import events, prompts
from tests.cli.chat.chatting import chatting
from tests.cli.chat.person import asking, lines, notices
from tests.cli.chat.prompting import DESCRIPTION, LATER, Approvals, Pending, taken
from tests.cli.chat.scripted_server import AT, Frame, Peer, ScriptedServer


def test_a_client_that_can_ask_says_so_and_one_that_cannot_does_not() -> None:
    server = ScriptedServer()
    with asking(server):
        asks = server.take("create_conversation_session")
    server = ScriptedServer()
    with chatting(server):
        cannot = server.take("create_conversation_session")

    assert asks["supports"] == ["stream_truncate", "identity_form", "choice_chips"]
    assert cannot["supports"] == ["stream_truncate"]


def test_an_approval_is_asked_for_with_everything_and_given() -> None:
    approvals = Approvals()
    with asking(approvals.server, "y") as (session, person, _):
        said = list(session.say("Refund 42"))
        message = approvals.server.take("send_message")
        confirm = approvals.server.take("confirm_tool_action")

    assert confirm == {
        "action": "confirm_tool_action",
        "requestId": confirm["requestId"],
        "sessionId": message["sessionId"],
        "approvalId": "approval_1",
        "approved": True,
    }
    assert confirm["requestId"] != message["requestId"]
    assert not any(isinstance(each, ToolCalled) for each in said), "the question has it all"
    told = lines(said)
    assert told[:3] == [f"An approval is needed: {DESCRIPTION}", '  id: "42"', "  amount: 12.5"]
    assert "days left" in told[3]
    assert [question.label for question in person.asked] == ["Approve issue_refund? [y/N] "]
    assert notices(said) == ["Approved."]
    assert said[-2] == ToolAnswered("issue_refund", False, "ok")
    assert isinstance(said[-1], Finished)


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("", {"approved": False}),
        ("N", {"approved": False}),
        ("no", {"approved": False}),
        ("n, not this  one", {"approved": False, "note": "not this one"}),
        ("Yes.", {"approved": True}),
    ],
)
def test_what_is_typed_decides(typed: str, answer: Frame) -> None:
    approvals = Approvals()
    with asking(approvals.server, typed) as (session, _, _):
        said = list(session.say("Refund 42"))
        confirm = approvals.server.take("confirm_tool_action")

    assert {name: confirm[name] for name in confirm if name in ("approved", "note")} == answer
    assert notices(said) == ["Approved." if answer["approved"] else "Denied."]


@pytest.mark.parametrize("typed", ["yes but only half of it", "sure", "n " + "x" * 501, "да"])
def test_what_does_not_decide_is_asked_again(typed: str) -> None:
    approvals = Approvals()
    with asking(approvals.server, typed, "n") as (session, person, _):
        list(session.say("Refund 42"))
        assert approvals.server.take("confirm_tool_action")["approved"] is False

    assert len(person.asked) == 2


def test_arguments_look_like_nothing_else() -> None:
    def send(peer: Peer, frame: Frame) -> None:
        turn.begin(peer, frame)
        arguments = {"to": "a\u202eb\x1b[2J\x9b", "a\nb": "two\nlines", "who": "Zoë 𝄞", "n": [None]}
        turn.approval(arguments=arguments)

    turn = Pending()
    server = ScriptedServer(send_message=send)
    with asking(server, turn.decided_elsewhere) as (session, _, _):
        told = lines(list(session.say("Hello")))

    assert told[1:5] == [
        r'  to: "a\u202eb\u001b[2J\u009b"',
        r'  "a\nb": "two\nlines"',
        '  who: "Zoë 𝄞"',
        "  n: [null]",
    ]


def test_a_decision_of_somebody_else_takes_the_question_off_the_screen() -> None:
    approvals = Approvals()
    with asking(approvals.server, approvals.turn.decided_elsewhere) as (session, person, _):
        said = []
        for event in session.say("Refund 42"):
            assert person.shown is None, "something is shown while the question stands"
            said.append(event)

    assert len(person.asked) == 1
    assert "approved elsewhere" in notices(said)[0]
    assert isinstance(said[-1], Finished)
    assert approvals.decisions() == []


def test_the_end_of_a_turn_that_waits_needs_no_words() -> None:
    approvals = Approvals()

    def end() -> None:
        approvals.turn.send(events.cancelled(approvals.turn.id, at=AT))

    with asking(approvals.server, end) as (session, person, _):
        said = list(session.say("Refund 42"))

    assert (notices(said), said[-1], person.shown) == ([], Stopped(), None)


def test_the_same_prompt_twice_is_asked_once_and_the_later_time_counts() -> None:
    approvals = Approvals()

    def again() -> None:
        approvals.turn.approval()
        approvals.turn.approval(until=LATER)

    steps = (again, approvals.turn.decided_elsewhere)
    with asking(approvals.server, *steps) as (session, person, _):
        said = list(session.say("Refund 42"))

    assert sum("An approval is needed" in line for line in lines(said)) == 1
    first, second = person.asked
    assert first.label == second.label
    assert first.expires_at is not None
    assert second.expires_at == first.expires_at + 3_600_000


def test_a_prompt_that_was_answered_is_not_asked_again() -> None:
    def confirm(peer: Peer, frame: Frame) -> None:
        taken(peer, frame)
        approvals.turn.approval()
        approvals.turn.decided_elsewhere()

    approvals = Approvals(confirm_tool_action=confirm)
    with asking(approvals.server, "y") as (session, person, _):
        said = list(session.say("Refund 42"))

    assert len(person.asked) == 1
    assert notices(said) == ["Approved."]


def test_two_approvals_one_after_the_other() -> None:
    def confirm(peer: Peer, frame: Frame) -> None:
        taken(peer, frame)
        approvals.turn.go_on()
        if frame["approvalId"] == "approval_1":
            approvals.turn.approval("approval_2")
        else:
            approvals.turn.finish()

    approvals = Approvals(confirm_tool_action=confirm)
    with asking(approvals.server, "y", "n") as (session, _, _):
        list(session.say("Refund 42"))

    assert [(each["approvalId"], each["approved"]) for each in approvals.decisions()] == [
        ("approval_1", True),
        ("approval_2", False),
    ]


def test_another_prompt_takes_the_place_of_one_that_nobody_answered() -> None:
    approvals = Approvals()
    steps = (lambda: approvals.turn.approval("approval_2"), "y")
    with asking(approvals.server, *steps) as (session, person, _):
        said = list(session.say("Refund 42"))

    assert [each["approvalId"] for each in approvals.decisions()] == ["approval_2"]
    assert "decided elsewhere" in notices(said)[0]
    assert len(person.asked) == 2


def test_ctrl_c_leaves_the_question_open_and_stops_the_turn() -> None:
    def cancel(peer: Peer, frame: Frame) -> None:
        approvals.turn.approval("approval_2")
        peer.send(events.cancelled(frame["requestId"], at=AT))

    approvals = Approvals(cancel=cancel)
    with asking(approvals.server, lambda: client.interrupt()) as (session, person, client):
        said = list(session.say("Refund 42"))

    assert notices(said) == ["Stopping …"]
    assert said[-1] == Stopped()
    assert len(person.asked) == 1
    assert approvals.decisions() == []


def test_a_stop_that_the_server_does_not_know_asks_nothing_any_more() -> None:
    def cancel(peer: Peer, frame: Frame) -> None:
        peer.refuse(frame, "UNSUPPORTED_ACTION")
        approvals.turn.decided_elsewhere()

    approvals = Approvals(cancel=cancel)
    with asking(approvals.server, lambda: client.interrupt()) as (session, person, client):
        said = list(session.say("Refund 42"))

    assert [("Stopping" in each, "cannot stop" in each) for each in notices(said)] == [
        (True, False),
        (False, True),
    ]
    assert len(person.asked) == 1


def test_a_server_that_does_not_say_which_approval_it_is() -> None:
    def send(peer: Peer, frame: Frame) -> None:
        turn.begin(peer, frame)
        turn.send(prompts.write_confirmation_required(turn.id, "x", "Do\x07 it", at=AT))
        call = {"rawResponse": {"toolCall": {"name": "x", "arguments": {}}}}
        turn.send(events.stream_chunk(turn.id, "x", call, at=AT))
        turn.decided_elsewhere()

    turn = Pending()
    with asking(ScriptedServer(send_message=send)) as (session, person, _):
        said = list(session.say("Hello"))

    assert Waiting(r"Do\u0007 it") in said
    assert person.asked == []
    assert isinstance(said[-1], Finished)


def test_nobody_to_ask_ends_the_waiting_and_not_the_turn() -> None:
    approvals = Approvals()
    with chatting(approvals.server) as (session, _):
        said = list(session.say("Refund 42"))

    assert said[0] == ToolCalled("issue_refund", "{}")
    assert said[-1] == Unattended(DESCRIPTION, "approval_1", conversation="fresh")
    assert [frame["action"] for frame in approvals.server.arrived()][-1] == "send_message"
