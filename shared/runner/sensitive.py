"""Keeping secrets out of what people are shown of a call's arguments.

Hidden is, at any depth,

- a value whose name looks like that of a secret, but for null, true and false, which tell none.
  Names are read in any case and with any separators, camelCase too. It is enough that one has in
  it: password, passwd, passphrase, passcode, secret (but not secretary), token (but not tokenize),
  credential, authorization, API key, access key, auth key, private key, secret key, signing key,
  encryption key, card number or security code; or one of these as a word of its own: pwd, pin, otp,
  cvv, cvc, jwt, bearer, cookie;
- a value that the tool's schema marks with `format: password` or `writeOnly: true`;
- within texts: what follows the word Bearer, JSON web tokens, private keys in PEM, and the numbers
  of payment cards (also with spaces and dashes, and as numbers).

Bank accounts are shown: whoever approves a payment must see where it goes. A secret that looks like
nothing in particular, under a name that says nothing of it, is shown as well.
"""

import math
import re
import unicodedata
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Any

from shared.runner.schema_marks import Marks, Parts
from shared.runner.text import clean
from shared.tools.redaction import HIDDEN

MAX_DEPTH = 16
DEEPER = "…"
"""Stands for objects and lists further inside than `MAX_DEPTH`."""

_STEMS = re.compile(
    r"password|passwd|passphrase|passcode|secret(?!ar)|token(?!i[sz])|credential|authori[sz]ation"
    r"|(?:api|access|auth|private|secret|signing|encryption)key|cardn(?:umber|o|um|r)|securitycode"
)
_WORDS = frozenset({"pwd", "pin", "otp", "cvv", "cvc", "jwt", "bearer", "cookie"})
_WORD = re.compile(r"[^\W\d_a-z]+(?![a-z])|[^\W\d_]?[^\W\d_A-Z]+|[^\W\d_]")
_NO_LETTER = re.compile(r"[\W_]+")

_BEARER = re.compile(r"\b(bearer[\s:]+[\"']?)[\w.~+/=-]+", re.IGNORECASE)
_DOTTED = re.compile(r"(?<![\w-])[\w-]++(?:\.[\w-]*+)+", re.ASCII)
_JWT = "eyJ"
"""How the header of every JSON web token begins."""

_LEAST_HEADER = 8
_PEM = re.compile(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----.*?(?:-----END [A-Z0-9 ]*-----|\Z)", re.DOTALL
)
_BETWEEN = r"[\s\-\u00ad\u200b-\u200f\u2010-\u2015\u2060\ufeff]{0,3}"
# Not behind a plus, which begins the number of a phone, and not behind a decimal point.
_DIGITS = re.compile(rf"(?<![\d+])(?<!\d\.)\d(?:{_BETWEEN}\d){{13,}}")
_GROUP = re.compile(r"\d+")
_CARD = re.compile(
    r"4\d{15}|4\d{18}|5\d{15}|2[2-7]\d{14}|3[47]\d{13}|3[0689]\d{12,17}|35\d{14,17}|6\d{13,18}",
    re.ASCII,
)
_MAX_CARD = 19
"""Digits."""


def hidden(arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments without their secrets, as plain JSON whose texts are whole characters."""
    marks = Marks(schema)
    return _hidden_object(arguments, marks, marks.root, 1)


def looks_secret(name: str) -> bool:
    """Whether a value of this name is hidden."""
    plain = "".join(
        each for each in unicodedata.normalize("NFKC", name) if unicodedata.category(each) != "Cf"
    )
    if _STEMS.search(_NO_LETTER.sub("", plain).lower()):
        return True
    return any(word.lower().removesuffix("s") in _WORDS for word in _WORD.findall(plain))


def hidden_in(text: str) -> str:
    """The text without what is a secret wherever it stands."""
    text = _PEM.sub(HIDDEN, text)
    text = _DOTTED.sub(_without_tokens, text)
    text = _BEARER.sub(rf"\g<1>{HIDDEN}", text)
    return _DIGITS.sub(_without_cards, text)


def unique(name: str, taken: Mapping[str, Any]) -> str:
    """A name that nothing has yet: two may be the same once they are changed."""
    found, number = name, 1
    while found in taken:
        number += 1
        found = f"{name} ({number})"
    return found


def _hidden(value: Any, marks: Marks, parts: Parts, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if marks.secret(parts):
        return HIDDEN
    if isinstance(value, str):
        return hidden_in(clean(value))
    if isinstance(value, int | float):
        return _hidden_number(value)
    if depth >= MAX_DEPTH:
        return DEEPER
    if isinstance(value, Mapping):
        return _hidden_object(value, marks, parts, depth + 1)
    entries = marks.entries(parts)
    return [_hidden(entry, marks, entries, depth + 1) for entry in value]


def _hidden_object(
    values: Mapping[str, Any], marks: Marks, parts: Parts, depth: int
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        shown = unique(hidden_in(clean(name)), found)
        if looks_secret(name) and not (value is None or isinstance(value, bool)):
            found[shown] = HIDDEN
        else:
            found[shown] = _hidden(value, marks, marks.field(parts, name), depth)
    return found


def _hidden_number(value: float) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if abs(value) < 10**_MAX_CARD and value == int(value) and _is_card(str(abs(int(value)))):
        return HIDDEN
    return value


def _without_tokens(words: re.Match[str]) -> str:
    """Words with dots between them, without what may be a token, up to their end."""
    text = words[0]
    at = text.find(_JWT)
    return f"{text[:at]}{HIDDEN}" if at >= 0 and "." in text[at + _LEAST_HEADER :] else text


def _without_cards(run: re.Match[str]) -> str:
    """The digits and what stands between them, without the cards. A card may have other numbers
    right before and behind it, so it may begin and end with any group of digits."""
    text = run[0]
    parts: list[str] = []
    done = 0
    for start, end in _cards(text):
        parts += (text[done:start], HIDDEN)
        done = end
    return "".join([*parts, text[done:]])


def _cards(text: str) -> Iterator[tuple[int, int]]:
    groups = list(_GROUP.finditer(text))
    digits = "".join(str(int(digit)) for group in groups for digit in group[0])
    starts = [0, *accumulate(len(group[0]) for group in groups)]
    at = 0
    while at < len(groups):
        ends = range(min(at + _MAX_CARD, len(groups)), at, -1)
        fitting = (end for end in ends if starts[end] - starts[at] <= _MAX_CARD)
        found = next((end for end in fitting if _is_card(digits[starts[at] : starts[end]])), None)
        if found is None:
            at += 1
            continue
        yield groups[at].start(), groups[found - 1].end()
        at = found


def _is_card(digits: str) -> bool:
    """Whether a payment card may have this number: by its length, how it begins, and its check
    digit (Luhn)."""
    if not _CARD.fullmatch(digits):
        return False
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(doubled) + sum(map(int, digits[-1::-2]))) % 10 == 0
