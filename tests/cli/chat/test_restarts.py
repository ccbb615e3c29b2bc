"""A reply of which a part is taken back, while it comes or while nobody was connected."""

import io

import pytest
from rich.console import Console

from shared.cli.chat.events import Finished, Restarted, Token, TurnEvent
from shared.cli.chat.replies import REWRITTEN, LiveReply, PlainReply, ReplyView
from shared.protocol import events
from tests.cli.chat.chatting import chatting, texts
from tests.cli.chat.scripted_server import AT, Frame, Handler, Peer, ScriptedServer


def pieces(said: list[TurnEvent]) -> list[TurnEvent]:
    return [event for event in said if isinstance(event, Token | Restarted)]


def back(resume: Handler) -> list[TurnEvent]:
    """What is said of a turn whose connection is lost behind "Half", and that is come back to."""

    def turn(peer: Peer, frame: Frame) -> None:
        seen.append(frame)
        if len(seen) == 1:
            peer.accept(frame)
            peer.token(frame, "Half")
            peer.hang_up()
            return
        peer.answer(frame, {"duplicate": True}, events.ACCEPTED)

    seen: list[Frame] = []
    with chatting(ScriptedServer(send_message=turn, resume_turn=resume)) as (session, _):
        return list(session.say("Hello"))


def test_a_reply_that_is_said_anew_from_somewhere() -> None:
    def turn(peer: Peer, frame: Frame) -> None:
        request = frame["requestId"]
        peer.accept(frame)
        peer.token(frame, "H\x1bal")
        peer.token(frame, "f of")
        peer.send(events.truncated(request, 3, at=AT))
        peer.send(events.truncated(request, 100, at=AT))
        peer.token(frame, "lo")
        peer.finish(frame, "Halo")

    with chatting(ScriptedServer(send_message=turn)) as (session, _):
        said = list(session.say("Hello"))

    assert pieces(said) == [Token("Hal"), Token("f of"), Restarted("Ha"), Token("lo")]


def test_what_was_taken_back_while_nobody_was_connected() -> None:
    def resume(peer: Peer, frame: Frame) -> None:
        assert frame["received"] == 4
        peer.send(events.truncated(frame["requestId"], 3, at=AT))
        peer.answer(frame, {"status": "running", "begin": 3, "text": "lo"})
        peer.token(frame, " again")
        peer.finish({**frame, "message": "Hello"}, "Hallo again")

    said = back(resume)

    assert pieces(said) == [Token("Half"), Restarted("Hal"), Token("lo"), Token(" again")]
    assert isinstance(said[-1], Finished)


@pytest.mark.parametrize("begin", [5, None])
def test_a_server_that_does_not_say_how_it_goes_on(begin: int | None) -> None:
    """It is an older one, or makes no sense."""

    def resume(peer: Peer, frame: Frame) -> None:
        if begin is None:
            peer.refuse(frame, "UNSUPPORTED_ACTION")
        else:
            peer.answer(frame, {"status": "running", "begin": begin, "text": "lo"})
        peer.token(frame, "never shown")
        peer.finish({**frame, "message": "Hello"}, "Hallo again")

    said = back(resume)

    assert texts(said) == ["Half"]
    assert isinstance(said[-1], Finished)
    assert said[-1].text == "Hallo again"


def shown(reply: ReplyView, kept: str, again: list[str]) -> None:
    """Show "It is green", and that it is said anew."""
    reply.begin()
    for piece in ("It is ", "green"):
        reply.token(piece)
    reply.restart(kept)
    for piece in again:
        reply.token(piece)
    reply.finish(kept + "".join(again))


@pytest.mark.parametrize(
    ("kept", "again", "anew"),
    [
        ("It is ", ["gr", "een", " and good."], False),
        ("", ["It is green", " and good."], False),
        ("It is ", ["gray", " and good."], True),
        ("It is ", ["gre"], True),
    ],
)
def test_what_is_said_anew_stands_once_unless_it_is_another_one(
    kept: str, again: list[str], anew: bool
) -> None:
    out, plain = io.StringIO(), io.StringIO()
    shown(LiveReply(Console(file=out, width=60, force_terminal=True)), kept, again)
    shown(PlainReply(plain), kept, again)

    whole = kept + "".join(again)
    assert (REWRITTEN in out.getvalue()) is anew
    assert out.getvalue().rstrip().endswith(whole)
    assert plain.getvalue() == f"{whole}\n"
