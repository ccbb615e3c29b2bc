"""Titles as they are cleaned: what people, models and first messages say."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.conversations.naming import MAX_TITLE, clean, preview

WRAPS = ['"{}"', "'{}'", "**{}**", "__{}__", "`{}`", "“{}”", "«{}»", "# {}", "> {}", '### **"{}"**']


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Refund for order 42", "Refund for order 42"),
        ("  Refund \n\t for\r\norder   42 ", "Refund for order 42"),
        ("Refund\x00 for\x1b[31m order", "Refund for [31m order"),
        ("Why is C# not C++?", "Why is C# not C++?"),
        ("2 * 3 * 4", "2 * 3 * 4"),
        ("snake_case and __init__ here", "snake_case and __init__ here"),
        ('"Tom" and "Jerry"', '"Tom" and "Jerry"'),
        ("**Refund** order", "**Refund** order"),
        ("- a list", "a list"),
        ("-5 degrees", "-5 degrees"),
        ("#hashtag", "#hashtag"),
        ("It's fine", "It's fine"),
        ("\u202eevil\u202c", "evil"),
        ("Familie 👩\u200d👩\u200d👧", "Familie 👩\u200d👩\u200d👧"),
        ("", ""),
        ('""', ""),
        ("****", ""),
        (" \x00\u2066 ", ""),
    ],
)
def test_what_is_left(text: str, title: str) -> None:
    assert clean(text) == title


@pytest.mark.parametrize("wrap", WRAPS)
def test_quotes_and_markdown_around_it_go(wrap: str) -> None:
    assert clean(wrap.format("Refund for order 42")) == "Refund for order 42"


def test_it_is_cut_at_the_end_of_a_word() -> None:
    words = "word " * 20
    assert clean(words) == ("word " * 12).strip()
    assert clean("x" * 59 + " and more") == "x" * 59
    assert clean("x" * 60 + " and more") == "x" * 60
    assert clean("x" * 100) == "x" * 60
    assert clean("😀" * 61) == "😀" * 60


def test_a_preview_shows_that_it_was_cut() -> None:
    assert preview("How are you?") == "How are you?"
    assert preview("x" * 60) == "x" * 60
    assert preview("x" * 61) == "x" * 59 + "…"
    assert (
        preview("# Hello\n\n" + "word " * 20)
        == "Hello word word word word word word word word word word…"
    )


@given(st.text(st.characters(codec="utf-8")))
def test_a_title_is_one_short_line_and_cleaning_it_again_changes_nothing(text: str) -> None:
    for title in (clean(text), preview(text)):
        assert len(title) <= MAX_TITLE
        assert title == title.strip()
        assert "\n" not in title
        assert not any(unicodedata.category(character) == "Cc" for character in title)
    assert clean(clean(text, 10**6), 10**6) == clean(text, 10**6)
