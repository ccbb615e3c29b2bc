"""Ctrl-C while a reply comes."""

import threading

from shared.cli.chat.events import Finished, Left, Notice, Stopped, Token
from shared.protocol import events
from tests.cli.chat.chatting import chatting, texts
from tests.cli.chat.scripted_server import AT, Frame, Peer, ScriptedServer
from tests.support.gateway import PATIENCE


def test_ctrl_c_stops_the_turn_and_waits_for_its_end() -> None:
    def turn(peer: Peer, frame: Frame) -> None:
        peer.accept(frame)
        peer.token(frame, "Very long")

    def cancel(peer: Peer, frame: Frame) -> None:
        peer.token(frame, " indeed")
        peer.send(events.cancelled(frame["requestId"], at=AT))

    server = ScriptedServer(send_message=turn, cancel=cancel)
    with chatting(server) as (session, client):
        said = []
        for event in session.say("Hello"):
            said.append(event)
            if isinstance(event, Token):
                client.interrupt()
        message, stop = server.take("send_message"), server.take("cancel")

    assert texts(said) == ["Very long"]
    assert isinstance(said[-1], Stopped)
    assert stop == {
        "action": "cancel",
        "sessionId": message["sessionId"],
        "requestId": message["requestId"],
    }


def test_a_stop_never_overtakes_the_message() -> None:
    def turn(peer: Peer, frame: Frame) -> None:
        client.interrupt()
        assert interrupted.acquire(timeout=PATIENCE)
        peer.accept(frame)

    def cancel(peer: Peer, frame: Frame) -> None:
        peer.send(events.cancelled(frame["requestId"], at=AT))

    interrupted = threading.Semaphore(0)
    server = ScriptedServer(send_message=turn, cancel=cancel)
    with chatting(server) as (session, client):
        said = []
        for event in session.say("Hello"):
            said.append(event)
            if isinstance(event, Notice):
                assert [each["action"] for each in server.arrived()][-1] == "send_message"
                interrupted.release()

    assert isinstance(said[-1], Stopped)


def test_a_second_ctrl_c_waits_no_longer_and_the_next_turn_is_its_own() -> None:
    def turn(peer: Peer, frame: Frame) -> None:
        late.append(frame)
        if len(late) == 1:
            peer.accept(frame)
            peer.token(frame, "Very long")
        else:
            peer.finish(late[0], "The reply of the first")
            peer.say(frame, "The second")

    late: list[Frame] = []
    with chatting(ScriptedServer(send_message=turn)) as (session, client):
        said = []
        for event in session.say("First"):
            said.append(event)
            if not isinstance(event, Left):
                client.interrupt()
        second = list(session.say("Second"))

    assert isinstance(said[-1], Left)
    assert texts(second) == ["The second"]


def test_a_server_that_cannot_stop_says_so_and_the_turn_goes_on() -> None:
    def turn(peer: Peer, frame: Frame) -> None:
        peer.accept(frame)
        peer.token(frame, "Very")
        pending.append(frame)

    def cancel(peer: Peer, frame: Frame) -> None:
        peer.refuse(frame, "UNSUPPORTED_ACTION")
        peer.finish(pending[0], "Very long")

    pending: list[Frame] = []
    with chatting(ScriptedServer(send_message=turn, cancel=cancel)) as (session, client):
        said = []
        for event in session.say("Hello"):
            said.append(event)
            if isinstance(event, Token):
                client.interrupt()

    assert any(isinstance(event, Notice) and "cannot stop" in event.text for event in said)
    assert isinstance(said[-1], Finished)
