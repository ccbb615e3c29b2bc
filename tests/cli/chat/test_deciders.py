"""An approval that somebody else must give."""

from pathlib import Path
from typing import Any

import pytest

from shared.cli.chat.events import Finished, Stopped, ToolAnswered, Unattended, Waiting
from shared.protocol import events
from tests.cli.chat.chatting import chatting
from tests.cli.chat.person import asking, lines, notices
from tests.cli.chat.prompting import DESCRIPTION, Pending
from tests.cli.chat.scripted_server import AT, Frame, Handler, Peer, ScriptedServer
from tests.cli.chat.test_pipes import chat


def waiting(turn: Pending, *, goes_on: bool = True, **more: Any) -> Handler:
    def send(peer: Peer, frame: Frame) -> None:
        turn.begin(peer, frame)
        turn.approval(**more)
        if goes_on:
            turn.decided_elsewhere()

    return send


@pytest.mark.parametrize(
    ("roles", "who"),
    [
        ([], "Somebody else"),
        (["admin"], "Somebody with the role admin"),
        (["admin", "desk", "till\u202e"], r"Somebody with the role admin, desk or till\u202e"),
        ("odd", "Somebody else"),
    ],
)
def test_who_may_not_decide_is_not_asked(roles: Any, who: str) -> None:
    turn = Pending()
    server = ScriptedServer(send_message=waiting(turn, roles=roles, mayDecide=False))
    with asking(server) as (session, person, _):
        said = list(session.say("Refund 42"))
        frames = [frame["action"] for frame in server.arrived()]

    assert Waiting(DESCRIPTION, who) in said
    assert person.asked == []
    assert lines(said) == []
    assert "confirm_tool_action" not in frames
    assert notices(said) == ["It was approved elsewhere: the turn goes on."]
    assert ToolAnswered("issue_refund", False, "ok") in said
    assert isinstance(said[-1], Finished)


@pytest.mark.parametrize("more", [{}, {"mayDecide": True}, {"mayDecide": None}])
def test_who_may_decide_or_nobody_knows_is_asked(more: Frame) -> None:
    turn = Pending()
    server = ScriptedServer(send_message=waiting(turn, goes_on=False, roles=["admin"], **more))
    server.handle("confirm_tool_action", lambda peer, frame: turn.decided_elsewhere())
    with asking(server, "y") as (session, person, _):
        list(session.say("Refund 42"))

    assert len(person.asked) == 1


def test_ctrl_c_stops_a_turn_that_waits_for_others() -> None:
    def cancel(peer: Peer, frame: Frame) -> None:
        peer.send(events.cancelled(frame["requestId"], at=AT))

    server = ScriptedServer(
        send_message=waiting(Pending(), goes_on=False, mayDecide=False), cancel=cancel
    )
    with asking(server) as (session, _, client):
        said = []
        for event in session.say("Refund 42"):
            said.append(event)
            if isinstance(event, Waiting):
                client.interrupt()

    assert said[-1] == Stopped()


def test_without_a_terminal_it_is_said_who_decides(tmp_path: Path) -> None:
    more: Frame = {"goes_on": False, "roles": ["admin"], "mayDecide": False}
    with ScriptedServer(send_message=waiting(Pending(), **more)) as server:
        code, out, err = chat(tmp_path, "--url", server.url, "--once", "Refund 42")
    server = ScriptedServer(send_message=waiting(Pending(), **more))
    with chatting(server) as (session, _):
        ending = list(session.say("Refund 42"))[-1]

    assert (code, out) == (3, "")
    assert "Somebody with the role admin decides: POST /approvals/approval_1\n" in err
    who = "Somebody with the role admin"
    assert ending == Unattended(DESCRIPTION, "approval_1", who, "fresh")
