"""What an agent asks of the client: the directives that a turn ends with."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from shared.protocol.events import within

SEND_FILE = "send_file"
MAX_SENT = 20
"""Files in one directive."""

MAX_BYTES = 48 * 1024
"""Of these files, as JSON: they share an event with the text of the answer."""


def send_file(files: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """Asks the client to give its user these files: each `{name, mimeType, url}`."""
    return {"type": SEND_FILE, "files": [dict(each) for each in files]}


def gathered(given: Iterable[Mapping[str, Any] | None]) -> Mapping[str, Any] | None:
    """What a turn ends with, of the directives of its calls: the last one counts. Files that are
    sent add up, the newest of one name in the place of the one before; beyond `MAX_SENT` and
    `MAX_BYTES` the newest ones count."""
    asked = [each for each in given if each]
    if not asked or asked[-1].get("type") != SEND_FILE:
        return asked[-1] if asked else None
    files: dict[str, Mapping[str, str]] = {}
    for directive in asked:
        if directive.get("type") == SEND_FILE:
            for file in directive.get("files") or ():
                files.pop(str(file.get("name")), None)
                files[str(file.get("name"))] = file
    newest = list(files.values())[: -MAX_SENT - 1 : -1]
    return send_file(within(newest, MAX_BYTES)[::-1])
