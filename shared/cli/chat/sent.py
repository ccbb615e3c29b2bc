"""The files that an agent gives its user, as the terminal shows them."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.cli.chat.clean import visible
from shared.cli.chat.shapes import mapping, rows, string

MAX_FILES = 20


def sent_files(data: Mapping[str, Any]) -> Sequence[str]:
    """A line for each file that the end of a turn brings: its name, and where it can be had."""
    directive = mapping(data, "directive")
    if directive.get("type") != "send_file":
        return ()
    found = [
        " ".join(filter(None, (visible(string(each, name)) for name in ("name", "url"))))
        for each in rows(directive, "files")
    ]
    return tuple(filter(None, found))[:MAX_FILES]
