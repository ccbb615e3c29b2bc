"""Words that must not appear in what a process writes down, and an ear for what it does."""

import io
import json
import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from shared import logs

PLACES = (
    *("instructions", "greeting", "skill", "question", "answer", "thought", "argument", "result"),
    *("fault", "refusal", "frame", "title", "body", "key", "token", "signing", "secret", "query"),
    *("header", "metadata", "panic", "server", "user", "password", "note", "contact", "reason"),
    *("variable", "override", "attachment", "attached"),
)
LOUD = (
    *("anthropic", "asyncio", "boto3", "botocore", "concurrent", "fastapi", "httpcore", "httpx"),
    *("httpx2", "httpcore2", "jsonschema", "mangum", "starlette", "urllib3", "uvicorn"),
    *("websockets", "mangum.http", "mangum.lifespan", "uvicorn.error", "websockets.server"),
)
"""Loggers of libraries, all of which are told to say everything."""


class Canaries(Mapping[str, str]):
    """One word for each place where people or secrets speak."""

    def __init__(self) -> None:
        self._words = {place: f"canary{place}{uuid4().hex[:8]}" for place in PLACES}

    def __getitem__(self, place: str) -> str:
        return self._words[place]

    def __iter__(self) -> Iterator[str]:
        return iter(self._words)

    def __len__(self) -> int:
        return len(self._words)

    def add(self, place: str, word: str) -> None:
        self._words[place] = word

    def heard(self, text: str) -> dict[str, str]:
        """The places whose words are in the text, each with what is around."""
        found = {place: text.find(word) for place, word in self.items()}
        return {place: text[max(0, at - 300) : at + 100] for place, at in found.items() if at >= 0}


@contextmanager
def listening() -> Iterator[io.StringIO]:
    """All that the product logs, by its own formatter, with every logger at DEBUG."""
    core, root = logging.getLogger(logs.LOGGER), logging.root
    before = (core.handlers, core.level, core.propagate, root.handlers, root.level)
    hook = threading.excepthook
    levels = {name: logging.getLogger(name).level for name in LOUD}
    written = io.StringIO()
    logs.configure("parley", "DEBUG", written)
    root.setLevel(logging.DEBUG)
    for name in LOUD:
        logging.getLogger(name).setLevel(logging.DEBUG)
    try:
        yield written
    finally:
        core.handlers, core.level, core.propagate, root.handlers, root.level = before
        threading.excepthook = hook
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def only(written: io.StringIO, secret: str) -> Mapping[str, Any]:
    """The one line that was logged."""
    [line] = written.getvalue().splitlines()
    assert secret not in line
    found: Mapping[str, Any] = json.loads(line)
    return found
