"""A question in a real terminal, while the turn goes on being read."""

import fcntl
import os
import signal
import struct
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cli.chat.forms import CHOICES, IDENTITY, Forms, invalid, taken
from tests.cli.chat.prompting import DESCRIPTION, LATE, Approvals, Pending, approval_prompt
from tests.cli.chat.scripted_server import Frame, Peer, ScriptedServer
from tests.cli.chat.test_commands import messages
from tests.cli.chat.test_terminal import cancelled, chatting, prompted
from tests.cli.chat.tmux import STEP, Terminal, needs_tmux
from tests.support.gateway import PATIENCE

pytestmark = needs_tmux

QUESTION = "Approve issue_refund? [y/N]"


def asked(screen: str) -> bool:
    """Whether the last line that has anything is the question."""
    lines = screen.rstrip().splitlines()
    return bool(lines) and lines[-1].startswith(QUESTION)


@contextmanager
def asking(folder: Path, approvals: Approvals) -> Iterator[Terminal]:
    """A terminal where the question stands."""
    with approvals.server, chatting(folder, approvals.server.url) as terminal:
        terminal.text("Refund 42")
        terminal.wait(asked)
        yield terminal


def waiting_lines(terminal: Terminal) -> int:
    """How many characters in whole lines were typed that nobody has read."""
    handle = os.open(terminal.device(), os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        count = fcntl.ioctl(handle, termios.FIONREAD, b"\0" * 4)
    finally:
        os.close(handle)
    return int(struct.unpack("i", count)[0])


def test_an_approval_is_shown_and_given(tmp_path: Path) -> None:
    approvals = Approvals()
    with asking(tmp_path, approvals) as terminal:
        screen = terminal.screen()
        terminal.text("y")
        ended = terminal.wait("Done.")
        terminal.wait(prompted)
        terminal.press("C-d")
        terminal.wait("ended 0, echo on")

    assert DESCRIPTION in screen
    assert '  id: "42"' in screen
    assert screen.count("days left") == 2
    assert "Approved." in ended
    assert [each["approved"] for each in approvals.decisions()] == [True]
    assert "Traceback" not in ended


def test_enter_alone_does_not_approve(tmp_path: Path) -> None:
    approvals = Approvals()
    with asking(tmp_path, approvals) as terminal:
        terminal.press("Enter")
        terminal.wait("Denied.")
        terminal.wait(prompted)

    assert [each["approved"] for each in approvals.decisions()] == [False]


def test_what_was_typed_before_the_question_is_no_answer(tmp_path: Path) -> None:
    turn = Pending()
    with (
        ScriptedServer(send_message=turn.begin) as server,
        chatting(tmp_path, server.url) as terminal,
    ):
        terminal.text("Refund 42")
        server.take("send_message")
        terminal.text("y")
        give_up = time.monotonic() + PATIENCE
        while waiting_lines(terminal) < 2:
            assert time.monotonic() < give_up
            time.sleep(STEP)
        turn.approval()
        terminal.wait(asked)
        turn.decided_elsewhere()
        terminal.wait("Done.")
        terminal.wait(prompted)
        assert "confirm_tool_action" not in [frame["action"] for frame in server.arrived()]


def test_a_question_gives_way_when_somebody_else_decides(tmp_path: Path) -> None:
    approvals = Approvals()
    with asking(tmp_path, approvals) as terminal:
        terminal.press("n", "o")
        terminal.wait(f"{QUESTION} no")
        approvals.turn.decided_elsewhere()
        terminal.wait("Done.")
        screen = terminal.wait(prompted)
        terminal.text("Again")
        terminal.wait(asked)

    assert QUESTION not in screen
    assert "approved elsewhere" in screen
    assert approvals.decisions() == []


def test_what_is_half_typed_survives_a_lost_connection(tmp_path: Path) -> None:
    def send(peer: Peer, frame: Frame) -> None:
        sent.append(frame)
        approvals.turn.begin(peer, frame)
        if len(sent) == 1:
            approvals.turn.approval()

    def resume(peer: Peer, frame: Frame) -> None:
        prompt = approval_prompt(approvals.turn, until=LATE)
        approvals.turn.back(peer, frame, "awaiting_approval", prompt=prompt)

    sent: list[Frame] = []
    approvals = Approvals(send_message=send, resume_turn=resume)
    with asking(tmp_path, approvals) as terminal:
        terminal.press("n", "Space", "not")
        terminal.wait(f"{QUESTION} n not")
        approvals.turn.hang_up()
        terminal.wait("Connected again.")
        screen = terminal.wait(asked)
        terminal.text(" this")
        terminal.wait("Denied.")

    assert screen.count(QUESTION) == 1
    assert f"{QUESTION} n not" in screen
    assert [each.get("note") for each in approvals.decisions()] == ["not this"]


def test_ctrl_c_stops_the_turn_and_ctrl_d_leaves_the_question_open(tmp_path: Path) -> None:
    approvals = Approvals(cancel=cancelled)
    with asking(tmp_path, approvals) as terminal:
        terminal.press("C-c")
        terminal.wait("stopped")
        terminal.wait(prompted)
        terminal.text("Again")
        terminal.wait(asked)
        terminal.press("C-d")
        terminal.wait("Left open.")
        approvals.turn.decided_elsewhere()
        terminal.wait("Done.")
        screen = terminal.wait(prompted)

    assert screen.count("Stopping …") == 1
    assert approvals.decisions() == []


def test_a_second_ctrl_c_waits_no_longer(tmp_path: Path) -> None:
    approvals = Approvals()
    with asking(tmp_path, approvals) as terminal:
        terminal.press("C-c")
        terminal.wait("Stopping …")
        terminal.press("C-c")
        terminal.wait("Not waiting any longer")
        terminal.wait(prompted)
        terminal.press("C-d")
        terminal.wait("ended 0, echo on")


def test_being_told_to_end_while_a_question_stands(tmp_path: Path) -> None:
    approvals = Approvals()
    with asking(tmp_path, approvals) as terminal:
        os.kill(terminal.process(), signal.SIGTERM)
        screen = terminal.wait("ended 143, echo on")

    assert "Traceback" not in screen


def test_a_form_is_filled_in_and_corrected(tmp_path: Path) -> None:
    wrong = invalid(("email", "must be a valid email address"))
    forms = Forms("identity_intake", IDENTITY, wrong, taken)
    with forms.server, chatting(tmp_path, forms.server.url) as terminal:
        terminal.text("A quote, please")
        terminal.wait("Email:")
        terminal.text("still bad@")
        terminal.wait("Full name (optional):")
        terminal.text("Ann")
        terminal.wait("  Email: must be a valid email address")
        terminal.wait(lambda screen: screen.rstrip().endswith("Email:"))
        terminal.text("a@b.org")
        terminal.wait("Sent.")
        terminal.wait("Done.")
        forms.server.take("submit_interaction")
        sent = forms.server.take("submit_interaction")
        terminal.wait(prompted)
        terminal.press("Up")
        terminal.wait(lambda screen: screen.rstrip().endswith("> A quote, please"))

    assert sent["values"] == {"email": "a@b.org", "name": "Ann"}


def test_choices_are_shown_with_their_numbers(tmp_path: Path) -> None:
    forms = Forms("choices", CHOICES)
    with forms.server, chatting(tmp_path, forms.server.url) as terminal:
        terminal.text("A quote, please")
        terminal.wait("2  Pro: with support")
        terminal.wait("Plan (a number, or your own words):")
        terminal.text("2")
        terminal.wait("Use (numbers, or your own words):")
        terminal.text("1,3")
        terminal.wait("Done.")
        sent = forms.server.take("submit_interaction")

    assert [answer["options"] for answer in sent["values"]["answers"]] == [
        ["Pro"],
        ["Home", "School"],
    ]


def test_what_a_conversation_waits_for_is_asked_on_coming_back_to_it(tmp_path: Path) -> None:
    def resume(peer: Peer, frame: Frame) -> None:
        approvals.turn.peer = peer
        waits = {"status": "awaiting_approval", "begin": 0, "text": "Let me see."}
        prompt = approval_prompt(approvals.turn)
        data = {**waits, "sessionId": "theirs", "prompt": prompt}
        peer.answer(approvals.turn.frame, data)

    approvals = Approvals(resume_turn=resume, get_conversation_messages=messages)
    approvals.turn.frame = {"requestId": "q9", "message": "Refund 42"}
    place = ("chat", "--url", approvals.server.url, "--conversation", "c")
    with approvals.server, Terminal(tmp_path, *place, variables={}) as terminal:
        screen = terminal.wait(asked)
        terminal.text("y")
        terminal.wait("Done.")
        terminal.wait(prompted)
        terminal.press("C-d")
        terminal.wait("ended 0, echo on")

    assert screen.index("third") < screen.index("Let me see.") < screen.index(DESCRIPTION)
    [decision] = approvals.decisions()
    assert (decision["sessionId"], decision["approved"]) == ("theirs", True)
