"""The items of a mailbox, as values: its head item (the box) and its jobs.

A box and its jobs are found by the same three words: a kind (`conv`, `topic`, `task`,
`deliver`), a tenant and an id. The box is `BOX#kind#tenant#id`; the jobs, and the log that they
write, live in the partition `KIND#tenant#id`.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

from shared.storage.table import Item, Key

SHARDS = 16
BOX_SORT_KEY = "BOX"


def key_part(value: str) -> str:
    """A value as it stands between the `#` of a key."""
    return value.replace("%", "%25").replace("#", "%23")


@dataclass(frozen=True)
class BoxKey:
    """Which mailbox."""

    kind: str
    tenant: str
    id: str

    @property
    def pk(self) -> str:
        return f"BOX#{self.kind}#{key_part(self.tenant)}#{key_part(self.id)}"

    @property
    def item(self) -> Key:
        return Key(self.pk, BOX_SORT_KEY)

    @property
    def partition(self) -> str:
        """The partition of the mailbox's jobs and of their log."""
        return f"{self.kind.upper()}#{key_part(self.tenant)}#{key_part(self.id)}"

    @property
    def shard(self) -> int:
        return zlib.crc32(self.pk.encode()) % SHARDS

    def job(self, ref: str) -> Key:
        return Key(self.partition, ref)

    @classmethod
    def parse(cls, pk: str) -> Self:
        """The key that a wake or an index entry names.

        Raises:
            ValueError: it names no mailbox.
        """
        parts = [part.replace("%23", "#").replace("%25", "%") for part in pk.split("#")]
        if len(parts) != 4 or parts[0] != "BOX" or not all(parts):
            raise ValueError("not the key of a mailbox")
        return cls(*parts[1:])


class Heard(NamedTuple):
    """Since when a listener hears a mailbox, and until when it may (ms; None: no end is set).

    `back` is there when it has come back to a job and has not been told yet what it missed: the
    job's ref, and what it said that it has of it.
    """

    since: int
    until: int | None = None
    back: Sequence[Any] | None = None


@dataclass(frozen=True)
class Box:
    """A mailbox's head item as it was read.

    `until`, `head_at`, `next_at` are milliseconds: the end of the lease, when the head must be
    looked at (an expiry, the end of a back-off), the next scheduled time. `stops` names the
    waiting jobs that somebody asked to stop. `waits` says what the head waits for while a person
    has been asked and nobody has answered. `listed` and `unlisted` are for `Records`: the last ref
    of theirs that entered `jobs`, and whether there are more that have not. `gone`: what it belongs
    to is being deleted, so nothing enters any more.
    """

    key: BoxKey
    epoch: int = 0
    owner: str | None = None
    until: int = 0
    bell: int = 0
    jobs: tuple[str, ...] = ()
    stops: tuple[str, ...] = ()
    crashes: int = 0
    head_at: int | None = None
    next_at: int | None = None
    due: int | None = None
    waits: str | None = None
    listed: str | None = None
    unlisted: bool = False
    gone: bool = False
    conns: Mapping[str, Heard] = field(default_factory=dict[str, Heard])

    @classmethod
    def read(cls, key: BoxKey, item: Item) -> Self:
        attrs = item.attrs
        return cls(
            key=key,
            epoch=attrs.get("epoch", 0),
            owner=attrs.get("owner"),
            until=attrs.get("until", 0),
            bell=attrs.get("bell", 0),
            jobs=tuple(attrs.get("jobs", ())),
            stops=tuple(attrs.get("stops", ())),
            crashes=attrs.get("crashes", 0),
            head_at=attrs.get("head_at"),
            next_at=attrs.get("next_at"),
            due=attrs.get("due"),
            waits=attrs.get("waits"),
            listed=attrs.get("listed"),
            unlisted=attrs.get("unlisted", False),
            gone=attrs.get("gone", False),
            conns={name: Heard(*heard) for name, heard in attrs.get("conns", {}).items()},
        )

    @property
    def oldest(self) -> str:
        """The listener that has heard it longest, of which there is one."""
        return min(self.conns, key=lambda name: self.conns[name].since)

    @property
    def head(self) -> str | None:
        return self.jobs[0] if self.jobs else None


@dataclass(frozen=True)
class Pending:
    """What a parked job waits for: the decision on one call with exactly these arguments.

    `waits` is the kind of answer, a word of the job's handler. `shown_at` is None while nobody can
    have seen the prompt; `prompted_at` and `expires_at` are None until it has been pushed. `tries`
    counts wrong answers where there may be some, and `tried_by` names the last one.
    """

    call: str
    hash: str
    waits: str = ""
    shown_at: int | None = None
    prompted_at: int | None = None
    expires_at: int | None = None
    tries: int = 0
    tried_by: str = ""


@dataclass(frozen=True)
class Job:
    """A job's item as it was read."""

    key: BoxKey
    ref: str
    attrs: Mapping[str, Any]
    body: Mapping[str, Any]

    @classmethod
    def read(cls, key: BoxKey, ref: str, item: Item) -> Self:
        return cls(key, ref, item.attrs, item.body or {})

    @property
    def done(self) -> bool:
        return self.attrs.get("state") == "done"

    @property
    def outcome(self) -> str | None:
        """completed, failed or cancelled; None while it is not done."""
        return self.attrs.get("outcome")

    @property
    def terminal(self) -> str:
        """The bytes of the terminal event, as text; empty while it is not done."""
        return str(self.body.get("terminal", ""))

    @property
    def payload(self) -> Mapping[str, Any]:
        """What was asked for."""
        payload: Mapping[str, Any] = self.body.get("payload", {})
        return payload

    @property
    def added_at(self) -> int:
        return int(self.attrs.get("added_at", 0))

    @property
    def stopped(self) -> bool:
        return "stop" in self.attrs

    @property
    def log_length(self) -> int | None:
        """The first free message number, once the job has written to the log."""
        return self.attrs.get("log_len")

    @property
    def not_before(self) -> int:
        return int(self.attrs.get("not_before", 0))

    @property
    def attempts(self) -> int:
        """How often a delivery was tried in vain."""
        return int(self.attrs.get("attempts", 0))

    @property
    def pending(self) -> Pending | None:
        """The outstanding prompt, decided or not."""
        pending = self.attrs.get("pending")
        if pending is None:
            return None
        return Pending(**pending)

    def decision(self, call: str) -> Mapping[str, Any] | None:
        """`{what, who, at, …}` for the call, once somebody or the clock has decided."""
        decision: Mapping[str, Any] | None = self.attrs.get("decisions", {}).get(call)
        return decision

    def mark(self, call: str) -> str | None:
        """The attempt that last started the call; None if none did."""
        mark: str | None = self.attrs.get("marks", {}).get(call)
        return mark

    @property
    def undecided(self) -> Pending | None:
        """The prompt that nobody has decided yet."""
        pending = self.pending
        return pending if pending and self.decision(pending.call) is None else None


@dataclass(frozen=True)
class Timing:
    """The lease's numbers, in milliseconds. Takers wait `grace` longer than the lease, holders
    stop `margin` earlier; both cover the difference between two machines' clocks."""

    lease: int = 30_000
    heartbeat: int = 10_000
    poll: int = 1_000
    max_crashes: int = 4

    @property
    def grace(self) -> int:
        return self.lease // 6

    @property
    def margin(self) -> int:
        return self.lease // 6

    @property
    def tick(self) -> float:
        """Seconds between two looks of the keeper."""
        return min(self.poll, self.heartbeat) / 1000
