"""What lines with a slash do."""

import io
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from rich.console import Console

from shared.cli.chat.commands import Commands
from shared.cli.chat.faults import ChatFault, Refused
from shared.cli.chat.replies import PlainReply
from shared.cli.chat.session import Session
from shared.cli.chat.view import View
from tests.cli.chat.prompting import DESCRIPTION, Pending, approval_prompt
from tests.cli.chat.scripted_server import Frame, Handler, Peer, ScriptedServer


class Desk:
    """Commands, with what they print."""

    def __init__(self, session: Session, server: ScriptedServer) -> None:
        self.session = session
        self.server = server
        self._out = io.StringIO()
        notes = Console(file=self._out, width=80, highlight=False, markup=False, emoji=False)
        self.commands = Commands(session, View(notes, PlainReply(self._out), rendered=False))

    def run(self, line: str) -> str:
        """What the line prints."""
        self._out.seek(0)
        self._out.truncate()
        self.commands.run(line)
        return self._out.getvalue()


@contextmanager
def desk(**handlers: Handler) -> Iterator[Desk]:
    with ScriptedServer(**handlers) as server, closing(server.client()) as client:
        session = Session(client, "assistant")
        session.begin()
        yield Desk(session, server)


def conversations(peer: Peer, frame: Frame) -> None:
    """Two pages of one conversation each."""
    second = frame.get("cursor") == "next"
    row = {
        "conversationId": "b" if second else "a",
        "title": None if second else "About\x1b[2J [bold]tea",
        "updatedAt": "2026-01-02T03:04:05Z",
        "messageCount": 4,
    }
    data = {"conversations": [row], "nextCursor": None if second else "next", "hasMore": not second}
    peer.answer(frame, data)


def messages(peer: Peer, frame: Frame) -> None:
    second = frame.get("cursor") == "older"
    texts = ["first"] if second else ["third", "second"]
    items: list[dict[str, Any]] = [
        {
            "id": text,
            "direction": "outbound" if text == "second" else "inbound",
            "content": {"text": text},
            "createdAt": "yesterday",
        }
        for text in texts
    ]
    more = None if second else "older"
    peer.answer(frame, {"messages": items, "nextCursor": more, "hasMore": not second})


def test_a_list_is_numbered_over_its_pages_and_resumed_by_number() -> None:
    with desk(list_conversations=conversations, get_conversation_messages=messages) as it:
        first, second = it.run("/list tea"), it.run("/more")
        resumed = it.run("/resume 2")
        conversation = it.session.conversation
        asked = it.server.take("list_conversations"), it.server.take("list_conversations")

    assert "  1  About[2J [bold]tea" in first
    assert "4 messages" in first
    assert "/more" in first
    assert "  2  (no title)" in second
    assert "/more" not in second
    assert conversation == "b"
    assert resumed.index("second") < resumed.index("third")
    assert [each["query"] for each in asked] == ["tea", "tea"]


def test_history_begins_with_the_newest_and_goes_back() -> None:
    with desk(get_conversation_messages=messages) as it:
        newest, older = it.run("/history"), it.run("/more")
        with pytest.raises(ChatFault, match="nothing more"):
            it.run("/more")

    assert newest.index("second") < newest.index("third")
    assert "You, yesterday\nfirst" in older


def test_empty_lists_are_said() -> None:
    def nothing(peer: Peer, frame: Frame) -> None:
        peer.answer(frame, {"conversations": [], "messages": [], "nextCursor": None})

    with desk(list_conversations=nothing, get_conversation_messages=nothing) as it:
        assert "None yet" in it.run("/list")
        assert "no such" in it.run("/list tea")
        assert "no messages" in it.run("/history")


def test_resume_takes_an_id() -> None:
    with desk(get_conversation_messages=messages) as it:
        it.run("/resume 6f1d7c52")
        assert it.session.conversation == "6f1d7c52"


def test_resume_goes_on_with_the_turn_that_the_conversation_is_at() -> None:
    def resume(peer: Peer, frame: Frame) -> None:
        data = {"status": "awaiting_approval", "begin": 0, "text": "Let me see."}
        prompt = approval_prompt(turn)
        peer.answer(turn.frame, {"sessionId": "theirs", **data, "prompt": prompt})

    turn = Pending()
    turn.frame = {"requestId": "q9"}
    with desk(get_conversation_messages=messages, resume_turn=resume) as it:
        said = it.run("/resume c")

    assert said.index("third") < said.index("The agent is at work here already:")
    assert DESCRIPTION in said
    assert "`parley chat --conversation c` in a terminal" in said


def test_a_title_is_shown_as_the_server_has_it() -> None:
    def rename(peer: Peer, frame: Frame) -> None:
        title = f"{frame['title']}!"
        peer.answer(frame, {"conversationId": frame["conversationId"], "title": title})

    with desk(rename_conversation=rename) as it:
        assert "“About tea!”" in it.run("/rename  About tea ")
        assert it.server.take("rename_conversation")["conversationId"] == "fresh"


def test_a_refusal_is_the_server_s_sentence() -> None:
    def rename(peer: Peer, frame: Frame) -> None:
        peer.refuse(frame, "CONVERSATION_NOT_FOUND", "There is no such conversation.")

    with desk(rename_conversation=rename) as it, pytest.raises(Refused, match="no such"):
        it.run("/rename Tea")


def test_new_may_name_another_agent_which_stays() -> None:
    with desk() as it:
        assert "The writer" in it.run("/new writer")
        assert "The writer" in it.run("/new")


def test_model_and_skill_are_for_one_message() -> None:
    with desk() as it:
        it.run("/model large")
        it.run("/model larger")
        it.run("/skill sums")
        assert it.commands.take_fields() == {"model": "larger", "skill": "sums"}
        assert it.commands.take_fields() == {}


def test_help_names_every_command() -> None:
    with desk() as it:
        said = it.run("/help")
        assert all(name in said for name in it.commands.names)


def test_quit_leaves() -> None:
    with desk() as it:
        assert not it.commands.leaving
        it.run("/quit")
        assert it.commands.leaving


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/nope now", "There is no /nope"),
        ("/", "There is no /"),
        ("/resume", "Say which"),
        ("/resume 1", "no number 1"),
        ("/resume 0", "no number 0"),
        ("/rename", "Say how"),
        ("/rename " + "x" * 201, "200 characters"),
        ("/list " + "x" * 201, "200 characters"),
        ("/new " + "x" * 129, "128 characters"),
        ("/model", "Say which"),
        ("/skill", "Say which"),
        ("/skill a\nb", "no line breaks"),
        ("/more", "nothing more"),
    ],
)
def test_a_line_that_makes_no_sense(line: str, said: str) -> None:
    with desk() as it, pytest.raises(ChatFault, match=said):
        it.run(line)
