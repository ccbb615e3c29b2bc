"""A message that waits behind a turn which waits for a person."""

from pathlib import Path

import pytest

from shared.cli.chat.events import Finished, Notice
from shared.protocol import events, replies
from tests.cli.chat.person import asking
from tests.cli.chat.scripted_server import Frame, Peer, ScriptedServer
from tests.cli.chat.test_pipes import chat


@pytest.mark.parametrize(
    ("waiting_for", "queued", "told"),
    [
        ("approval", 1, "Waits behind a turn that waits for an approval."),
        ("input", 1, "Waits behind a turn that waits for an answer of its user."),
        ("approval", 3, "Waits behind 3 turns, the first of which waits for an approval."),
    ],
)
def test_it_is_said_what_a_message_waits_for(waiting_for: str, queued: int, told: str) -> None:
    def send(peer: Peer, frame: Frame) -> None:
        peer.answer(frame, replies.queued_behind(waiting_for, queued), events.ACCEPTED)
        peer.finish(frame, "Now")

    with asking(ScriptedServer(send_message=send)) as (session, _, _):
        said = list(session.say("Hello"))

    assert said[0] == Notice(told)
    assert isinstance(said[-1], Finished)


@pytest.mark.parametrize(
    "data",
    [
        {"duplicate": True, "waitingFor": "approval"},
        {"queued": 1},
        {"queued": 0, "waitingFor": "approval"},
        {"queued": 1, "waitingFor": "rain"},
    ],
)
def test_a_message_that_waits_for_nobody_needs_no_words(data: Frame) -> None:
    def send(peer: Peer, frame: Frame) -> None:
        peer.answer(frame, data, events.ACCEPTED)
        peer.finish(frame, "Now")

    with asking(ScriptedServer(send_message=send)) as (session, _, _):
        said = list(session.say("Hello"))

    assert len(said) == 1


def test_without_a_terminal_nobody_waits_for_a_person(tmp_path: Path) -> None:
    def send(peer: Peer, frame: Frame) -> None:
        peer.answer(frame, replies.queued_behind("approval", 1), events.ACCEPTED)

    with ScriptedServer(send_message=send) as server:
        place = ("--url", server.url, "--conversation", "a b")
        code, out, err = chat(tmp_path, *place, "--once", "Hello")

    assert (code, out) == (3, "")
    assert "Waits behind a turn that waits for an approval.\n" in err
    assert "`parley chat --conversation 'a b'` in a terminal goes on with it." in err
    assert "/approvals" not in err
