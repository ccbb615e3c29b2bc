"""What the person is told with a question."""

import pytest

from shared.cli.chat.dialogues import MAX_NAME, MAX_SHOWN, about, time_left
from shared.cli.chat.prompts import Approval, Code


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


def test_long_values_are_cut_and_leave_the_short_ones_next_to_the_question() -> None:
    fits, long = "x" * MAX_SHOWN, "y" * (MAX_SHOWN + 1)
    pairs = [("amount", "5000"), ("body", long), ("note", fits), ("n" * 200, "1")]
    said = about(Approval(id="a", tool="pay", description="Pay it", arguments=pairs), 0)

    assert said == [
        "An approval is needed: Pay it",
        f"  body: {'y' * MAX_SHOWN}… ({MAX_SHOWN + 1} characters in all)",
        "  amount: 5000",
        f"  note: {fits}",
        f"  {'n' * MAX_NAME}… (200 characters in all): 1",
    ]


def test_a_long_description_is_cut() -> None:
    approval = Approval(id="a", tool="pay", description="z" * 1000, arguments=[])
    code = Code(tool="pay", description="z" * 1000)

    for prompt in (approval, code):
        assert about(prompt, 0)[0].endswith(f" {'z' * MAX_SHOWN}… (1000 characters in all)")
