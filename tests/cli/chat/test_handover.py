"""An agent asks for a person: the terminal says so in a line."""

import pytest

from shared.cli.chat.events import Finished, Notice
from tests.cli.chat.chatting import chatting
from tests.cli.chat.scripted_server import Frame, Peer, ScriptedServer


@pytest.mark.parametrize(
    ("reason", "line"),
    [
        ("The parcel\n is \x07lost.", "A person was asked to take over: The parcel is lost."),
        ("", "A person was asked to take over."),
    ],
)
def test_a_person_was_asked_for(reason: str, line: str) -> None:
    def turn(peer: Peer, frame: Frame) -> None:
        peer.say(frame, "One moment.", escalation=reason)

    with chatting(ScriptedServer(send_message=turn)) as (session, _):
        said = list(session.say("A person please"))
    assert [each for each in said if isinstance(each, Notice)] == [Notice(line)]
    assert isinstance(said[-1], Finished)


def test_other_turns_say_nothing_of_it() -> None:
    with chatting(ScriptedServer(send_message=lambda peer, frame: peer.say(frame, "Hi"))) as (
        session,
        _,
    ):
        said = list(session.say("Hello"))
    assert not any(isinstance(each, Notice) for each in said)
