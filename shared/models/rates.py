"""How many calls of a model a tenant may make in a minute, counted for all processes in the Table.

It is a token bucket that holds a minute's calls and refills all the time, kept as one number: the
time at which it will be full again. A call moves that time on by its share of a minute, and is
refused if it would then lie more than a minute ahead. Whether the bucket is full or not decides
how the number moves, so a call guesses from what it saw last, and one store call is the rule.

The number of the last writer stands beside it (`by`): a write whose answer was lost meets it, and
knows that it has taken effect.
"""

import logging
from collections import OrderedDict
from threading import Lock
from urllib.parse import quote

from shared.clock import Clock
from shared.ids import new_id
from shared.models.port import ModelError
from shared.storage.expressions import ABSENT, Assign, Increment, attr
from shared.storage.table import ConditionFailed, Item, Key, Table, TransientError, Update

TRIES = 5
"""Writes of one call that may lose against others before it counts as refused."""

KEEP_SECONDS = 3600
_SEEN = 1000
_MINUTE = 60 * 10**9
_SECOND = 10**9

log = logging.getLogger("parley")


class ModelRates:
    """A limit of `per_minute` calls for each tenant and model. Safe for many threads."""

    def __init__(self, table: Table, clock: Clock, per_minute: int) -> None:
        self._table = table
        self._clock = clock
        # Nanoseconds, rounded up: rather a little less than a little more.
        self._share = -(-_MINUTE // per_minute)
        self._room = self._share * (per_minute - 1)
        self._seen: OrderedDict[Key, int] = OrderedDict()
        self._lock = Lock()

    def take(self, tenant: str, model: str) -> None:
        """Count one call that is about to be made.

        A store that does not answer lets the call pass: the limit spares a provider's quota, and
        nothing breaks if a few calls too many reach it, as it has a limit of its own.

        Raises:
            ModelError: RATE_LIMITED; `details` say in how many seconds to try again.
        """
        key = Key(f"RATE#{quote(tenant, safe='')}#{quote(model, safe='')}", "RATE")
        try:
            wait = self._wait(key)
        except TransientError:
            log.warning("model rate not counted", exc_info=True)
            return
        if wait is not None:
            raise ModelError(
                "This model is asked too often at the moment; try again later.",
                code="RATE_LIMITED",
                retryable=True,
                details={"retryAfter": max(1, -(-wait // _SECOND))},
            )

    def _wait(self, key: Key) -> int | None:
        """None if the call was counted; else the nanoseconds until there is room."""
        full = self._known(key)
        by = new_id()
        for _ in range(TRIES):
            now = self._clock.now() * 10**6
            try:
                item = self._table.update(self._count(key, now, by, idle=full < now))
            except ConditionFailed as failed:
                found = failed.failures.get(0)
                full = _full(found)
                self._remember(key, full)
                if found is not None and found.attrs.get("by") == by:
                    return None
                if full > now + self._room:
                    return full - now - self._room
            else:
                self._remember(key, _full(item))
                return None
        return self._share

    def _count(self, key: Key, now: int, by: str, *, idle: bool) -> Update:
        full = attr("full_at")
        if idle:
            move: Assign | Increment = Assign(("full_at",), now + self._share)
            condition = ABSENT | full.lt(now)
        else:
            move = Increment(("full_at",), self._share)
            condition = full.ge(now) & full.le(now + self._room) & attr("by").ne(by)
        return Update(
            key,
            [move, Assign(("by",), by)],
            condition,
            ttl=now // _SECOND + KEEP_SECONDS,
        )

    def _known(self, key: Key) -> int:
        with self._lock:
            return self._seen.get(key, 0)

    def _remember(self, key: Key, full: int) -> None:
        with self._lock:
            self._seen[key] = full
            self._seen.move_to_end(key)
            if len(self._seen) > _SEEN:
                self._seen.popitem(last=False)


def _full(item: Item | None) -> int:
    return item.attrs["full_at"] if item else 0
