"""Who plays frames, and what they were sent."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.frames_client import TERMINAL

Event = dict[str, Any]

USERS: Mapping[str, str] = {"ann": "ann", "bob": "bob", "ann-too": "ann"}
"""The connections and their users."""


@dataclass
class Client:
    """One connection, and what it was sent."""

    connection: str
    own: Mapping[str, str]
    second: Mapping[str, str]
    latest: Mapping[str, str]
    here: bool = True
    stayed: bool = True
    """Whether it was there all the time."""
    got: list[Event] = field(default_factory=list)


@dataclass(frozen=True)
class Turn:
    """One that was accepted."""

    client: str
    session: str
    request_id: str


def code_of(event: Event) -> str | None:
    return event["error"]["code"] if event["type"] == "error" else None


def ends_of(events: list[Event]) -> Iterator[tuple[str, str]]:
    """The ends of turns, as text; an error that refuses a frame says nothing of a repeat."""
    for event in events:
        refusal = event["type"] == "error" and "retryable" not in event["data"].get("details", {})
        if event["type"] in TERMINAL and not refusal:
            text = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
            yield event.get("requestId", ""), text
