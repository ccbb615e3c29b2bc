"""Browser origins: who may call from a web page, as written in settings and agent files.

An entry is an origin (`https://shop.example.com`), all hosts below one
(`https://*.example.com`), or `*`.
"""

import re
from collections.abc import Sequence

ANY = "*"

_HOST = r"(?:[a-z0-9-]{1,63}\.)*[a-z0-9-]{1,63}"
_ENTRY = re.compile(rf"https?://(?:\*\.)?{_HOST}(?::\d{{1,5}})?", re.ASCII)


def checked_origin(text: str) -> str:
    """The entry in lower case.

    Raises:
        ValueError: it is none; the text goes on where the name of a field ends.
    """
    entry = text.strip().lower()
    if entry != ANY and not _ENTRY.fullmatch(entry):
        raise ValueError(
            "must be origins such as https://shop.example.com or https://*.example.com, "
            "without a path"
        )
    return entry


def admits(entries: Sequence[str], origin: str | None) -> bool:
    """Whether a caller from this origin may enter; no entries mean that everybody may.

    Only browsers send an origin, so None is a caller that no list of origins can keep out.
    """
    if not entries or origin is None or ANY in entries:
        return True
    asked = origin.lower()
    return any(asked == entry or _below(entry, asked) for entry in entries)


def pattern(entries: Sequence[str]) -> str:
    """A regular expression for the origins that the entries admit; it fits whole ones."""
    found = []
    for entry in entries:
        scheme, wildcard, host = entry.partition("*")
        below = rf"{re.escape(scheme)}{_HOST}{re.escape(host)}" if wildcard else re.escape(entry)
        found.append(".*" if entry == ANY else below)
    return "|".join(found)


def _below(entry: str, origin: str) -> bool:
    scheme, wildcard, host = entry.partition("*")
    return bool(
        wildcard
        and origin.startswith(scheme)
        and origin.endswith(host)
        and re.fullmatch(_HOST, origin[len(scheme) : -len(host)])
    )
