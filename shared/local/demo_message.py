"""What a user's message has, as the demo model reads it: the user's own words, apart from what the
service tells a model beside them."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.local.messages_api import blocks
from shared.runner.attached import NO_WORDS, NOT_SHOWN, NOT_TO_READ, TO_READ
from shared.runner.background import FOUND, SUMMARY

_FILES = [
    re.compile(re.escape(told).replace(r"\{\}", "(.+)"))
    for told in (NOT_SHOWN, NOT_TO_READ, TO_READ)
]
_FAILED = re.compile(r"\[(The attachment \".+)\]")
_LONGEST_LIST = 400
"""Characters of the titles that are told, and of the names."""


@dataclass
class Heard:
    """`words` are the user's own, "" if there are none. `documents` are the titles of what was
    found for them, the best first; `files` the names of what came with them, `pictures` how many
    of it are shown, and `failed` the sentences about what could not be had."""

    words: str = ""
    documents: list[str] = field(default_factory=list[str])
    files: list[str] = field(default_factory=list[str])
    pictures: int = 0
    failed: list[str] = field(default_factory=list[str])

    def beside(self) -> str:
        """What there is beside the words, in sentences; "" if there is nothing."""
        return " ".join(self._sentences())

    def _sentences(self) -> Iterator[str]:
        titles = ", ".join(f"“{title}”" for title in dict.fromkeys(self.documents))
        if titles:
            yield f"These documents were found for it, best first: {_cut(titles)}."
        if self.files:
            yield f"These files came with it: {_cut(', '.join(self.files))}."
        if self.pictures:
            many = "A picture" if self.pictures == 1 else f"{self.pictures} pictures"
            yield f"{many} came with it, which I cannot see."
        yield from self.failed


def heard(entry: Mapping[str, Any]) -> Heard:
    """A message of the Messages API from the user. What a tool answered in it is not read."""
    parts = blocks(entry)
    found = Heard(pictures=sum(part["type"] == "image" for part in parts))
    text = "\n\n".join(part["text"] for part in parts if part["type"] == "text")
    words: list[str] = []
    lines = iter(text.split("\n"))
    for line in lines:
        if line == SUMMARY:
            next(lines, None)
        elif line == FOUND:
            words += _documents(lines, found)
        elif not _is_attached(line, found):
            words.append(line)
    found.words = "\n".join(words).strip()
    return found


def _documents(lines: Iterator[str], found: Heard) -> Sequence[str]:
    """Take the lines of the documents; the first line that is none, if there is one."""
    for line in lines:
        document = _json(line)
        if not isinstance(document, dict):
            return [line]
        found.documents.append(str(document.get("title") or document.get("document") or ""))
    return []


def _is_attached(line: str, found: Heard) -> bool:
    """Whether the line tells of what came with the message; then it is noted."""
    if line == NO_WORDS:
        return True
    if failed := _FAILED.fullmatch(line):
        found.failed.append(failed[1])
        return True
    listed = next((told[1] for form in _FILES if (told := form.fullmatch(line))), None)
    names = None if listed is None else _json(f"[{listed}]")
    if not isinstance(names, list):
        return False
    found.files += map(str, names)
    return True


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_LIST else f"{text[:_LONGEST_LIST]}…"
