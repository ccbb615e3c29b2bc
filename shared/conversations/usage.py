"""What a tenant has used on each day: counters spread over shards, so that its turns do not
collide.

What a turn has cost is added to one shard, chosen by its conversation, in the transaction that ends
it. Where tenants have a budget, what each step has cost is added with the note of that step, and
the sum is read again before each further call of a model. Otherwise it is read with the turn, at
most once a minute in a warm worker.
"""

import zlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from threading import Lock
from typing import Any

from shared.clock import Clock
from shared.mailbox.box import Job, key_part
from shared.models.port import Usage
from shared.runner.limits import used_up
from shared.storage.expressions import Change, Increment
from shared.storage.table import Item, Key, Operation, Table, Update

SHARDS = 16
FRESH_MS = 60_000
KEEP_SECONDS = 400 * 24 * 3600


class Costs:
    """What turns that this process has run have cost, for those that end without their reply."""

    def __init__(self, turns: int = 1000) -> None:
        self._most = turns
        self._known: OrderedDict[tuple[str, str], Usage] = OrderedDict()
        self._lock = Lock()

    def note(self, job: Job, spent: Usage) -> None:
        with self._lock:
            self._known[(job.key.pk, job.ref)] = spent
            while len(self._known) > self._most:
                self._known.popitem(last=False)

    def of(self, job: Job) -> Usage:
        """Nothing if this process has not run it."""
        with self._lock:
            return self._known.get((job.key.pk, job.ref), Usage())


class Ledger:
    """The counters of a day, by tenant. `limit` is what one may spend a day, in nano-USD; with a
    `table` the counters are read whenever that is checked. Safe for threads."""

    def __init__(self, clock: Clock, limit: int | None = None, table: Table | None = None) -> None:
        self._clock = clock
        self._limit = limit
        self._table = table
        self._sums: dict[str, tuple[int, int]] = {}
        self._lock = Lock()

    @property
    def limited(self) -> bool:
        """Whether tenants have a budget."""
        return self._limit is not None

    def keys(self, tenant: str) -> list[Key]:
        """The counters to read beside a turn; without a budget none while the last sum is fresh."""
        if not self.limited and self._younger(tenant, FRESH_MS):
            return []
        return shards(tenant, self._today())

    def note(self, tenant: str, items: Sequence[Item | None]) -> None:
        """What reading `keys` gave."""
        if not items:
            return
        # A new day may have begun since.
        read = next((item.key.pk for item in items if item), partition(tenant, self._today()))
        spent = sum(item.attrs.get("cost", 0) for item in items if item)
        now = self._clock.now()
        with self._lock:
            # Counters only grow: of two threads the one that came later may have read earlier.
            spent = max(spent, self._sums.get(read, (0, 0))[1])
            fresh = {name: entry for name, entry in self._sums.items() if entry[0] > now - FRESH_MS}
            self._sums = {**fresh, read: (now, spent)}

    def spent(self, tenant: str) -> int:
        """Nano-USD that the tenant had spent today when it was last read."""
        return self._sum(tenant)[1]

    def check(self, tenant: str, *, beside: int = 0, max_age: int = 0) -> None:
        """Before each call of a model. `beside` are nano-USD that are spent and not counted yet. A
        sum that was read `max_age` milliseconds ago at most will do.

        Raises:
            TurnFailed: BUDGET_EXCEEDED.
        """
        if self._limit is None:
            return
        if self._table is not None and not self._younger(tenant, max_age):
            self.note(tenant, self._table.get(self.keys(tenant)))
        if self.spent(tenant) + beside >= self._limit:
            raise used_up("tenant")

    def add(self, tenant: str, conversation: str, usage: Usage, *, turns: int = 1) -> Operation:
        """The write that counts a turn, or (0) what was spent beside one. It rides in a transaction
        that can happen only once."""
        shard = zlib.crc32(conversation.encode()) % SHARDS
        key = shards(tenant, self._today())[shard]
        return Update(key, counting(usage, turns), ttl=self._clock.now() // 1000 + KEEP_SECONDS)

    def end(self, job: Job, usage: Usage) -> Operation:
        """The write that counts a turn of which some may have been counted with its steps."""
        rest = beyond(usage, counted(job))
        return self.add(job.key.tenant, job.key.id, rest)

    def _younger(self, tenant: str, age: int) -> bool:
        """Whether the sum was read less than so many milliseconds ago."""
        # A clock that has been put back makes nothing fresh.
        return 0 <= self._clock.now() - self._sum(tenant)[0] < age

    def _sum(self, tenant: str) -> tuple[int, int]:
        return self._sums.get(partition(tenant, self._today()), (0, 0))

    def _today(self) -> date:
        return day_of(self._clock.now())


def day_of(at: int) -> date:
    """The day (UTC) of a time in milliseconds."""
    return datetime.fromtimestamp(at / 1000, UTC).date()


def partition(tenant: str, day: date) -> str:
    """Where the counters of a day are."""
    return f"USAGE#{key_part(tenant)}#{day.isoformat()}"


def shards(tenant: str, day: date) -> list[Key]:
    """The counters of a day."""
    return [Key(partition(tenant, day), f"{shard:02d}") for shard in range(SHARDS)]


def counting(usage: Usage, turns: int) -> list[Change]:
    """The changes that add this to counters; a cost that is not known counts as none."""
    added = {"turns": turns, **_numbers(usage)}
    return [Increment((name,), by) for name, by in added.items()]


def _numbers(usage: Usage) -> dict[str, int]:
    numbers = asdict(usage)
    cost = numbers.pop("cost_nano_usd")
    return {**numbers, "cost": cost or 0}


def most(*known: Usage) -> Usage:
    """What is known together of a turn by several who each know some of its calls: the largest of
    each number. No cost, if one of them knows none."""
    costs = [usage.cost_nano_usd for usage in known]
    return Usage(
        max(usage.input_tokens for usage in known),
        max(usage.output_tokens for usage in known),
        max(usage.cache_read_tokens for usage in known),
        max(usage.cache_write_tokens for usage in known),
        None if None in costs else max(cost or 0 for cost in costs),
    )


def beyond(usage: Usage, part: Usage) -> Usage:
    """What of it goes beyond a part of it."""
    cost = None
    if usage.cost_nano_usd is not None:
        cost = max(0, usage.cost_nano_usd - (part.cost_nano_usd or 0))
    return Usage(
        max(0, usage.input_tokens - part.input_tokens),
        max(0, usage.output_tokens - part.output_tokens),
        max(0, usage.cache_read_tokens - part.cache_read_tokens),
        max(0, usage.cache_write_tokens - part.cache_write_tokens),
        cost,
    )


def noted(job: Job) -> Usage:
    """What the turn had cost when it was last noted: with what broke off, and left no note."""
    return _usage(job.attrs.get("spent"))


def counted(job: Job) -> Usage:
    """What of it is in the counters already."""
    return _usage(job.attrs.get("counted"))


def _usage(values: Mapping[str, Any] | None) -> Usage:
    return Usage(**values) if values else Usage()
