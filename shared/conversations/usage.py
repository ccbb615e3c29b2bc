"""What a tenant has used today: counters spread over shards, so that its turns do not collide.

Each finished turn adds to one shard, chosen by its conversation, in the transaction that ends it.
The sum is read with the turn, at most once a minute in a warm worker.
"""

import zlib
from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime
from threading import Lock

from shared.clock import Clock
from shared.errors import TurnFailed
from shared.mailbox.box import Job, key_part
from shared.models.port import Usage
from shared.storage.expressions import Increment
from shared.storage.table import Item, Key, Operation, Update

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
    """The counters of a day, by tenant. `limit` is what one may spend a day, in nano-USD."""

    def __init__(self, clock: Clock, limit: int | None = None) -> None:
        self._clock = clock
        self._limit = limit
        self._sums: dict[str, tuple[int, int]] = {}

    def keys(self, tenant: str) -> list[Key]:
        """The counters to read beside a turn; none while the last sum is fresh."""
        read_at, _ = self._sums.get(self._partition(tenant), (0, 0))
        if self._clock.now() - read_at < FRESH_MS:
            return []
        return [Key(self._partition(tenant), f"{shard:02d}") for shard in range(SHARDS)]

    def note(self, tenant: str, items: Sequence[Item | None]) -> None:
        """What reading `keys` gave."""
        if items:
            spent = sum(item.attrs.get("cost", 0) for item in items if item)
            self._sums = {self._partition(tenant): (self._clock.now(), spent), **self._others()}

    def _others(self) -> dict[str, tuple[int, int]]:
        horizon = self._clock.now() - FRESH_MS
        return {name: entry for name, entry in self._sums.items() if entry[0] > horizon}

    def spent(self, tenant: str) -> int:
        """Nano-USD that the tenant had spent today when it was last read."""
        return self._sums.get(self._partition(tenant), (0, 0))[1]

    def check(self, tenant: str) -> None:
        """Before money is spent.

        Raises:
            TurnFailed: BUDGET_EXCEEDED.
        """
        if self._limit is not None and self.spent(tenant) >= self._limit:
            raise TurnFailed("Today's budget is used up.", code="BUDGET_EXCEEDED")

    def add(self, tenant: str, conversation: str, usage: Usage, *, turns: int = 1) -> Operation:
        """The write that counts a turn, or (0) what was spent beside one. It rides in a transaction
        that can happen only once."""
        shard = zlib.crc32(conversation.encode()) % SHARDS
        counted = {
            "turns": turns,
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "cache_read_tokens": usage.cache_read_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
            "cost": usage.cost_nano_usd or 0,
        }
        changes = [Increment((name,), by) for name, by in counted.items()]
        key = Key(self._partition(tenant), f"{shard:02d}")
        return Update(key, changes, ttl=self._clock.now() // 1000 + KEEP_SECONDS)

    def _partition(self, tenant: str) -> str:
        day = datetime.fromtimestamp(self._clock.now() / 1000, UTC).date().isoformat()
        return f"USAGE#{key_part(tenant)}#{day}"
