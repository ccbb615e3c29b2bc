"""What others wrote, made safe for a terminal."""

import json
import unicodedata
from typing import Any

_ALLOWED = "\n\t"
_UNSAFE: dict[int, str | None] = {
    **{code: None for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in _ALLOWED},
    **dict.fromkeys(range(0xD800, 0xE000), "\ufffd"),
}
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def clean(text: str) -> str:
    """The text without control characters (C0, DEL, C1) but newline and tab, so that nothing in
    it moves the cursor, changes the title or answers for the keyboard. Lone surrogates, which no
    terminal can show, become U+FFFD. Cleaning pieces and cleaning the whole are the same."""
    return text.translate(_UNSAFE)


def one_line(text: str) -> str:
    """The cleaned text with every run of white space as one space."""
    return " ".join(clean(text).split())


def exact(value: Any) -> str:
    """A JSON value on one line, whole, with everything that is invisible or changes the direction
    of writing written out, as \\u and digits: what a person decides on must not look like
    something else."""
    text = json.dumps(value, ensure_ascii=False)
    return _written_out(text)


def exact_name(name: str) -> str:
    """A name in the same way, without quotes where it needs none."""
    return name if name.isidentifier() and name.isascii() else exact(name)


def visible(text: str) -> str:
    """The text on one line, every run of white space as one space, and everything else that is
    invisible or changes the direction of writing written out in the same way."""
    return _written_out(" ".join(text.split()))


def shortened(text: str, limit: int) -> str:
    """The text, or so many characters of its beginning and how many there are in all."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters in all)"


def _written_out(text: str) -> str:
    return "".join(
        _escape(each) if unicodedata.category(each) in _HIDDEN else each for each in text
    )


def _escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
