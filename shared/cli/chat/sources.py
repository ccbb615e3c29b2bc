"""What a reply rests on, as the terminal shows it."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.cli.chat.clean import one_line
from shared.cli.chat.shapes import rows, string

MAX_SOURCES = 8


def sources(data: Mapping[str, Any]) -> Sequence[str]:
    """A line for each document that the end of a turn names: its title, and where it is."""
    found = [
        " ".join(
            part
            for part in (
                one_line(string(each, "title")) or one_line(string(each, "id")),
                one_line(string(each, "url")),
            )
            if part
        )
        for each in rows(data, "citations")
    ]
    return tuple(each for each in found if each)[:MAX_SOURCES]
