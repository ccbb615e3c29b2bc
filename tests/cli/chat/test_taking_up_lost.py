"""A turn is taken up, and the server, the connection or the credential gives trouble."""

from contextlib import closing
from pathlib import Path

import pytest

from shared.cli.chat.connection import Patience
from shared.cli.chat.events import Failed, Finished, Stopped, Token
from shared.cli.chat.faults import ChatFault, NoAnswer, Refused
from shared.cli.chat.session import Session
from shared.protocol import events
from tests.cli.chat.chatting import chatting, texts
from tests.cli.chat.elsewhere import Elsewhere, taken_up
from tests.cli.chat.person import ScriptedPerson, asking, notices
from tests.cli.chat.prompting import taken
from tests.cli.chat.scripted_server import AT, Frame, Peer, ScriptedServer
from tests.cli.chat.test_renewals import Guard, Talk
from tests.support.gateway import PATIENCE

HASTY = Patience(opening=PATIENCE, answer=0.3, pause=0.01, longest_pause=0.02)


def test_a_server_that_cannot_say_now() -> None:
    busy = ScriptedServer(
        resume_turn=lambda peer, _: peer.refuse({"requestId": None}, "RATE_LIMITED", "Too many.")
    )
    with chatting(busy) as (session, _), pytest.raises(Refused, match="Too many"):
        taken_up(session)

    broken = {"message": "Internal server error", "connectionId": "c", "requestId": "r"}
    gateway = ScriptedServer(resume_turn=lambda peer, _: peer.send(broken))
    with chatting(gateway) as (session, _), pytest.raises(NoAnswer, match="/resume"):
        taken_up(session)

    def nudge(peer: Peer, frame: Frame) -> None:
        client.nudge()

    silent = ScriptedServer(resume_turn=nudge)
    with chatting(silent) as (session, client):
        client.patience = HASTY
        with pytest.raises(NoAnswer, match="/resume"):
            taken_up(session)

    away = ScriptedServer(resume_turn=lambda peer, _: peer.hang_up())
    with chatting(away) as (session, _), pytest.raises(ChatFault, match="connection is lost"):
        taken_up(session)


def test_a_credential_that_has_run_out_is_renewed_first(tmp_path: Path) -> None:
    def resume(peer: Peer, frame: Frame) -> None:
        if guard.expired:
            peer.refuse({"requestId": None}, "AUTH_EXPIRED")
        else:
            there.resume(peer, frame)
            there.turn.finish("Let me see.")

    guard = Guard()
    there = Elsewhere({"status": "running"}, resume_turn=resume)
    there.server.handle("authenticate", guard.authenticate)
    talk = Talk(tmp_path, there.server)
    with there.server, closing(talk.client) as client:
        session = Session(client, "assistant", ScriptedPerson(client))
        session.resume("c")
        guard.expired = True
        said = list(session.take_up())

    assert texts(said) == ["Let me"]
    assert isinstance(said[-1], Finished)


def test_after_a_lost_connection_it_is_asked_for_by_its_name() -> None:
    def resume(peer: Peer, frame: Frame) -> None:
        there.resume(peer, frame)
        if len(there.asked) == 1:
            peer.token(there.turn.frame, " see")
            peer.hang_up()

    def confirm(peer: Peer, frame: Frame) -> None:
        taken(peer, frame)
        there.turn.decided_elsewhere()

    there = Elsewhere(resume_turn=resume, confirm_tool_action=confirm)
    running = {"status": "running"}
    there.how, waits = running, there.how

    with asking(there.server, "y") as (session, _, _):
        session.resume("c")
        said = []
        for event in session.take_up():
            said.append(event)
            if event == Token(" see"):
                there.how = {**waits, "begin": 10, "text": "."}
        frames = there.server.arrived()

    assert there.asked[1:] == [
        {"action": "resume_turn", "sessionId": "theirs", "requestId": "q9", "received": 10}
    ]
    assert texts(said) == ["Let me", " see", "."]
    assert "send_message" not in [frame["action"] for frame in frames]
    assert notices(said)[-1] == "Approved."
    assert isinstance(said[-1], Finished)


def test_a_stop_is_sent_once_more_when_the_connection_was_lost_with_it() -> None:
    def cancel(peer: Peer, frame: Frame) -> None:
        stops.append(frame)
        if len(stops) == 1:
            peer.hang_up()
        else:
            peer.send(events.cancelled("q9", at=AT))

    stops: list[Frame] = []
    there = Elsewhere(cancel=cancel)
    with asking(there.server, lambda: client.interrupt()) as (session, _, client):
        said = taken_up(session)

    assert stops[0] == stops[1]
    assert said[-1] == Stopped()


def test_a_server_that_does_not_say_how_it_goes_on_is_not_waited_for() -> None:
    def resume(peer: Peer, frame: Frame) -> None:
        if there.asked:
            there.asked.append(frame)
        else:
            there.resume(peer, frame)
            peer.hang_up()

    there = Elsewhere({"status": "running"}, resume_turn=resume)
    with chatting(there.server) as (session, client):
        client.patience = HASTY
        said = taken_up(session)

    assert isinstance(said[-1], Failed)
    assert said[-1].code == "NO_ANSWER"
    assert len(there.asked) == 4
