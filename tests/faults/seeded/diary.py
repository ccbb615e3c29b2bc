"""What an observer outside the product saw in a run. Times are seconds of virtual time."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

Event = dict[str, Any]


@dataclass(frozen=True)
class Delivery:
    """An event that has reached its client."""

    at: float
    connection: str
    raw: bytes
    event: Event


@dataclass
class Diary:
    """Turns go by their request ids, which are unique in a run; `ref` are keys of the table."""

    delivered: list[Delivery] = field(default_factory=list[Delivery])
    acknowledged: set[str] = field(default_factory=set[str])
    accepted: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """By partition, the refs of the turns in the order in which they entered the mailbox."""
    stops: dict[str, float] = field(default_factory=dict[str, float])
    """The refs of turns whose stop was noted."""
    asked_to_stop: set[str] = field(default_factory=set[str])
    """Turns that somebody who may has asked to stop."""
    model_calls: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])
    tool_starts: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])
    effects: dict[str, int] = field(default_factory=dict[str, int])
    """How often each call of a tool that may not be repeated took effect, by idempotency key."""
    crashes: int = 0
    """Processes that died or stood still."""
    broken: list[str] = field(default_factory=list[str])
    """Promises that were seen to be broken at once."""

    def digest(self) -> str:
        """The same for two runs that took the same course."""
        seen = [[each.at, each.connection, each.event] for each in self.delivered]
        calls = [self.model_calls, self.tool_starts]
        return hashlib.sha256(json.dumps([seen, calls]).encode()).hexdigest()
