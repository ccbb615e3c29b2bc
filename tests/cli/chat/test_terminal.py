"""`parley chat` in a real terminal."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.protocol import events
from tests.cli.chat.scripted_server import AT, Frame, Handler, Peer, ScriptedServer
from tests.cli.chat.test_commands import conversations, messages
from tests.cli.chat.tmux import Terminal, needs_tmux
from tests.support.deployments import local_set
from tests.support.messages_api import ScriptedMessagesApi, Step

pytestmark = needs_tmux

READY = "Ctrl-D leaves."


def prompted(screen: str) -> bool:
    """Whether the last line that has anything is an empty prompt."""
    lines = screen.rstrip().splitlines()
    return bool(lines) and lines[-1].rstrip() == ">"


@contextmanager
def chatting(folder: Path, url: str, *arguments: str, **variables: str) -> Iterator[Terminal]:
    with Terminal(folder, "chat", "--url", url, *arguments, variables=variables) as terminal:
        terminal.wait(READY)
        terminal.wait(prompted)
        yield terminal


def cancelled(peer: Peer, frame: Frame) -> None:
    peer.send(events.cancelled(frame["requestId"], at=AT))


def long_reply(peer: Peer, frame: Frame) -> None:
    peer.accept(frame)
    peer.token(frame, "It is a long story")


def test_a_reply_streams_and_stands_there_as_markdown(tmp_path: Path) -> None:
    steps = [Step(tokens=["# Tea\n\n", "It is **hot", "** and ", "good.\n\n", "- milk\n- sugar"])]
    with (
        ScriptedMessagesApi(steps) as model,
        local_set(tmp_path / "work", model.base_url) as running,
        chatting(tmp_path, running.socket_url) as terminal,
    ):
        terminal.text("Tell me of tea")
        screen = terminal.wait("tokens")
        terminal.press("C-d")
        ended = terminal.wait("ended 0, echo on")

    assert screen.count("It is hot and good.") == 1
    assert "• sugar" in screen
    assert "**" not in screen
    assert screen.count("Tell me of tea") == 1
    assert "Traceback" not in ended


def test_the_reply_is_seen_while_it_comes(tmp_path: Path) -> None:
    def slow(peer: Peer, frame: Frame) -> None:
        long_reply(peer, frame)
        pending.append(frame)

    def rest(peer: Peer, frame: Frame) -> None:
        cancelled(peer, pending[-1])

    pending: list[Frame] = []
    with (
        ScriptedServer(send_message=slow, cancel=rest) as server,
        chatting(tmp_path, server.url) as terminal,
    ):
        terminal.text("Tell me")
        terminal.wait("It is a long story")
        terminal.press("C-c")
        screen = terminal.wait("stopped")
        terminal.wait(prompted)
        terminal.press("C-c")
        terminal.wait("Ctrl-C again leaves")
        terminal.press("C-c")
        terminal.wait("ended 0, echo on")

    assert screen.count("It is a long story") == 1


def test_list_resume_and_an_unknown_command(tmp_path: Path) -> None:
    handlers: dict[str, Handler] = {
        "list_conversations": conversations,
        "get_conversation_messages": messages,
    }
    with ScriptedServer(**handlers) as server, chatting(tmp_path, server.url) as terminal:
        terminal.text("/list")
        terminal.wait("[bold]tea")
        terminal.text("/resume 1")
        terminal.wait("conversation a")
        terminal.wait("third")
        terminal.text("/nope")
        terminal.wait("There is no /nope. /help lists the commands.")
        terminal.text("/quit")
        terminal.wait("ended 0, echo on")


def test_several_lines_make_one_message_and_are_remembered(tmp_path: Path) -> None:
    with ScriptedServer() as server:
        with chatting(tmp_path, server.url) as terminal:
            terminal.press("one", "M-Enter")
            terminal.text("two\\")
            terminal.text("three")
            first = server.take("send_message")["message"]
            terminal.wait("You said: one")
            terminal.wait(prompted)
            terminal.press("C-d")
            terminal.wait("ended 0")
        with chatting(tmp_path, server.url) as terminal:
            terminal.press("Up", "Enter")
            again = server.take("send_message")["message"]

    assert first == again == "one\ntwo\nthree"


def test_ctrl_c_clears_the_line(tmp_path: Path) -> None:
    with ScriptedServer() as server, chatting(tmp_path, server.url) as terminal:
        terminal.press("unwanted")
        terminal.wait("> unwanted")
        terminal.press("C-c")
        terminal.text("wanted")
        assert server.take("send_message")["message"] == "wanted"


def test_a_suggested_reply_is_chosen_by_its_number(tmp_path: Path) -> None:
    def suggest(peer: Peer, frame: Frame) -> None:
        peer.say(frame, "Tea?", suggestions=["Yes, please", "No, thanks"])

    with (
        ScriptedServer(send_message=suggest) as server,
        chatting(tmp_path, server.url) as terminal,
    ):
        terminal.text("hello")
        server.take("send_message")
        terminal.wait("2  No, thanks")
        terminal.wait(prompted)
        terminal.text("2")
        assert server.take("send_message")["message"] == "No, thanks"
        terminal.wait(lambda screen: screen.count("Tea?") == 2)
        terminal.wait(prompted)
        terminal.text("//etc is a folder")
        assert server.take("send_message")["message"] == "/etc is a folder"


def test_a_server_that_goes_away_and_comes_back(tmp_path: Path) -> None:
    def once(peer: Peer, frame: Frame) -> None:
        seen.append(frame)
        if len(seen) == 1:
            long_reply(peer, frame)
            peer.hang_up()
        else:
            peer.say(frame, "It is a long story with an end")

    seen: list[Frame] = []
    with (
        ScriptedServer(send_message=once) as server,
        chatting(tmp_path, server.url) as terminal,
    ):
        terminal.text("Tell me")
        terminal.wait("Connected again")
        screen = terminal.wait("with an end")

    assert "The connection is lost." in screen
    assert seen[0] == seen[1]


def test_being_told_to_end_leaves_the_terminal_as_it_was(tmp_path: Path) -> None:
    with (
        ScriptedServer(send_message=long_reply) as server,
        chatting(tmp_path, server.url) as terminal,
    ):
        process = terminal.process()
        terminal.text("Tell me")
        terminal.wait("It is a long story")
        os.kill(process, signal.SIGTERM)
        screen = terminal.wait("ended 143, echo on")

    assert "Traceback" not in screen


def test_being_told_to_end_at_the_prompt(tmp_path: Path) -> None:
    with ScriptedServer() as server, chatting(tmp_path, server.url) as terminal:
        os.kill(terminal.process(), signal.SIGTERM)
        screen = terminal.wait("ended 143, echo on")

    assert "Traceback" not in screen


def test_a_server_that_does_not_run(tmp_path: Path) -> None:
    with Terminal(tmp_path, "chat", "--url", "ws://127.0.0.1:1/ws", variables={}) as terminal:
        screen = terminal.wait("ended 1, echo on")

    assert "make dev" in screen
    assert "Traceback" not in screen
