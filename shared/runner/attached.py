"""What came with a user's message, as the model is told of it."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from shared.runner.history import Message
from shared.runner.pictures import Picture

READ_FILE = "read_file"
"""The tool without which a model can open no file."""

NO_WORDS = "[The user sent this without words.]"
NOT_SHOWN = "[Pictures that are not shown here: {}]"
TO_READ = "[The user attached files. read_file reads those that are text: {}]"
NOT_TO_READ = "[The user attached files, which you cannot open: {}]"


class Attached:
    """Tells of attachments. `pictures` are those that are shown, by file; `tools` the names of
    those that the model has."""

    def __init__(self, pictures: Mapping[str, Picture], tools: Collection[str]) -> None:
        self._pictures = pictures
        self._files = TO_READ if READ_FILE in tools else NOT_TO_READ

    def blocks(self, entry: Message) -> list[dict[str, Any]]:
        """In the shape of the Messages API: the pictures, and in words what is not shown."""
        images = [str(image["file"]) for image in entry.get("images") or ()]
        shown = [self._pictures[file].block for file in images if file in self._pictures]
        left = [file for file in images if file not in self._pictures]
        told = [NOT_SHOWN.format(_named(left))] if left else []
        if files := entry.get("files"):
            told.append(self._files.format(_named(files)))
        told += [f"[{sentence}]" for sentence in entry.get("failed") or ()]
        return [*shown, *([{"type": "text", "text": "\n".join(told)}] if told else [])]


def says(entry: Message) -> bool:
    """Whether a user's message has anything in it: words, or what came with them."""
    spoken = bool(str(entry.get("text", "")).strip())
    return spoken or any(entry.get(kind) for kind in ("images", "files", "failed"))


def _named(files: Collection[str]) -> str:
    return ", ".join(json.dumps(file, ensure_ascii=False) for file in files)
