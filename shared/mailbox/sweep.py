"""The sweep: once a minute, wake every mailbox whose `due` has passed or soon will.

It finds lost wakes, dead workers, expired prompts, retries and schedules with one query, and
decides nothing: whoever is woken reads the box itself.
"""

import logging
from dataclasses import dataclass

from shared.clock import Clock
from shared.mailbox.box import SHARDS, BoxKey
from shared.messaging.wakes import Wake, Wakes
from shared.storage.table import DUE, Item, Table, TransientError

log = logging.getLogger("parley")

LOOK_AHEAD = 75_000
"""Milliseconds: what falls due before the next sweep gets its delayed wake now."""

LONG_OVERDUE = 180_000
"""Milliseconds: what three sweeps did not help is woken every fifth minute only, so that a
blocked queue is not filled with the same wakes over and over."""

BATCH = 200


@dataclass(frozen=True)
class Swept:
    """What a sweep did: wakes sent, and by how much (ms) the oldest mailbox was overdue."""

    wakes: int
    oldest: int


class Sweep:
    """Looks through the due index and sends wakes."""

    def __init__(self, table: Table, wakes: Wakes, clock: Clock) -> None:
        self._table = table
        self._wakes = wakes
        self._clock = clock

    def run(self, *, seconds: float) -> Swept:
        """One pass over all shards, the oldest of each first, for at most about `seconds`."""
        deadline = self._clock.monotonic() + seconds
        now = self._clock.now()
        sent = oldest = 0
        for shard in range(SHARDS):
            try:
                count, age = self._shard(shard, now, deadline)
            except TransientError:
                log.warning("sweep could not read a shard", extra={"shard": shard}, exc_info=True)
                continue
            sent += count
            oldest = max(oldest, age)
        return Swept(sent, oldest)

    def _shard(self, shard: int, now: int, deadline: float) -> tuple[int, int]:
        sent = oldest = 0
        cursor = None
        while True:
            page = self._table.query_index(
                DUE, shard, up_to=now + LOOK_AHEAD, limit=BATCH, cursor=cursor
            )
            wakes = [wake for item in page.items if (wake := self._wake(item, now))]
            self._wakes.send(wakes)
            sent += len(wakes)
            oldest = max([oldest, *(now - item.attrs["due"] for item in page.items)])
            cursor = page.cursor
            if cursor is None or self._clock.monotonic() > deadline:
                return sent, oldest

    def _wake(self, item: Item, now: int) -> Wake | None:
        due = item.attrs["due"]
        if now - due > LONG_OVERDUE and (now // 60_000) % 5:
            return None
        try:
            key = BoxKey.parse(item.key.pk)
        except ValueError:
            log.exception("not a mailbox in the due index", extra={"item": item.key.pk})
            return None
        return Wake(key.pk, key.tenant, max(0, -(-(due - now) // 1000)))
