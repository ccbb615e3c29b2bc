"""Ids that people choose and that become part of a key, a path or the name of a file."""

import re

MAX_ID = 128
"""Characters, each of them one byte."""

_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9_-])?", re.ASCII)
# What Windows opens instead of a file, in any case and whatever follows the first dot.
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}
)


def checked_id(text: str) -> str:
    """The text itself, if it may be the id of an agent or of a topic.

    Such an id is one step of a path on every system: ASCII letters, digits, and after the first
    of them `_ . -`, with no dot at its end and no name of a device. With an ending such as
    `.yaml` it is one still.

    Ids that differ only in case are two ids, which some file systems take for one. Whoever looks
    for the file of an id compares it with what the folder lists.

    Raises:
        ValueError: the reason, to go on where the name of the field ends.
    """
    if len(text) > MAX_ID or not _ID.fullmatch(text):
        raise ValueError(
            f"must be up to {MAX_ID} letters, digits, and after the first of them _ . -, with no "
            "dot at the end"
        )
    if text.partition(".")[0].lower() in _DEVICES:
        raise ValueError("may not begin like the name of a device, such as con or nul; rename it")
    return text
