"""The Mail contract on the terminal, and what somebody sees there."""

import re
from io import StringIO, TextIOWrapper
from pathlib import Path
from typing import TextIO

import pytest

from shared.messaging.console_mail import ConsoleMail
from shared.messaging.mail import MailUnavailable
from tests.contracts.mail_contract import ANN, MailContract, Outbox

FULL = Path("/dev/full")
_FRAME = re.compile(r"\n\+-- This mail would have been sent -*\n(.*?)\n\+-{71}\n", re.DOTALL)


class TestConsole(MailContract):
    @pytest.fixture
    def terminal(self) -> StringIO:
        return StringIO()

    @pytest.fixture
    def mail(self, terminal: StringIO) -> ConsoleMail:
        return ConsoleMail(terminal)

    @pytest.fixture
    def outbox(self, terminal: StringIO) -> Outbox:
        def outbox() -> list[tuple[str, str, str]]:
            shown = terminal.getvalue()
            assert _FRAME.sub("", shown) == "", "something stands outside of frames"
            return [_read(frame) for frame in _FRAME.findall(shown)]

        return outbox


def _read(frame: str) -> tuple[str, str, str]:
    lines = frame.split("\n")
    assert {line[:1] for line in lines} == {"|"}, "a line could be taken for something else"
    to, subject, empty, *text = [line[2:] for line in lines]
    assert empty == ""
    return to.removeprefix("To:      "), subject.removeprefix("Subject: "), "\n".join(text)


def test_it_is_seen_and_is_no_output(capsys: pytest.CaptureFixture[str]) -> None:
    ConsoleMail().send(to=ANN, subject="Your code", text="123456\n\nIt is good for 5 minutes.")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == (
        "\n"
        "+-- This mail would have been sent -------------------------------------\n"
        "| To:      ann@example.org\n"
        "| Subject: Your code\n"
        "|\n"
        "| 123456\n"
        "|\n"
        "| It is good for 5 minutes.\n"
        "+-----------------------------------------------------------------------\n"
    )


def refusal(terminal: TextIO) -> str:
    with pytest.raises(MailUnavailable) as caught:
        ConsoleMail(terminal).send(to=ANN, subject="Für dich", text="123456")
    return str(caught.value)


def test_a_terminal_that_cannot_show_it(tmp_path: Path) -> None:
    with (tmp_path / "terminal").open("w", encoding="ascii") as ascii_only:
        assert refusal(ascii_only) == "UnicodeEncodeError"


def test_a_terminal_that_is_closed(tmp_path: Path) -> None:
    with (tmp_path / "terminal").open("w", encoding="utf-8") as closed:
        pass
    assert refusal(closed) == "ValueError"


@pytest.mark.skipif(not FULL.exists(), reason="no device here is always full")
def test_a_terminal_that_takes_nothing() -> None:
    """As a full disk, if the terminal is a file."""
    with (
        FULL.open("wb", buffering=0) as device,
        TextIOWrapper(device, encoding="utf-8", write_through=True) as full,
    ):
        assert refusal(full) == "OSError"
