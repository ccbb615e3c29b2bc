"""Suggested replies: cut off the text in whatever pieces it comes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.runner.suggestions import (
    CLOSING,
    MAX_CHARACTERS,
    MAX_SUGGESTIONS,
    OPENING,
    Trailer,
)


def shown(*pieces: str) -> tuple[str, list[str]]:
    trailer = Trailer()
    text = "".join(trailer.feed(piece) for piece in pieces)
    rest, suggestions = trailer.finish()
    return text + rest, suggestions


@pytest.mark.parametrize(
    ("said", "text", "suggestions"),
    [
        ("Hello", "Hello", []),
        ("Hello \n", "Hello \n", []),
        ("a < b", "a < b", []),
        ("see <suggested", "see <suggested", []),
        (f'Hi. {OPENING}["Yes", "No"]{CLOSING}', "Hi.", ["Yes", "No"]),
        (f'Hi.\n\n{OPENING}["Yes"]', "Hi.", ["Yes"]),
        (f'Hi.{OPENING}["Yes"]{CLOSING}  Bye.', "Hi.\n\nBye.", ["Yes"]),
        (f"Hi.{OPENING}not json{CLOSING}", "Hi.", []),
        (f'Hi.{OPENING}{{"a": 1}}{CLOSING}', "Hi.", []),
        (f'Hi.{OPENING}[1, null, " two  words "]{CLOSING}', "Hi.", ["two words"]),
        (f'{OPENING}["Yes"]{CLOSING}', "", ["Yes"]),
        (f"Hi.{OPENING}{'[' * 100_000}", "Hi.", []),
    ],
)
def test_what_is_shown_and_what_is_suggested(said: str, text: str, suggestions: list[str]) -> None:
    assert shown(said) == (text, suggestions)


def test_only_a_few_short_ones_are_taken() -> None:
    many = ["x" * MAX_CHARACTERS, "y" * (MAX_CHARACTERS + 1), "", *"abcdef"]
    _, suggestions = shown(f"{OPENING}{json.dumps(many)}{CLOSING}")
    assert suggestions == ["x" * MAX_CHARACTERS, "a", "b", "c"]
    assert len(suggestions) == MAX_SUGGESTIONS


PIECES = st.lists(
    st.one_of(
        st.text(max_size=4),
        st.sampled_from([OPENING, CLOSING, "<", "<sugg", "ested_replies>", '["Yes"]', " ", "\n"]),
    ),
    max_size=12,
)


@given(PIECES)
def test_the_pieces_do_not_matter(pieces: list[str]) -> None:
    assert shown(*pieces) == shown("".join(pieces))


@given(PIECES)
def test_without_a_tag_nothing_is_lost(pieces: list[str]) -> None:
    said = "".join(pieces)
    if OPENING not in said:
        assert shown(*pieces) == (said, [])
