"""Blotting out what repeats a secret, also where a server wrote it in another way.

It is found as it is; with any of its characters escaped as JSON, URLs or HTML do it, up to
`LAYERS` times in each other; as base64, alone or within a longer text; and, if it is base64
itself as for `Basic`, by what that stands for. This keeps secrets out of what careless servers
repeat. A server that means to give one away can write it in ways that nobody knows.
"""

import base64
import binascii
import re
import sys
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import partial

HIDDEN = "[redacted]"
LAYERS = 4

SHORT = 6
"""A secret with fewer characters is blotted out only where it stands alone: as a part of words,
it would be found everywhere."""

LEAST_TAIL = 4
"""Characters at the end of a text that was cut that count as the beginning of a secret."""

_ESCAPE = re.compile(
    r"\\+u(?P<u>[0-9A-Fa-f]{4})|\\+x(?P<x>[0-9A-Fa-f]{2})|%(?P<percent>[0-9A-Fa-f]{2})"
    r"|&#[xX](?P<hex>[0-9A-Fa-f]{1,6});|&#(?P<decimal>[0-9]{1,7});"
    r"|&(?P<name>amp|lt|gt|quot|apos);|(?P<tab>\\+t)|(?P<plus>\+)|\\+",
)
_NAMES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_HALF_ESCAPE = re.compile(
    r"(?:(?<!\\)\\+(?:u[0-9A-Fa-f]{0,3}|x[0-9A-Fa-f]?)?|%[0-9A-Fa-f]?|&#?\w{0,7})\Z"
)

_Range = tuple[int, int]


def redacted(text: str, secrets: Sequence[str], *, cut: bool = False) -> str:
    """The text with every secret replaced by `HIDDEN`. `cut`: it goes on where nobody sees, so a
    secret may have begun at its end."""
    if not secrets:
        return text
    read = _Read(text)
    found: list[_Range] = []
    for secret in filter(None, secrets):
        if len(secret) < SHORT:
            alone = rf"(?<![^\W_]){re.escape(secret)}(?![^\W_])"
            found += (match.span() for match in re.finditer(alone, text))
            continue
        for form in {secret, *_decoded(secret), *_encoded(secret)}:
            found += _occurrences(text, form)
            plain = _Read(form).text
            if len(plain) >= SHORT:
                found += (read.source(each) for each in _occurrences(read.text, plain))
            if cut:
                found += _tails(text, form)
    return _blotted(text, found)


class _Read:
    """A text with all escapes undone, and where its parts come from.

    Backslashes are dropped and a plus is a space, since nobody knows which of them are escapes:
    what is looked for is read in the same way.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._layers: list[tuple[list[int], list[int]]] = []
        for _ in range(LAYERS):
            # Where escapes and what follows them begin: here, and in the layer below.
            here, below = [0], [0]
            read = _ESCAPE.sub(partial(self._undone, here, below), self.text)
            if read == self.text:
                break
            self.text = read
            self._layers.append((here, below))

    @staticmethod
    def _undone(here: list[int], below: list[int], found: re.Match[str]) -> str:
        character = _character(found)
        at = here[-1] + found.start() - below[-1]
        here += (at, at + len(character))
        below += found.span()
        return character

    def source(self, place: _Range) -> _Range:
        """The place in the original text."""
        start, end = place
        for here, below in reversed(self._layers):
            start, end = (_below(at, here, below) for at in (start, end))
        return start, end


def _below(at: int, here: list[int], below: list[int]) -> int:
    number = bisect_left(here, at)
    if number == len(here) or here[number] != at:
        number -= 1
    return below[number] + at - here[number]


def _character(found: re.Match[str]) -> str:
    kind = found.lastgroup
    if kind is None:
        return ""
    if kind in ("tab", "plus"):
        return "\t" if kind == "tab" else " "
    if kind == "name":
        return _NAMES[found["name"]]
    code = int(found[kind], 10 if kind == "decimal" else 16)
    return chr(code) if code <= sys.maxunicode else "\ufffd"


def _decoded(secret: str) -> Iterator[str]:
    """What a secret that is base64 stands for, and the password in it."""
    try:
        text = base64.b64decode(secret + "=" * (-len(secret) % 4), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return
    if not text.isprintable():
        return
    for part in (text, text.partition(":")[2]):
        if len(part) >= SHORT:
            yield part


def _encoded(secret: str) -> Iterator[str]:
    """The base64 of the secret wherever it stands in what was encoded: without the characters
    that also depend on its neighbours."""
    data = secret.encode()
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + data).decode()
        sure = whole[(before * 8 + 5) // 6 : (before + len(data)) * 8 // 6]
        yield sure
        yield sure.translate({ord("+"): "-", ord("/"): "_"})


def _occurrences(text: str, form: str) -> Iterator[_Range]:
    at = text.find(form)
    while at >= 0:
        yield at, at + len(form)
        at = text.find(form, at + len(form))


def _tails(text: str, form: str) -> Iterator[_Range]:
    """The end of the text, as far as it begins the form."""
    plain = _Read(form).text
    # Only as much as the form may need, each of its characters escaped.
    offset = max(0, len(text) - 12 * len(form))
    end = text[offset:]
    for part in (end, _HALF_ESCAPE.sub("", end)):
        read = _Read(part)
        # What is undone may be half of an escape that was escaped.
        for seen in (read.text, _HALF_ESCAPE.sub("", read.text)):
            if length := _begun(seen, plain):
                start, _ = read.source((len(seen) - length, len(seen)))
                yield offset + start, len(text)


def _begun(text: str, form: str) -> int:
    """How many characters at the end of the text begin the form; 0 if too few do to tell."""
    longest = min(len(form), len(text))
    lengths = range(longest, LEAST_TAIL - 1, -1)
    return next((length for length in lengths if text.endswith(form[:length])), 0)


def _blotted(text: str, found: Sequence[_Range]) -> str:
    parts: list[str] = []
    done = 0
    for start, end in sorted(found):
        if start >= done:
            parts += (text[done:start], HIDDEN)
        done = max(done, end)
    return "".join([*parts, text[done:]])
