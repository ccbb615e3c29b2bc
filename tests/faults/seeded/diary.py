"""What an observer outside the product saw in a run. Times are seconds of virtual time."""

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from shared.storage.table import Key
from tests.simulation.hub import Process, SimClock

Event = dict[str, Any]


@dataclass(frozen=True)
class Delivery:
    """An event that has reached its client."""

    at: float
    connection: str
    raw: bytes
    event: Event
    late: bool = False
    """Posted by a worker that had its lease when it began to, stood still right then, and had lost
    it when it went on. No check can be nearer to the post than that."""


class Held(NamedTuple):
    """Who has a mailbox: the process, for the so manyth time that anybody has taken it, until when
    (ms, by the clock of that process)."""

    process: str
    take: int
    until: int


class Run(NamedTuple):
    """A call of a tool that somebody must approve of first has begun."""

    at: float
    turn: str
    call: str
    arguments: dict[str, Any]


class Decided(NamedTuple):
    """A decision has been noted, by whomever: the clock too."""

    at: float
    turn: str
    call: str
    decision: dict[str, Any]


class Shown(NamedTuple):
    """When that was noted, and which time stands in the note (ms, by whoever wrote it)."""

    at: float
    noted: int


class Said(NamedTuple):
    """A frame by which somebody answered what a turn asks: `prompt` is the id that it names, or
    None."""

    at: float
    user: str
    prompt: str | None
    fields: dict[str, Any]
    elsewhere: bool = False
    """By another session than the turn's, perhaps of another conversation."""


@dataclass
class Asked:
    """Somebody has asked for the end of a conversation. `over`: when that was answered, if it was;
    `refused`: by that there is no such conversation."""

    at: float
    user: str
    conversation: str
    over: float | None = None
    refused: bool = False


@dataclass
class Diary:
    """Turns go by their request ids, which are unique in a run; `ref` are keys of the table."""

    delivered: list[Delivery] = field(default_factory=list[Delivery])
    acknowledged: set[str] = field(default_factory=set[str])
    accepted: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """By partition, the refs of the turns in the order in which they entered the mailbox."""
    arrived: dict[str, float] = field(default_factory=dict[str, float])
    """By turn, when it entered the mailbox."""
    mailboxes: dict[str, str] = field(default_factory=dict[str, str])
    """By turn, the partition of its mailbox."""
    held: dict[str, list[tuple[float, Held | None]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    """By partition, who has had the mailbox, each from when on; None: nobody."""
    takes: int = 0
    stops: dict[str, float] = field(default_factory=dict[str, float])
    """The refs of turns whose stop was noted."""
    asked_to_stop: set[str] = field(default_factory=set[str])
    """Turns that somebody who may has asked to stop."""
    model_calls: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])
    tool_starts: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])
    late_starts: set[tuple[float, str]] = field(default_factory=set[tuple[float, str]])
    """Those of workers that had their lease when they began the tool's thread, stood still right
    then, and had lost it when the thread went on. No check can be nearer to the tool than that."""
    effects: dict[str, int] = field(default_factory=dict[str, int])
    """How often each call of a tool that may not be repeated took effect, by idempotency key."""
    approved_runs: list[Run] = field(default_factory=list[Run])
    decided: list[Decided] = field(default_factory=list[Decided])
    pending: dict[str, str] = field(default_factory=dict[str, str])
    """By turn, the call that it has last waited with."""
    shown: dict[tuple[str, str], Shown] = field(default_factory=dict[tuple[str, str], Shown])
    """By turn and call, the first note that its prompt is pushed next."""
    pushed: dict[str, float] = field(default_factory=dict[str, float])
    """By its id, when a prompt was first posted to anybody, though it may not have arrived."""
    said: dict[str, Said] = field(default_factory=dict[str, Said])
    """By the ids of their requests, which are unique too."""
    ends: list[Asked] = field(default_factory=list[Asked])
    records: dict[Key, list[tuple[float, str]]] = field(
        default_factory=lambda: defaultdict[Key, list[tuple[float, str]]](list)
    )
    """How each record of the history has stood, from when on: `queued`, or its outcome."""
    told: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])
    """What the historian has noted: the key of each."""
    crashes: int = 0
    """Processes that died or stood still."""
    broken: list[str] = field(default_factory=list[str])
    """Promises that were seen to be broken at once."""

    def lease(self, turn: str, process: Process, at: float) -> int | None:
        """Which take of the turn's mailbox this process held then, by its own clock."""
        return self.take(self.mailboxes.get(turn, ""), process, at)

    def take(self, partition: str, process: Process, at: float) -> int | None:
        """The same of the mailbox with this partition."""
        box = self.held.get(partition, ())
        held = next((each for since, each in reversed(box) if since <= at), None)
        now = SimClock.EPOCH_MS + int(at * 1000) + process.skew_ms
        mine = held is not None and held.process == process.name and held.until > now
        return held.take if held and mine else None

    def digest(self) -> str:
        """The same for two runs that took the same course."""
        seen = [[each.at, each.connection, each.event] for each in self.delivered]
        calls = [self.model_calls, self.tool_starts]
        told = [self.told] if self.told else []
        return hashlib.sha256(json.dumps([seen, calls, *told]).encode()).hexdigest()
