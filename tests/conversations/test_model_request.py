"""What the model is asked, and what a turn makes of its answer."""

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.identity.credentials import LOCAL
from shared.models.port import Completed, ModelEvent, ModelRequest, TextDelta, Usage
from shared.runner.turn import Delta, Reply, TurnRequest, model_request, run_turn


def asked(
    history: Sequence[tuple[str, str]], message: str = "now", greeting: str | None = None
) -> ModelRequest:
    return model_request(
        TurnRequest(
            access=LOCAL,
            instructions="Be kind.",
            model="m",
            max_tokens=100,
            greeting=greeting,
            history=[{"role": role, "text": text} for role, text in history],
            message=message,
        )
    )


def test_the_golden_request() -> None:
    """An agent without optional sections asks exactly this, from release to release."""
    request = asked([("user", "One"), ("assistant", "Two")], "Three")
    assert request == ModelRequest(
        model="m",
        system="Be kind.",
        messages=[
            {"role": "user", "content": "One"},
            {"role": "assistant", "content": "Two"},
            {"role": "user", "content": "Three"},
        ],
        max_tokens=100,
        tools=[],
    )


def test_the_model_knows_of_the_greeting_while_nothing_else_was_said() -> None:
    assert "Hello there" in asked([], greeting="Hello there").system
    later = asked([("user", "One"), ("assistant", "Two")], greeting="Hello there")
    assert later.system == "Be kind."


@pytest.mark.parametrize(
    ("history", "contents"),
    [
        ([], ["now"]),
        ([("user", "a")], ["a\n\nnow"]),
        ([("user", "a"), ("user", "b")], ["a\n\nb\n\nnow"]),
        ([("user", "a"), ("assistant", "b"), ("assistant", "c")], ["a", "b\n\nc", "now"]),
        ([("user", "a"), ("assistant", " \n")], ["a\n\nnow"]),
        ([("user", " "), ("assistant", "b")], ["now"]),
        ([("assistant", "b")], ["now"]),
        ([("assistant", "b"), ("assistant", "c"), ("user", "d")], ["d\n\nnow"]),
    ],
)
def test_messages_are_joined_and_begin_with_the_user(
    history: list[tuple[str, str]], contents: list[str]
) -> None:
    assert [entry["content"] for entry in asked(history).messages] == contents


ENTRIES = st.lists(st.tuples(st.sampled_from(["user", "assistant"]), st.text(max_size=5)))


@given(ENTRIES)
def test_roles_always_alternate_and_no_word_of_the_user_is_lost(
    history: list[tuple[str, str]],
) -> None:
    messages = asked(history).messages
    roles = [entry["role"] for entry in messages]
    assert roles == [["user", "assistant"][number % 2] for number in range(len(roles))]
    assert roles[-1] == "user"
    assert all(entry["content"].strip() for entry in messages)
    spoken = "".join(entry["content"] for entry in messages if entry["role"] == "user")
    for role, text in history:
        if role == "user" and text.strip():
            assert text in spoken


class Stream:
    def __init__(self, *events: ModelEvent) -> None:
        self._events = events

    def __iter__(self) -> Iterator[ModelEvent]:
        return iter(self._events)

    def close(self) -> None:
        """Nothing is open."""


def test_the_reply_is_what_the_model_completed() -> None:
    content = [
        {"type": "thinking", "thinking": "hm"},
        {"type": "text", "text": "Hel"},
        {"type": "text", "text": "lo"},
    ]
    usage = Usage(3, 2)
    stream = Stream(TextDelta("Hel"), TextDelta("lo"), Completed(content, "end_turn", usage))
    assert list(run_turn(stream)) == [
        Delta("Hel"),
        Delta("lo"),
        Reply("Hello", usage, "end_turn"),
    ]
