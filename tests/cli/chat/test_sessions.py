"""Conversations: coming back to them, and what came while nobody was connected."""

import itertools
import time
from contextlib import closing
from typing import Any

import pytest

from shared.cli.chat.client import Client
from shared.cli.chat.events import Failed, Finished, Message, Missed, Notice
from shared.cli.chat.faults import ChatFault, NoAnswer
from shared.cli.chat.session import Session
from tests.cli.chat.scripted_server import Frame, Peer, ScriptedServer, create, echo
from tests.support.gateway import PATIENCE


def item(name: str, text: str, *, mine: bool = False) -> dict[str, Any]:
    return {
        "id": name,
        "direction": "inbound" if mine else "outbound",
        "content": {"text": text},
        "createdAt": "2026-01-02T03:04:05.000+00:00",
    }


def page(*items: dict[str, Any]) -> dict[str, Any]:
    return {"messages": list(items), "nextCursor": None, "hasMore": False}


class Hangup:
    """Hangs up after the first turn."""

    def __init__(self) -> None:
        self._done = False

    def __call__(self, peer: Peer, frame: Frame) -> None:
        echo(peer, frame)
        if not self._done:
            self._done = True
            peer.hang_up()


def until_lost(client: Client) -> None:
    """Wait until the client knows that its connection is gone."""
    give_up = time.monotonic() + PATIENCE
    while client.is_connected:
        assert time.monotonic() < give_up, "it never noticed"
        time.sleep(0.005)


def test_after_a_lost_connection_what_came_meanwhile_is_shown_and_the_message_sent() -> None:
    def messages(peer: Peer, frame: Frame) -> None:
        peer.answer(frame, page(item("3", "Meanwhile"), item("reply to One", "known")))

    server = ScriptedServer(send_message=Hangup(), get_conversation_messages=messages)
    with server, closing(server.client()) as client:
        session = Session(client, "assistant")
        session.begin()
        list(session.say("One"))
        until_lost(client)
        said = list(session.say("Two"))
        frames = server.arrived()

    expected = Message("3", mine=False, text="Meanwhile", at="2026-01-02T03:04:05.000+00:00")
    assert Missed([expected]) in said
    assert isinstance(said[-1], Finished)
    created = [each for each in frames if each["action"] == "create_conversation_session"]
    assert [each.get("conversationId") for each in created] == [None, "fresh"]
    assert [each["message"] for each in frames if each["action"] == "send_message"] == [
        "One",
        "Two",
    ]


def test_a_conversation_that_is_gone_meanwhile_is_said() -> None:
    def other(peer: Peer, frame: Frame) -> None:
        create(peer, {**frame, "conversationId": f"fresh {next(numbers)}"})

    numbers = itertools.count()
    server = ScriptedServer(send_message=Hangup(), create_conversation_session=other)
    with server, closing(server.client()) as client:
        session = Session(client, "assistant")
        session.begin()
        list(session.say("One"))
        until_lost(client)
        said = list(session.say("Two"))

    assert any(isinstance(each, Notice) and "fresh one" in each.text for each in said)
    assert isinstance(said[-1], Finished)


def test_a_session_that_ends_behind_an_accepted_message_does_not_send_it_again() -> None:
    def send(peer: Peer, frame: Frame) -> None:
        ids.append(frame["requestId"])
        peer.accept(frame)
        peer.refuse(frame, "SESSION_NOT_FOUND")

    ids: list[str] = []
    server = ScriptedServer(
        send_message=send,
        get_conversation_messages=lambda peer, frame: peer.answer(frame, page()),
    )
    with server, closing(server.client()) as client:
        session = Session(client, "assistant")
        session.begin()
        said = list(session.say("One"))

    assert isinstance(said[-1], Failed)
    assert (said[-1].code, len(ids)) == ("NOT_SURE", 1)


def test_a_session_that_has_ended_is_followed_by_a_new_one_of_the_same_conversation() -> None:
    def send(peer: Peer, frame: Frame) -> None:
        ids.append(frame["requestId"])
        if len(ids) == 1:
            peer.refuse(frame, "SESSION_NOT_FOUND")
        else:
            echo(peer, frame)

    def messages(peer: Peer, frame: Frame) -> None:
        peer.answer(frame, page())

    ids: list[str] = []
    server = ScriptedServer(send_message=send, get_conversation_messages=messages)
    with server, closing(server.client()) as client:
        session = Session(client, "assistant")
        session.begin()
        said = list(session.say("One"))

    assert isinstance(said[-1], Finished)
    assert ids[0] != ids[1]


def test_a_message_that_may_have_arrived_is_not_sent_into_another_session() -> None:
    def send(peer: Peer, frame: Frame) -> None:
        ids.append(frame["requestId"])
        if len(ids) == 1:
            peer.hang_up()
        else:
            peer.refuse(frame, "SESSION_NOT_FOUND")

    def messages(peer: Peer, frame: Frame) -> None:
        peer.answer(frame, page(item("1", "One", mine=True)))

    ids: list[str] = []
    server = ScriptedServer(send_message=send, get_conversation_messages=messages)
    with server, closing(server.client()) as client:
        session = Session(client, "assistant")
        session.begin()
        said = list(session.say("One"))

    assert any(isinstance(each, Missed) for each in said)
    assert isinstance(said[-1], Failed)
    assert len(set(ids)) == 1


def test_resuming_what_is_not_there_keeps_the_present_conversation() -> None:
    def fresh(peer: Peer, frame: Frame) -> None:
        create(peer, {**frame, "conversationId": "fresh"})

    with (
        ScriptedServer(create_conversation_session=fresh) as server,
        closing(server.client()) as client,
    ):
        session = Session(client, "assistant")
        session.begin()
        with pytest.raises(ChatFault, match="no such conversation"):
            session.resume("somebody-else-s")
        assert session.conversation == "fresh"
        assert isinstance(list(session.say("Hello"))[-1], Finished)


def test_an_answer_that_makes_no_sense_is_a_sentence() -> None:
    def odd(peer: Peer, frame: Frame) -> None:
        peer.answer(frame, {"sessionId": 1})

    with (
        ScriptedServer(create_conversation_session=odd) as server,
        closing(server.client()) as client,
        pytest.raises(NoAnswer, match="Parley server"),
    ):
        Session(client, "assistant").begin()


def test_a_server_that_does_not_know_the_action() -> None:
    def unknown(peer: Peer, frame: Frame) -> None:
        peer.refuse(frame, "UNSUPPORTED_ACTION", "The frame's action must be another one.")

    with (
        ScriptedServer(list_conversations=unknown) as server,
        closing(server.client()) as client,
    ):
        session = Session(client, "assistant")
        session.begin()
        with pytest.raises(ChatFault, match="cannot do that"):
            session.conversations("")
