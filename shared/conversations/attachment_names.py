"""How attachments are called in a workspace."""

import unicodedata
from collections.abc import Collection

from shared.tools.workspace import BadPath, check_free, checked_path

NAME_BYTES = 150
"""Of a name, before a number is put to it."""

NAMELESS = "file"


def safe_name(said: str) -> str:
    """What somebody calls a file, as the name of one: the last part of a path, without what does
    not print or no file system likes."""
    last = unicodedata.normalize("NFC", said).replace("\\", "/").rstrip("/ ").rpartition("/")[2]
    kept = "".join(each for each in last if each.isprintable() and each not in ':*?"<>|').strip()
    stem, dot, ending = kept.rpartition(".")
    if not stem or len(ending) > 16:
        stem, dot, ending = kept, "", ""
    room = NAME_BYTES - len(f"{dot}{ending}".encode())
    name = f"{_cut(stem, room)}{dot}{ending}".strip().rstrip(".")
    try:
        return checked_path(name)
    except BadPath:
        return NAMELESS


def free_name(name: str, taken: Collection[str]) -> str:
    """The name, or else the first of `name (2)`, `name (3)` and so on beside which all those that
    are taken can stand."""
    stem, dot, ending = name.rpartition(".")
    if not stem:
        stem, dot, ending = name, "", ""
    lower = {each.casefold() for each in taken}
    number, tried = 1, name
    while tried.casefold() in lower or not _free(tried, taken):
        number += 1
        tried = f"{stem} ({number}){dot}{ending}"
    return tried


def _free(name: str, taken: Collection[str]) -> bool:
    try:
        check_free(name, set(taken))
    except BadPath:
        return False
    return True


def _cut(text: str, room: int) -> str:
    return text.encode("utf-8", "replace")[:room].decode("utf-8", "ignore")
