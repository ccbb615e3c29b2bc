"""What a person sees of a call before they approve it: written by code, never by the model.

What the model wrote stands quoted and escaped, so that it cannot pass for our own words or look
like other text than it is. Secrets are hidden (`shared.runner.sensitive`).
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shared.runner.sensitive import hidden, unique
from shared.tools.port import Tool

MAX_DESCRIBED = 2_000
MAX_SHOWN = 16_000
"""Characters of the arguments as JSON."""

_MAX_PARAGRAPH = 300
_MAX_NAME = 64
_MORE = 24
"""Characters that are kept for saying how many arguments are not named."""

_LEVELS: Sequence[tuple[int, int, int]] = (
    *((4_000, 400, 16), (1_000, 100, 12), (250, 50, 6), (100, 20, 4), (60, 10, 3)),
    *((40, 100, 1), (20, 50, 1), (20, 20, 1)),
)
"""How much of the arguments is kept, ever less until it fits: characters of a text, entries of an
object or list, levels. Of the last, all characters can be escaped and it fits still."""

_LEAST_KEY = 100

_ENDED = re.compile("[.!?:;\u2026\u3002\uff01\uff1f][\"'\u2019\u201d)\\]]*$")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0d\uffa0"
    "\U000e0100-\U000e01ef]"
)
"""Characters that Python takes for printable and nobody can see."""

_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def described_call(tool: Tool, arguments: Mapping[str, Any]) -> str:
    """The first paragraph of the tool's description, if it has one, then the call:
    `Refund an order. It cannot be undone. issue_refund(id: "42", items: ["a","b"])`.

    At most 2,000 characters, 300 of them the paragraph's. Texts are quoted, other values compact
    JSON; what is too long ends with `… (12,000 characters)`. Each argument is named, unless the
    names alone are too long: then the end says how many are not.
    """
    paragraph = _first_paragraph(tool.description)
    name = _Written(tool.name).within(_MAX_NAME)
    head = f"{paragraph} {name}" if paragraph else name
    pairs = [
        (_named(key), _value(value)) for key, value in hidden(arguments, tool.parameters).items()
    ]
    return f"{head}({_listed(pairs, MAX_DESCRIBED - len(head) - 2)})"


def shown_arguments(tool: Tool, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments as data, to be shown by a client: secrets are `[redacted]`. As JSON they have
    at most 16,000 characters; what is too long or too much is cut, and what was cut says so."""
    whole = hidden(arguments, tool.parameters)
    fitting = whole
    for text, entries, levels in _LEVELS:
        if len(json.dumps(fitting, ensure_ascii=False)) <= MAX_SHOWN:
            break
        fitting = _cut(whole, text, entries, levels)
    return fitting


def _first_paragraph(description: str) -> str:
    """What matters may stand in its last sentence, so no sentence is picked."""
    text = " ".join(re.split(r"\n\s*\n", description.strip(), maxsplit=1)[0].split())
    if not text:
        return ""
    whole = text if _ENDED.search(text) else f"{text}."
    return _Written(whole).words_within(_MAX_PARAGRAPH)


class _Written:
    """A text as people can read it: unseen characters are escaped, in a quoted one also quotes and
    backslashes. Only what may be shown of it is looked at."""

    def __init__(self, text: str, *, quoted: bool = False) -> None:
        self._length = len(text)
        self._quote = '"' if quoted else ""
        self._pieces = [_escaped(each, quoted=quoted) for each in text[: MAX_DESCRIBED + 1]]
        self.size = sum(map(len, self._pieces)) + 2 * len(self._quote)

    def within(self, room: int) -> str:
        """All of it, or as much as fits, with the length that it really has."""
        if self.size <= room:
            return f"{self._quote}{''.join(self._pieces)}{self._quote}"
        end = f"… ({self._length:,} characters)"
        kept = "".join(self._fitting(room - len(end) - 2 * len(self._quote)))
        if kept:
            return f"{self._quote}{kept}{self._quote}{end}"
        return end if len(end) <= room else "…"

    def words_within(self, room: int) -> str:
        """All of it, or the words that fit; of words as long as half the room only a part."""
        if self.size <= room:
            return "".join(self._pieces)
        kept = "".join(self._fitting(room - 1))
        words = kept.rpartition(" ")[0]
        return f"{words if len(words) >= room // 2 else kept}…"

    def _fitting(self, room: int) -> Iterator[str]:
        for piece in self._pieces:
            room -= len(piece)
            if room < 0:
                return
            yield piece


def _escaped(character: str, *, quoted: bool) -> str:
    if quoted and character in ('"', "\\"):
        return f"\\{character}"
    if character.isprintable() and not _UNSEEN.match(character):
        return character
    code = ord(character)
    usual = f"\\u{code:04x}" if code <= 0xFFFF else f"\\u{{{code:x}}}"
    return _SHORT.get(character, usual)


def _named(name: str) -> str:
    if _PLAIN_NAME.fullmatch(name):
        return name
    return _Written(name, quoted=True).within(_MAX_NAME)


def _value(value: Any) -> _Written:
    if isinstance(value, str):
        return _Written(value, quoted=True)
    return _Written(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def _listed(pairs: Sequence[tuple[str, _Written]], room: int) -> str:
    """All the pairs, long values cut so that all of them have the same room."""
    room_of_values = room - sum(len(f"{name}: , ") for name, _ in pairs)
    if room_of_values >= len(pairs):
        share = _share([value.size for _, value in pairs], room_of_values)
        return ", ".join(f"{name}: {value.within(share)}" for name, value in pairs)
    named: list[str] = []
    room -= _MORE
    for name, _ in pairs:
        room -= len(f"{name}: …, ")
        if room < 0:
            break
        named.append(f"{name}: …")
    return f"{', '.join(named)} and {len(pairs) - len(named):,} more"


def _share(sizes: Sequence[int], room: int) -> int:
    """The most that each of these may take so that all of them fit; small ones leave their room to
    the others."""
    left = len(sizes)
    for size in sorted(sizes):
        if size * left > room:
            return room // left
        room -= size
        left -= 1
    return MAX_DESCRIBED


def _cut(value: Any, text: int, entries: int, levels: int) -> Any:
    if isinstance(value, dict):
        if not levels:
            return "…"
        found: dict[str, Any] = {}
        for name, entry in list(value.items())[:entries]:
            key = unique(_cut_text(name, max(text, _LEAST_KEY)), found)
            found[key] = _cut(entry, text, entries, levels - 1)
        if len(value) > entries:
            found[unique("…", found)] = f"{len(value) - entries:,} more"
        return found
    if isinstance(value, list):
        if not levels:
            return "…"
        kept = [_cut(entry, text, entries, levels - 1) for entry in value[:entries]]
        return kept + [f"… ({len(value) - entries:,} more)"] * (len(value) > entries)
    if isinstance(value, str):
        return _cut_text(value, text)
    written = json.dumps(value)
    return value if len(written) <= text else _cut_text(written, text)


def _cut_text(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}… ({len(text):,} characters)"
