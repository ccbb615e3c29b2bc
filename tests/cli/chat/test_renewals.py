"""A token that runs out while somebody talks."""

import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from shared.cli.chat.address import Address
from shared.cli.chat.client import Client
from shared.cli.chat.events import Ending, Failed, Finished, Notice, TurnEvent
from shared.cli.chat.faults import Expired
from shared.cli.chat.session import Session
from tests.cli.chat.chatting import texts
from tests.cli.chat.scripted_server import QUICK, Frame, Peer, ScriptedServer, create, echo
from tests.doors.door import Door, door
from tests.doors.issuers import Issuer, with_secret
from tests.scenarios.clocks import Later
from tests.support.messages_api import ScriptedMessagesApi, Step

PRINTS = "import sys; sys.stdout.write(open(sys.argv[1]).read())"


class Guard:
    """Refuses frames until the client has authenticated, each time after `expire`."""

    def __init__(self, *, accepts: bool = True) -> None:
        self.expired = False
        self._accepts = accepts

    def __call__(self, handler: Any) -> Any:
        def guarded(peer: Peer, frame: Frame) -> None:
            if self.expired:
                peer.refuse(frame, "AUTH_EXPIRED", "Send an authenticate frame.")
            else:
                handler(peer, frame)

        return guarded

    def authenticate(self, peer: Peer, frame: Frame) -> None:
        if not self._accepts:
            peer.refuse(frame, "UNAUTHORIZED", "A valid credential is required.")
            return
        self.expired = False
        peer.answer(frame, {"expiresAt": None})


class Talk:
    """A client with a command for tokens, whose file a test may change, at a guarded server."""

    def __init__(self, folder: Path, server: ScriptedServer) -> None:
        self.file = folder / "token"
        self.file.write_text("a.b.first\n")
        # The path is not that of `parley dev`, so there is no HTTP API to get tickets from.
        url = server.url.replace("/ws", "/prod")
        self.client = Client(Address.of(url, None, None, command(self.file)), QUICK)


def command(file: Path) -> str:
    return f"{sys.executable} -c '{PRINTS}' {file}"


def said(session: Session, message: str) -> list[TurnEvent]:
    return list(session.say(message))


def notices(events: list[TurnEvent]) -> list[str]:
    return [event.text for event in events if isinstance(event, Notice)]


def test_an_action_renews_the_connection_and_goes_on(tmp_path: Path) -> None:
    guard = Guard()
    server = ScriptedServer(
        authenticate=guard.authenticate,
        create_conversation_session=guard(create),
        rename_conversation=guard(lambda peer, frame: peer.answer(frame, {"title": "T"})),
    )
    talk = Talk(tmp_path, server)
    with server, closing(talk.client) as client:
        session = Session(client, "assistant")
        session.begin()
        guard.expired = True
        talk.file.write_text("a.b.second")
        assert session.rename("T") == "T"
        assert server.take("authenticate")["token"] == "a.b.second"


def test_a_message_is_sent_again_after_the_renewal(tmp_path: Path) -> None:
    guard = Guard()
    server = ScriptedServer(authenticate=guard.authenticate, send_message=guard(echo))
    talk = Talk(tmp_path, server)
    with server, closing(talk.client) as client:
        session = Session(client, "assistant")
        session.begin()
        guard.expired = True
        events = said(session, "One")
        first, second = server.take("send_message"), server.take("send_message")
    assert first == second
    assert "expired; renewed" in notices(events)[0]
    assert texts(events) == ["You said: One"]
    assert isinstance(events[-1], Finished)


def test_a_stream_that_was_cut_ends_with_the_whole_reply(tmp_path: Path) -> None:
    guard = Guard()
    asked: list[str] = []

    def send(peer: Peer, frame: Frame) -> None:
        asked.append(frame["requestId"])
        if len(asked) == 1:
            peer.accept(frame)
            peer.token(frame, "Hel")
            guard.expired = True
            peer.refuse({"requestId": None}, "AUTH_EXPIRED")
        else:
            peer.answer(frame, {"duplicate": True}, 202)
            peer.token(frame, "there")
            peer.finish(frame, "Hello there")

    server = ScriptedServer(authenticate=guard.authenticate, send_message=guard(send))
    talk = Talk(tmp_path, server)
    with server, closing(talk.client) as client:
        session = Session(client, "assistant")
        session.begin()
        events = said(session, "One")
    assert asked[0] == asked[1]
    assert texts(events) == ["Hel"]
    assert "had expired; renewed" in notices(events)[0]
    [end] = [event for event in events if isinstance(event, Ending)]
    assert isinstance(end, Finished)
    assert end.text == "Hello there"


