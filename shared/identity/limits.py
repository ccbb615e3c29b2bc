"""How often principals and addresses may ask, counted for all processes in the Table.

    LIMIT#user#tenant#user / LIMIT#minute       frames, requests and connections of a person
    LIMIT#address#address  / LIMIT#minute       connections and tickets, and refused credentials

A count is a write of its own, or rides in a transaction with what it counts. One that finds its
counter full fails, and all that it rides with. The minutes are those of the clock. A write that is
repeated because its answer was lost counts twice: that is rare, and errs on the strict side.
"""

import ipaddress
from collections.abc import Sequence

from shared.clock import Clock
from shared.errors import RateLimited
from shared.identity.principal import SERVICE, Principal
from shared.mailbox.box import key_part
from shared.storage.expressions import ABSENT, Increment, attr
from shared.storage.table import ConditionFailed, Key, Operation, Table, Update

_MINUTE_MS = 60_000
_KEPT_SECONDS = 120
_LONGEST_ADDRESS = 64
_COUNT = "count"


class RateLimits:
    """The counters of a table. 0 for a limit is none."""

    def __init__(self, table: Table, clock: Clock, *, per_principal: int, per_address: int) -> None:
        self._table = table
        self._clock = clock
        self._per_principal = per_principal
        self._per_address = per_address

    def principal(self, principal: Principal) -> list[Update]:
        """The write that counts one act of a person. A service acts for many: for it, and on a
        machine of one person, there is nothing to write."""
        if principal.has_role(SERVICE):
            return []
        name = f"user#{key_part(principal.tenant)}#{key_part(principal.user)}"
        return self._counted(name, self._per_principal)

    def address(self, address: str | None) -> list[Update]:
        """The write that counts one knock at the door from an address; nothing if it is not
        known. Of IPv6 a subscriber has a whole /64, which counts as one."""
        return self._counted(f"address#{_subscriber(address)}", self._per_address if address else 0)

    def count(self, counts: Sequence[Operation]) -> None:
        """Make these writes.

        Raises:
            RateLimited: a counter is full.
        """
        if not counts:
            return
        try:
            self._table.write(list(counts))
        except ConditionFailed as failed:
            raise self.refused() from failed

    def refused(self) -> RateLimited:
        """What is said when a counter is full: come back when the minute is over."""
        return RateLimited(retry_after=60 - self._clock.now() // 1000 % 60)

    def _counted(self, name: str, limit: int) -> list[Update]:
        if not limit:
            return []
        now = self._clock.now()
        key = Key(f"LIMIT#{name}", f"LIMIT#{now // _MINUTE_MS}")
        room = ABSENT | attr(_COUNT).lt(limit)
        return [Update(key, [Increment((_COUNT,), 1)], room, ttl=now // 1000 + _KEPT_SECONDS)]


def _subscriber(address: str | None) -> str:
    text = (address or "")[:_LONGEST_ADDRESS]
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        return key_part(text)
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.IPv6Network((int(parsed) >> 64 << 64, 64)))
    return str(parsed)
