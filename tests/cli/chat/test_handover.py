"""An agent says that a person should take over: the terminal says so in a line."""

import pytest

from shared.cli.chat.events import Finished, Notice
from tests.cli.chat.chatting import chatting
from tests.cli.chat.scripted_server import Frame, Peer, ScriptedServer

PASSED_ON = "The agent has passed on that a person should take over"


@pytest.mark.parametrize(
    ("reason", "line"),
    [
        ("The parcel\n is \x07lost.", f"{PASSED_ON}: The parcel is lost."),
        ("", f"{PASSED_ON}."),
    ],
)
def test_a_person_should_take_over(reason: str, line: str) -> None:
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
