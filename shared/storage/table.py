"""The Table port: items in a partition, conditional all-or-nothing writes, two sparse indexes.

Two engines implement it (`dynamodb.py`, `sqlite.py`) beneath one wrapper (`wrapper.py`) that
retries, compresses and spills. Domain stores see only `Table`.

    TransientError      nothing is wrong with the request: try again (the wrapper does)
    ├── Conflict        another write was in flight on one of the items; no effect
    ├── Throttled       the store asks for less; no effect
    └── Unavailable     no answer: the write may or may not have taken effect
    ConditionFailed     a condition did not hold; no effect
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from shared.storage.expressions import Change, Condition, Value

MAX_ITEM_BYTES = 400 * 1024
MAX_TRANSACTION_ITEMS = 100
MAX_TRANSACTION_BYTES = 4 * 1024 * 1024
MAX_GET_KEYS = 100
PAGE_BYTES = 1024 * 1024
MAX_NUMBER = 10**38 - 1
RESERVED = frozenset({"pk", "sk", "v", "ttl", "blob", "spilled"})
"""Attribute names that the port uses itself. `v` is the schema version."""


class Key(NamedTuple):
    pk: str
    sk: str


SCHEMA_VERSION = 1
"""With which layout of items this release writes; see `shared.storage.schema`."""


@dataclass(frozen=True)
class Item:
    """One item. `attrs` are native (conditions and indexes see them); `body` is any JSON.

    `ttl` (epoch seconds) is when the item may go; it goes some time after that, so whoever
    reads it compares the time itself. `version` is the schema version it was written with.
    """

    key: Key
    attrs: Mapping[str, Value] = field(default_factory=dict[str, Value])
    body: Mapping[str, Any] | None = None
    ttl: int | None = None
    version: int = SCHEMA_VERSION


@dataclass(frozen=True)
class Put:
    """Write the whole item, in the place of any earlier one."""

    item: Item
    condition: Condition | None = None

    @property
    def key(self) -> Key:
        return self.item.key


@dataclass(frozen=True)
class Update:
    """Change an item in place. Without a condition that forbids it, a missing item is made.

    `body` replaces the whole body; None leaves it as it is. `ttl` likewise.
    """

    key: Key
    changes: Sequence[Change]
    condition: Condition | None = None
    body: Mapping[str, Any] | None = None
    ttl: int | None = None


@dataclass(frozen=True)
class Delete:
    key: Key
    condition: Condition | None = None


@dataclass(frozen=True)
class Check:
    """Change nothing; the condition must hold for the other writes to happen."""

    key: Key
    condition: Condition


Operation = Put | Update | Delete | Check


@dataclass(frozen=True)
class Page:
    """Part of an answer. More may follow while `cursor` is not None, even if `items` is empty."""

    items: list[Item]
    cursor: str | None


@dataclass(frozen=True)
class Index:
    """A sparse index: it holds the items that have both attributes. It lags behind."""

    name: str
    hash: str
    range: str


DUE = Index("due", hash="due_shard", range="due")
"""Mailboxes by the time at which somebody must look at them; items carry `key` and `until`."""

OWNED = Index("owned", hash="owned_by", range="listed_at")
"""What belongs to an owner, by time: conversations, pending approvals, dead letters; keys only."""


class TransientError(Exception):
    """The store could not answer now."""


class Conflict(TransientError):
    """Another write was in flight on the same item."""


class Throttled(TransientError):
    """The store asks for fewer requests."""


class Unavailable(TransientError):
    """No answer came; a write may have taken effect."""


class NewerItem(TransientError):
    """An item was written by a later release than this one, which runs beside it: that one is to
    see to it. Trying again here does not help."""


class ConditionFailed(Exception):
    """At least one condition did not hold, so nothing was written.

    `failures` maps the position of each operation whose condition is known to have failed to
    the item as it was then (None: it does not exist).
    """

    def __init__(self, failures: Mapping[int, Item | None]) -> None:
        super().__init__(f"condition failed for operations {sorted(failures)}")
        self.failures = failures


class Table(Protocol):
    """What the core knows of its database."""

    def get(self, keys: Sequence[Key], *, consistent: bool = True) -> list[Item | None]:
        """The items of up to 100 keys, in the order of the keys; None where there is none."""
        ...

    def query(
        self,
        pk: str,
        *,
        prefix: str = "",
        descending: bool = False,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page:
        """Items of a partition whose sort key begins with `prefix`, in the order of their keys
        (UTF-8 bytes), consistently read. A page ends at `limit` items or about 1 MB. The cursor
        is the sort key after which the page begins; any string will do."""
        ...

    def write(self, operations: Sequence[Operation]) -> None:
        """Do all of it or nothing. An item may be named once; at most 100 items and 4 MB.

        Raises:
            ConditionFailed: which conditions, with the items as they were.
            ValueError: the limits above, or a value that a table cannot hold.
            TransientError: every retry failed; after `Unavailable` the effect is unknown.
        """
        ...

    def update(self, operation: Update) -> Item:
        """One update; returns the item as it is afterwards. Raises like `write`."""
        ...

    def query_index(
        self,
        index: Index,
        value: str | int,
        *,
        up_to: int | None = None,
        descending: bool = False,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page:
        """Entries of an index under one hash value, in the order of the range attribute (at most
        `up_to`). Entries hold the key and the index's attributes, no body, and may be stale:
        use them to find, never to decide."""
        ...

    def scan(self, *, limit: int | None = None, cursor: str | None = None) -> Page:
        """The items of the whole table, in no order that means anything, consistently read; with
        their attributes alone, as nobody needs the bodies of strangers' items. What is written
        meanwhile may be missed, what stands all the while is not. A page ends when `limit` items or
        about 1 MB have been read. It costs what reading the table costs."""
        ...
