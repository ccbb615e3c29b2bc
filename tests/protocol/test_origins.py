"""Origins as settings and agent files name them: one rule, in both forms in which it is asked."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.protocol.origins import admits, pattern

ENTRIES = ("https://shop.example.com", "https://*.example.org", "http://localhost:3000")


@pytest.mark.parametrize(
    ("origin", "welcome"),
    [
        ("https://shop.example.com", True),
        ("https://a.example.org", True),
        ("https://a.b.example.org", True),
        ("http://localhost:3000", True),
        ("https://example.org", False),
        ("http://a.example.org", False),
        ("https://a.example.org.evil.com", False),
        ("https://evil.com/.example.org", False),
        ("https://shopXexample.com", False),
        ("https://shop.example.com:8443", False),
        ("http://localhost:30000", False),
        ("null", False),
        ("", False),
    ],
)
def test_both_forms_say_the_same(origin: str, welcome: bool) -> None:
    assert admits(ENTRIES, origin) is welcome
    assert bool(re.fullmatch(pattern(ENTRIES), origin)) is welcome


def test_a_star_is_everybody() -> None:
    assert re.fullmatch(pattern(("*",)), "https://anything.example")


@given(st.text("htps:/.*-aexmplorg0", max_size=40))
def test_whatever_is_asked(origin: str) -> None:
    assert bool(re.fullmatch(pattern(ENTRIES), origin)) is admits(ENTRIES, origin)
