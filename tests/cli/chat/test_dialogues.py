"""How long there is to answer, in words."""

import pytest

from shared.cli.chat.dialogues import time_left


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "no time left"),
        (0, "no time left"),
        (59, "59 s left"),
        (60, "1 min left"),
        (3_599, "59 min left"),
        (3_600, "1 h 0 min left"),
        (2 * 86_400 - 1, "47 h 59 min left"),
        (2 * 86_400, "2 days left"),
    ],
)
def test_time_left(seconds: int, words: str) -> None:
    assert time_left(seconds * 1000) == words
