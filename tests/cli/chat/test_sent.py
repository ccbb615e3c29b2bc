"""An agent gives its user files: the terminal names them, and says where they are."""

import io
from typing import Any

import pytest
from rich.console import Console

from shared.cli.chat import events
from shared.cli.chat.replies import PlainReply
from shared.cli.chat.view import View
from shared.tools.directives import send_file
from tests.cli.chat.chatting import chatting
from tests.cli.chat.scripted_server import Frame, Peer, ScriptedServer

LINK = "https://files.example.com/" + "long/" * 30 + "report.md?signed=1"


def ended(directive: object) -> events.Finished:
    [end] = events.read({"type": "eventual_response", "data": {"data": {"directive": directive}}})
    assert isinstance(end, events.Finished)
    return end


def test_each_file_has_a_line_that_can_be_copied() -> None:
    def turn(peer: Peer, frame: Frame) -> None:
        files = [
            {"name": "report.md", "mimeType": "text/markdown", "url": LINK},
            {"name": "b\x1b[2J\u202e.txt", "mimeType": "text/plain", "url": "/files/b"},
        ]
        peer.say(frame, "Here it is.", directive=send_file(files))

    with chatting(ScriptedServer(send_message=turn)) as (session, _):
        said = list(session.say("The report please"))
    out = io.StringIO()
    notes = Console(file=out, width=80, highlight=False, markup=False, emoji=False)
    View(notes, PlainReply(io.StringIO()), rendered=True).show(said[-1])
    assert out.getvalue().splitlines() == [
        f"  file report.md {LINK}",
        "  file b\\u001b[2J\\u202e.txt /files/b",
    ]


def test_there_is_an_end_to_them() -> None:
    many = send_file([{"name": str(number)} for number in range(30)])
    assert list(ended(many).files) == [str(number) for number in range(20)]


@pytest.mark.parametrize(
    "directive",
    [
        None,
        "send_file",
        {"type": "show_form", "files": [{"name": "a", "url": "u"}]},
        {"type": "send_file"},
        {"type": "send_file", "files": "a"},
        {"type": "send_file", "files": ["a", {}, {"name": 1, "url": None}]},
    ],
)
def test_what_is_no_list_of_files_shows_nothing(directive: Any) -> None:
    assert list(ended(directive).files) == []