def test_a_fresh_token_that_is_not_taken(tmp_path: Path) -> None:
    guard = Guard(accepts=False)
    server = ScriptedServer(authenticate=guard.authenticate, send_message=guard(echo))
    talk = Talk(tmp_path, server)
    with server, closing(talk.client) as client:
        session = Session(client, "assistant")
        session.begin()
        guard.expired = True
        end = said(session, "One")[-1]
        assert isinstance(end, Failed)
        assert end.code == "AUTH_EXPIRED"
        assert "Start again with another" in end.message
        assert "--token-command" not in end.message


def test_a_server_that_never_goes_on(tmp_path: Path) -> None:
    """It takes every token, and says of each frame that the token has expired."""

    def never(peer: Peer, frame: Frame) -> None:
        peer.refuse(frame, "AUTH_EXPIRED")

    server = ScriptedServer(authenticate=Guard().authenticate, send_message=never)
    talk = Talk(tmp_path, server)
    with server, closing(talk.client) as client:
        session = Session(client, "assistant")
        session.begin()
        end = said(session, "One")[-1]
    assert isinstance(end, Failed)
    assert (end.code, "fresh token" in end.message) == ("AUTH_EXPIRED", True)


def test_without_a_token_it_says_what_to_do() -> None:
    server = ScriptedServer(
        list_conversations=lambda peer, frame: peer.refuse(frame, "AUTH_EXPIRED")
    )
    with server, closing(server.client()) as client:
        session = Session(client, "assistant")
        session.begin()
        with pytest.raises(Expired, match="Start again with another"):
            session.conversations("")


def test_a_connection_that_is_lost_while_it_is_renewed(tmp_path: Path) -> None:
    """Coming back brings a fresh token anyway."""
    guard = Guard()
    lost: list[Frame] = []

    def authenticate(peer: Peer, frame: Frame) -> None:
        lost.append(frame)
        guard.expired = False
        peer.hang_up()

    server = ScriptedServer(authenticate=authenticate, send_message=guard(echo))
    talk = Talk(tmp_path, server)
    with server, closing(talk.client) as client:
        session = Session(client, "assistant")
        session.begin()
        guard.expired = True
        events = said(session, "One")
    assert len(lost) == 1
    assert isinstance(events[-1], Finished)


# -- a real deployment -----------------------------------------------------------------------------


def renewed(here: Door, issuer: Issuer, folder: Path) -> list[TurnEvent]:
    """Two messages with a command, between which the token expires; the events of the second."""
    file = folder / "token"
    file.write_text(issuer.token(exp=issuer.now + 100))
    address = Address.of(here.running.socket_url, None, None, command(file))
    with closing(Client(address, QUICK)) as client:
        session = Session(client, "assistant")
        session.begin()
        assert isinstance(said(session, "One")[-1], Finished)
        here.clock.put_forward(200)
        file.write_text(issuer.token(exp=issuer.now + 100))
        return said(session, "Two")


def test_a_deployment_whose_tokens_expire(tmp_path: Path) -> None:
    clock = Later()
    issuer = with_secret(clock)
    steps = [Step(tokens=["Eins"]), Step(tokens=["Zwei"])]
    with (
        ScriptedMessagesApi(steps) as api,
        door(tmp_path / "workspace", issuer, clock, api.base_url) as here,
    ):
        events = renewed(here, issuer, tmp_path)
        assert texts(events) == ["Zwei"]
        assert "expired; renewed" in notices(events)[0]
        # One token, and no way to get another: it says so.
        stale = Address.of(here.running.socket_url, None, issuer.token(exp=issuer.now + 100))
        with closing(Client(stale, QUICK)) as client:
            session = Session(client, "assistant")
            session.begin()
            here.clock.put_forward(200)
            with pytest.raises(Expired, match=r"does not accept this token.*--token-command"):
                session.conversations("")
