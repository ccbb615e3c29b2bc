"""The text of a reply: whole characters, whatever the model's JSON held."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from shared.models.port import Completed, ModelError, ModelEvent, TextDelta, Usage
from shared.runner.turn import Delta, Reply, run_turn

HIGH, LOW = "\ud83e", "\udd89"


class Said:
    """A model's stream that was read from a list."""

    def __init__(self, events: Sequence[ModelEvent], then: Exception | None = None) -> None:
        self._events = events
        self._then = then

    def __iter__(self) -> Iterator[ModelEvent]:
        yield from self._events
        if self._then:
            raise self._then

    def close(self) -> None:
        """There is nothing to close."""


def text(*parts: str) -> Completed:
    return Completed([{"type": "text", "text": part} for part in parts], "end_turn", Usage())


@pytest.mark.parametrize(
    ("said", "clean"),
    [
        ("owl 🦉", "owl 🦉"),
        (HIGH + LOW, "🦉"),
        (f"a{HIGH}b", "a\ufffdb"),
        (f"a{LOW}", "a\ufffd"),
        (LOW + HIGH, "\ufffd\ufffd"),
    ],
)
def test_half_characters_are_replaced_in_pieces_and_in_the_whole(said: str, clean: str) -> None:
    found = list(run_turn(Said([TextDelta(said), text(said)])))

    assert found == [Delta(clean), Reply(clean, Usage(), "end_turn")]
    for event in found:
        event.text.encode()


def test_a_character_that_two_blocks_share_is_whole_in_the_reply() -> None:
    (reply,) = run_turn(Said([text(f"owl {HIGH}", LOW)]))

    assert reply.text == "owl 🦉"


def test_nothing_comes_after_the_end() -> None:
    found = list(run_turn(Said([text("a"), TextDelta("b")], then=AssertionError("read on"))))

    assert found == [Reply("a", Usage(), "end_turn")]


def test_what_the_model_fails_with_reaches_the_caller_after_the_text() -> None:
    turn = run_turn(Said([TextDelta("a")], then=ModelError("cut")))

    assert next(turn) == Delta("a")
    with pytest.raises(ModelError, match="cut"):
        next(turn)


def test_only_text_is_the_reply() -> None:
    content: list[dict[str, Any]] = [
        {"type": "thinking", "thinking": "hm"},
        {"type": "text", "text": "a"},
        {"type": "tool_use", "id": "t", "name": "n", "input": {}},
        {"type": "text", "text": "b"},
    ]
    (reply,) = run_turn(Said([Completed(content, "tool_use", Usage(1, 2))]))

    assert reply == Reply("ab", Usage(1, 2), "tool_use")
