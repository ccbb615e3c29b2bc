"""`parley chat` without a terminal: standard output has the reply, and nothing else."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from shared.protocol import events
from tests.cli.chat.prompting import DESCRIPTION, Approvals, Pending
from tests.cli.chat.scripted_server import AT, Frame, Peer, ScriptedServer
from tests.support.deployments import SERVICE_TOKEN, TOKEN, local_set
from tests.support.gateway import PATIENCE
from tests.support.messages_api import ScriptedMessagesApi, echo

ROOT = Path(__file__).resolve().parents[3]


def start(folder: Path, *arguments: str, **variables: str) -> "subprocess.Popen[bytes]":
    own = {name: value for name, value in os.environ.items() if not name.startswith("PARLEY_")}
    return subprocess.Popen(
        [sys.executable, "-m", "shared.cli.main", "chat", *arguments],
        cwd=ROOT,
        env=own | {"HOME": str(folder), "XDG_STATE_HOME": str(folder)} | variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def chat(
    folder: Path, *arguments: str, typed: bytes = b"", **variables: str
) -> tuple[int, str, str]:
    """The exit code, standard output and standard error."""
    with start(folder, *arguments, **variables) as process:
        out, err = process.communicate(typed, timeout=PATIENCE)
    assert b"Traceback" not in err
    return process.returncode, out.decode(), err.decode()


def test_a_message_from_a_pipe_to_the_real_thing_and_back_to_its_conversation(
    tmp_path: Path,
) -> None:
    with ScriptedMessagesApi(reply=echo) as model, local_set(tmp_path, model.base_url) as running:
        place = ("--url", running.socket_url)
        code, out, err = chat(tmp_path, *place, typed=b"hi *there*\n")
        conversation = err.split("conversation ")[1].split()[0]
        again = chat(tmp_path, *place, "--conversation", conversation, "--once", "What did I say?")

    assert (code, out) == (0, "You said: hi *there* (message 1)\n")
    assert "Assistant" in err
    assert again[:2] == (0, "Before that you said: hi *there* (message 2)\n")


def test_a_token_in_the_environment_and_none(tmp_path: Path) -> None:
    with (
        ScriptedMessagesApi(reply=echo) as model,
        local_set(tmp_path, model.base_url, TOKEN) as running,
    ):
        arguments = ("--url", running.socket_url, "--once", "hi")
        good = chat(tmp_path, *arguments, PARLEY_TOKEN=SERVICE_TOKEN)
        none = chat(tmp_path, *arguments)

    assert good[:2] == (0, "You said: hi (message 1)\n")
    assert none[:2] == (1, "")
    assert "PARLEY_TOKEN" in none[2]


def test_a_conversation_that_does_not_exist(tmp_path: Path) -> None:
    with local_set(tmp_path, "http://127.0.0.1:1") as running:
        arguments = ("--url", running.socket_url, "--conversation", "nope", "--once", "hi")
        code, out, err = chat(tmp_path, *arguments)

    assert (code, out) == (1, "")
    assert "no such conversation" in err


def test_an_agent_that_does_not_exist(tmp_path: Path) -> None:
    with local_set(tmp_path, "http://127.0.0.1:1") as running:
        arguments = ("--url", running.socket_url, "--agent", "nobody", "--once", "hi")
        code, out, err = chat(tmp_path, *arguments)

    assert (code, out) == (1, "")
    assert err.startswith("Error: ")


def test_a_turn_that_failed(tmp_path: Path) -> None:
    def fail(peer: Peer, frame: Frame) -> None:
        peer.accept(frame)
        peer.token(frame, "Half of")
        peer.refuse(frame, "MODEL_OVERLOADED", "The model is busy.")

    with ScriptedServer(send_message=fail) as server:
        code, out, err = chat(tmp_path, "--url", server.url, typed=b"hi")

    assert (code, out) == (1, "")
    assert "MODEL_OVERLOADED: The model is busy." in err


def test_what_others_say_reaches_the_pipe_without_escapes(tmp_path: Path) -> None:
    def nasty(peer: Peer, frame: Frame) -> None:
        call = {"name": "x\x1b[2J", "arguments": {"a": "\x9b1m"}}
        state = {"rawResponse": {"toolCall": call}}
        peer.accept(frame)
        peer.send(events.stream_chunk(frame["requestId"], "x", state, at=AT))
        peer.finish(frame, "\x1b]0;title\x07red\r", suggestions=["\x1b[31mmore"])

    with ScriptedServer(send_message=nasty) as server:
        code, out, err = chat(tmp_path, "--url", server.url, "--once", "hi")

    assert code == 0
    assert out == "]0;titlered\n"
    assert not {"\x1b", "\x9b", "\x07", "\r"} & set(out + err)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (b"", "is empty"),
        (b" \n ", "is empty"),
        (b"\xff", "UTF-8"),
        (b"x" * 10_001, "10000 characters"),
        (b"x" * 200_000, "10000 characters"),
    ],
)
def test_a_message_that_cannot_be_sent(tmp_path: Path, typed: bytes, said: str) -> None:
    code, out, err = chat(tmp_path, "--url", "ws://127.0.0.1:1/ws", typed=typed)

    assert (code, out) == (1, "")
    assert said in err
    assert len(err.splitlines()) == 1


def test_a_server_that_does_not_run(tmp_path: Path) -> None:
    code, out, err = chat(tmp_path, "--url", "ws://127.0.0.1:1/ws", "--once", "hi")

    assert (code, out) == (1, "")
    assert "make dev" in err
    assert len(err.splitlines()) == 1


def test_an_approval_that_nobody_can_give(tmp_path: Path) -> None:
    approvals = Approvals()
    with approvals.server:
        code, out, err = chat(tmp_path, "--url", approvals.server.url, "--once", "Refund 42")
        piped = chat(tmp_path, "--url", approvals.server.url, typed=b"Refund 42")

    assert (code, out) == piped[:2] == (3, "")
    assert DESCRIPTION in err
    assert "approval approval_1\n" in err
    assert "POST /approvals/approval_1" in err
    assert "`parley chat --conversation fresh` in a terminal" in err
    assert approvals.decisions() == []


def test_a_code_that_nobody_can_enter(tmp_path: Path) -> None:
    def send(peer: Peer, frame: Frame) -> None:
        turn.begin(peer, frame)
        turn.code()

    turn = Pending()
    with ScriptedServer(send_message=send) as server:
        code, out, err = chat(tmp_path, "--url", server.url, "--once", "Pay it")

    assert (code, out) == (3, "")
    assert "Pay it" in err
    assert "/approvals" not in err
    assert "in a terminal" in err


def test_ctrl_c_stops_the_turn(tmp_path: Path) -> None:
    def cancel(peer: Peer, frame: Frame) -> None:
        peer.send(events.cancelled(frame["requestId"], at=AT))

    server = ScriptedServer(send_message=Peer.accept, cancel=cancel)
    with server, start(tmp_path, "--url", server.url, "--once", "hi") as process:
        server.take("send_message")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)

    assert (process.returncode, out) == (130, b"")
    assert b"stopped" in err
    assert b"Traceback" not in err
