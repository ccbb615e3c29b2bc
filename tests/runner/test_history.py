"""How much of a conversation a model is reminded of."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.runner.history import (
    SHORTENED,
    Message,
    estimate_tokens,
    newest,
    shortened,
    staying,
)
from tests.runner.said import use


def user(text: str = "question") -> Message:
    return {"role": "user", "text": text}


def step(said: str = "") -> Message:
    return {"role": "assistant", "content": [use("t")], "said": said}


def result(text: str = "found") -> Message:
    return {"role": "tool", "call": "1-0", "call_id": "x", "name": "t", "text": text}


def answer(text: str = "answer", said: str | None = None) -> Message:
    return {"role": "assistant", "text": text} | ({"said": said} if said is not None else {})


def cost(messages: Sequence[Message]) -> int:
    return sum(map(estimate_tokens, messages))


def test_a_turn_that_does_not_fit_keeps_its_question_and_its_whole_answer() -> None:
    long = [user(), step("I look."), result("x" * 40_000), answer("I look.\n\nOwl.", "Owl.")]
    assert newest([user("old"), answer("old"), *long], 1000) == (
        user("old"),
        answer("old"),
        user(),
        answer("I look.\n\nOwl."),
    )
    assert newest(long, 20_000) == tuple(long)


def test_older_turns_may_keep_what_a_newer_one_has_no_room_for() -> None:
    small = [user("a"), step(), result(), answer("b")]
    long = [user("c"), step(), result("x" * 40_000), answer("d")]
    assert newest([*small, *long], 1000) == (*small, user("c"), answer("d"))


NOTES = st.lists(
    st.one_of(
        st.builds(user, st.text(max_size=30)),
        st.builds(step, st.text(max_size=30)),
        st.builds(result, st.text(max_size=300)),
        st.builds(answer, st.text(max_size=30)),
    ),
    max_size=30,
)


@given(NOTES, st.integers(0, 1000))
def test_what_is_kept_fits_and_is_the_newest_that_was_said(
    messages: list[Any], budget: int
) -> None:
    kept = newest(messages, budget)
    assert cost(kept) <= budget
    said = [
        message["text"] for message in messages if message["role"] != "tool" and "text" in message
    ]
    words = [message["text"] for message in kept if message["role"] != "tool" and "text" in message]
    assert words == said[len(said) - len(words) :]


def test_the_oldest_results_of_a_running_turn_make_room() -> None:
    old, new = [step(), result("a" * 9000)], [step(), result("b" * 9000)]
    fitting = shortened([*old, *new], cost(new) + 1000)
    assert fitting[0] == old[0]
    assert fitting[2:] == new
    assert fitting[1]["text"].startswith("a" * SHORTENED + "\n[8000 more")
    assert shortened([*old, *new], cost([*old, *new])) == [*old, *new]


def test_what_the_model_has_not_seen_stays_whole() -> None:
    new = [step(), result("b" * 9000), result("c" * 9000)]
    assert shortened(new, 10) == new
    assert shortened([], 10) == []


@given(NOTES, st.integers(0, 1000))
def test_shortening_keeps_every_note_in_its_place(messages: list[Any], budget: int) -> None:
    fitting = shortened(messages, budget)
    assert [message["role"] for message in fitting] == [message["role"] for message in messages]
    assert cost(fitting) <= cost(messages)


def test_what_stays_beside_a_summary_are_whole_turns() -> None:
    turns = [user("a"), step(), result("x" * 400), answer("b"), user("c"), answer("d")]
    last = cost(turns[4:])
    assert staying(turns, cost(turns)) == 0
    assert staying(turns, cost(turns) - 1) == 4
    assert staying(turns, last) == 4
    assert staying(turns, last - 1) == 6
    assert staying(turns[1:], 10_000) == 3, "a turn whose beginning is not there does not stay"
    assert staying([], 100) == 0


def test_the_last_turn_stays_if_its_words_fit() -> None:
    turns = [user("a"), answer("b"), user("c"), step(), result("x" * 40_000), answer("d")]
    assert staying(turns, cost([user("c"), answer("d")])) == 2
    assert staying(turns, 1000) == 0
    # The same turn before another one gives way.
    assert staying([*turns, user("e"), answer("f")], 1000) == 6


@given(NOTES, st.integers(0, 1000))
def test_all_that_stays_is_remembered_and_begins_with_a_question(
    messages: list[Any], budget: int
) -> None:
    start = staying(messages, budget)
    stays = messages[start:]
    assert not stays or stays[0]["role"] == "user"
    words = [each for each in stays if each["role"] != "tool" and "text" in each]
    kept = newest(stays, budget)
    assert [each["text"] for each in kept if "text" in each and each["role"] != "tool"] == [
        each["text"] for each in words
    ]
