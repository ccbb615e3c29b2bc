"""What a conversation may be called: cleaning what people, models and first messages say."""

import re
import unicodedata

MAX_TITLE = 60
"""Code points of a title."""

_PAIRS = (
    *(("**", "**"), ("__", "__"), ("~~", "~~"), ("*", "*"), ("_", "_"), ("`", "`")),
    *(('"', '"'), ("'", "'"), ("“", "”"), ("„", "“"), ("\u2018", "\u2019"), ("«", "»"), ("»", "«")),
)
_LEADING = re.compile(r"(?:#{1,6}|>|[-*+•])\s+")
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean(text: str, limit: int = MAX_TITLE) -> str:
    """The text as a title: one line without control characters, without the quotes and Markdown
    around it, cut at the end of a word. Empty if nothing is left."""
    line = " ".join("".join(map(_plain, text)).split())
    while (bare := _unwrapped(line)) != line:
        line = bare
    return _cut(line, limit)


def preview(message: str) -> str:
    """The title of a conversation that nobody has named: how its first message begins."""
    whole = clean(message, len(message))
    return whole if len(whole) <= MAX_TITLE else _cut(whole, MAX_TITLE - 1) + "…"


def _plain(character: str) -> str:
    """A character as it may stand in a title: controls are spaces, marks that turn the direction
    of what stands around the title are nothing."""
    if character in _BIDI:
        return ""
    return " " if unicodedata.category(character) in ("Cc", "Cs") else character


def _unwrapped(line: str) -> str:
    """The line with the outermost layer of markup taken off."""
    line = _LEADING.sub("", line, count=1) if _LEADING.match(line) else line
    for opening, closing in _PAIRS:
        inside = line[len(opening) : -len(closing)]
        whole = line == opening + inside + closing
        # Two quoted words with something between them are no quoted line.
        if whole and opening not in inside and closing not in inside:
            return inside.strip()
    return line


def _cut(line: str, limit: int) -> str:
    if len(line) <= limit:
        return line
    words = line[: limit + 1].rpartition(" ")[0]
    return (words or line[:limit]).rstrip()
