"""What has been used, for people to read: by a tenant on each day, by a conversation."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Self

from shared.clock import Clock
from shared.conversations.items import meta_key
from shared.conversations.usage import SHARDS, day_of, shards
from shared.errors import ValidationError
from shared.mailbox.box import BoxKey
from shared.storage.table import Key, Table

USUAL_DAYS = 30
MAX_DAYS = 366
KEYS = 96
"""Counters that are read at a time, whole days of them."""


@dataclass(frozen=True, kw_only=True)
class Used:
    """Turns that have ended, tokens, and nano-USD. What turns under way have cost may be in it, and
    so is what was spent beside turns; what has no known price costs nothing."""

    turns: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost: int = 0

    @classmethod
    def read(cls, attrs: Mapping[str, Any]) -> Self:
        """What the counters of an item say."""
        return cls(**{name: int(attrs.get(name, 0)) for name in cls.__dataclass_fields__})

    def __add__(self, other: "Used") -> "Used":
        return Used(
            turns=self.turns + other.turns,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cache_read_tokens=self.cache_read_tokens + other.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
            cost=self.cost + other.cost,
        )


class UsageReports:
    """Reads counters."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def days(
        self, tenant: str, first: date | None = None, last: date | None = None
    ) -> Sequence[tuple[date, Used]]:
        """Each day (UTC) from the first to the last, those with nothing too; without a last one
        until today, without a first one the last 30.

        Raises:
            ValidationError: they end before they begin, or are more than 366.
        """
        last = last or day_of(self._clock.now())
        if first is None:
            first = date.fromordinal(max(1, last.toordinal() - USUAL_DAYS + 1))
        count = (last - first).days + 1
        if count < 1:
            raise _refused("from", "may not be later than `to`")
        if count > MAX_DAYS:
            raise _refused("from", f"may be at most {MAX_DAYS} days before the end; ask for fewer")
        days = [first + timedelta(days=number) for number in range(count)]
        return list(zip(days, self._sums(tenant, days), strict=True))

    def conversation(self, box: BoxKey) -> Used:
        """What the turns of a conversation have used that have ended."""
        meta = self._table.get([meta_key(box)])[0]
        return Used.read(meta.attrs) if meta else Used()

    def _sums(self, tenant: str, days: Sequence[date]) -> Iterator[Used]:
        keys = [key for day in days for key in shards(tenant, day)]
        found = [used for start in range(0, len(keys), KEYS) for used in self._read(keys, start)]
        for start in range(0, len(found), SHARDS):
            yield sum(found[start : start + SHARDS], Used())

    def _read(self, keys: Sequence[Key], start: int) -> Iterator[Used]:
        for item in self._table.get(keys[start : start + KEYS], consistent=False):
            yield Used.read(item.attrs) if item else Used()


def _refused(field: str, reason: str) -> ValidationError:
    fault = {"path": f"query.{field}", "message": reason}
    return ValidationError(f"query.{field}: {reason}", details={"faults": [fault]})
