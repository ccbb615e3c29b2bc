"""A turn over a connection that may break, and a server that may be slow to answer."""

from contextlib import closing

from shared.cli.chat.connection import Patience
from shared.cli.chat.events import (
    Failed,
    Finished,
    Notice,
    Thought,
    Token,
    ToolAnswered,
    ToolCalled,
    Waiting,
)
from shared.cli.chat.session import Session
from shared.protocol import events
from tests.cli.chat.chatting import chatting, texts
from tests.cli.chat.person import asking
from tests.cli.chat.scripted_server import AT, QUICK, Frame, Peer, ScriptedServer
from tests.support.gateway import PATIENCE


def test_what_a_turn_says_in_its_order() -> None:
    def turn(peer: Peer, frame: Frame) -> None:
        request = frame["requestId"]
        call = {"id": "1", "name": "look", "arguments": '{"id": "42"}'}
        result = {"id": "1", "name": "look", "isError": True, "result": "no\n such"}
        prompt = {"toolId": "look", "actionDescription": "Look at 42"}
        peer.accept(frame)
        peer.send({"type": "stream_reasoning", "requestId": request, "data": {"token": "Hm"}})
        peer.send(events.stream_chunk(request, "look", {"rawResponse": {"toolCall": call}}, at=AT))
        peer.send(
            events.stream_chunk(request, "look", {"rawResponse": {"toolResult": result}}, at=AT)
        )
        peer.send(
            {"type": "write_confirmation_required", "requestId": request, "data": {"data": prompt}}
        )
        peer.send(events.keepalive(request, at=AT))
        peer.send(events.keepalive("somebody else's", at=AT))
        peer.send({"type": "of a later version", "requestId": request})
        peer.token(frame, "It is ")
        usage = events.usage(10, 5, 400_000)
        peer.finish(frame, "It is gone.", usage=usage, suggestions=["Thanks", " "])

    with asking(ScriptedServer(send_message=turn)) as (session, _, _):
        said = list(session.say("Where is 42?"))

    assert said == [
        Thought("Hm"),
        ToolCalled("look", '{"id": "42"}'),
        ToolAnswered("look", True, "no such"),
        Waiting("Look at 42"),
        Token("It is "),
        Finished(
            text="It is gone.",
            message_id="reply to Where is 42?",
            suggestions=["Thanks"],
            prompt_tokens=10,
            completion_tokens=5,
            cost_usd=0.0004,
        ),
    ]


def test_a_lost_connection_sends_the_same_message_again_in_the_same_session() -> None:
    def turn(peer: Peer, frame: Frame) -> None:
        if not seen:
            seen.append(frame)
            peer.accept(frame)
            peer.token(frame, "Half of it")
            peer.hang_up()
            return
        seen.append(frame)
        peer.answer(frame, {"duplicate": True}, events.ACCEPTED)
        peer.token(frame, "a hole before")
        peer.finish(frame, "Half of it and the rest")

    seen: list[Frame] = []
    with chatting(ScriptedServer(send_message=turn)) as (session, _):
        said = list(session.say("Hello"))

    assert seen[0] == seen[1]
    assert texts(said) == ["Half of it"]
    assert isinstance(said[-1], Finished)
    assert said[-1].text == "Half of it and the rest"


def test_a_lost_connection_goes_on_where_it_broke_off() -> None:
    def turn(peer: Peer, frame: Frame) -> None:
        seen.append(frame)
        if len(seen) == 1:
            peer.accept(frame)
            peer.token(frame, "Half ö")
            peer.hang_up()
            return
        peer.answer(frame, {"duplicate": True}, events.ACCEPTED)
        peer.token(frame, "not yet")

    def resume(peer: Peer, frame: Frame) -> None:
        back.append(frame)
        data = {"requestId": frame["requestId"], "status": "running", "begin": 6, "text": "f it"}
        peer.answer(frame, data)
        peer.token(frame, " and the rest")
        peer.finish({**frame, "message": "Hello"}, "Half öf it and the rest")

    seen: list[Frame] = []
    back: list[Frame] = []
    with chatting(ScriptedServer(send_message=turn, resume_turn=resume)) as (session, _):
        said = list(session.say("Hello"))

    assert texts(said) == ["Half ö", "f it", " and the rest"]
    assert [frame["received"] for frame in back] == [6]
    assert back[0]["requestId"] == seen[0]["requestId"]
    assert isinstance(said[-1], Finished)


def test_a_server_that_stays_away_fails_the_turn_after_some_tries() -> None:
    def turn(peer: Peer, frame: Frame) -> None:
        peer.accept(frame)
        peer.hang_up()

    server = ScriptedServer(send_message=turn)
    with closing(server.client()) as client:
        with server:
            session = Session(client, "assistant")
            session.begin()
            said = session.say("Hello")
            first = next(said)
        rest = list(said)

    assert isinstance(first, Notice)
    assert isinstance(rest[-1], Failed)
    assert rest[-1].code == "NOT_CONNECTED"
    assert "make dev" in rest[-1].message


def test_a_message_that_nobody_acknowledges_is_sent_again_and_then_given_up() -> None:
    def turn(peer: Peer, frame: Frame) -> None:
        sent.append(frame["requestId"])

    sent: list[str] = []
    hasty = Patience(opening=PATIENCE, answer=0.05)
    with chatting(ScriptedServer(send_message=turn), QUICK) as (session, client):
        client.patience = hasty
        said = list(session.say("Hello"))

    assert isinstance(said[-1], Failed)
    assert said[-1].code == "NO_ANSWER"
    assert len(sent) == 3
    assert len(set(sent)) == 1


def test_a_failure_of_the_gateway_itself_sends_again() -> None:
    def turn(peer: Peer, frame: Frame) -> None:
        if not sent:
            peer.send({"message": "Internal server error", "connectionId": "c", "requestId": "r"})
        else:
            peer.say(frame, "Now")
        sent.append(frame["requestId"])

    sent: list[str] = []
    with chatting(ScriptedServer(send_message=turn)) as (session, _):
        said = list(session.say("Hello"))

    assert texts(said) == ["Now"]
    assert sent[0] == sent[1]


def test_an_error_ends_the_turn_with_its_code_and_text() -> None:
    def turn(peer: Peer, frame: Frame) -> None:
        peer.refuse(frame, "RATE_LIMITED", "Too\x1b[31m many.", retryAfter=7)

    with chatting(ScriptedServer(send_message=turn)) as (session, _):
        said = list(session.say("Hello"))

    assert said == [Failed("RATE_LIMITED", "Too[31m many. Try again in 7 s.")]


def test_model_and_skill_travel_with_the_message() -> None:
    server = ScriptedServer()
    with chatting(server) as (session, _):
        list(session.say("Hello", model="m", skill="s"))
        frame = server.take("send_message")

    assert (frame["model"], frame["skill"]) == ("m", "s")


def test_a_long_message_goes_out_in_frames_that_api_gateway_takes() -> None:
    server = ScriptedServer()
    message = "𝄞" * 10_000
    with chatting(server) as (session, _):
        list(session.say(message))
        assert server.take("send_message")["message"] == message


def test_a_silent_connection_is_kept_awake() -> None:
    server = ScriptedServer()
    with chatting(server, Patience(opening=PATIENCE, answer=PATIENCE, ping=0.02)) as (session, _):
        assert server.take("ping") == {"action": "ping"}
        assert isinstance(list(session.say("Hello"))[-1], Finished)
