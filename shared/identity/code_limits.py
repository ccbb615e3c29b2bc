"""How often one-time codes are sent, counted for all processes in the Table.

    LIMIT#code-session#tenant#session   / LIMIT#hour    codes sent in a session
    LIMIT#code-address#tenant#<sha256>  / LIMIT#hour    codes sent to an address, over all sessions

Both are counted in one write before a code is sent: when one of the two is full, neither is. The
hours are those of the clock. A write that is repeated because its answer was lost counts twice:
that is rare, and errs on the strict side.
"""

import hashlib
import json

from shared.clock import Clock
from shared.errors import RateLimited
from shared.mailbox.box import key_part
from shared.storage.expressions import ABSENT, Increment, attr
from shared.storage.table import ConditionFailed, Key, Table, Update

PER_SESSION = 5
PER_ADDRESS = 10

_HOUR_SECONDS = 3600
_COUNT = "count"


class CodeLimits:
    """The counters of a table."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def take(self, tenant: str, session: str, address: str) -> None:
        """Count one code that is about to be sent.

        Raises:
            RateLimited: `PER_SESSION` have been sent in the session in this hour of the clock, or
                `PER_ADDRESS` to the address in the tenant's sessions. It does not tell which.
        """
        owner = key_part(tenant)
        counts = [
            self._counted(f"code-session#{owner}#{key_part(session)}", PER_SESSION),
            self._counted(f"code-address#{owner}#{_hidden(tenant, address)}", PER_ADDRESS),
        ]
        try:
            self._table.write(counts)
        except ConditionFailed as failed:
            raise RateLimited(
                "Too many codes have been sent; ask for another one when the hour is over.",
                retry_after=_HOUR_SECONDS - self._clock.now() // 1000 % _HOUR_SECONDS,
            ) from failed

    def _counted(self, name: str, limit: int) -> Update:
        now = self._clock.now() // 1000
        key = Key(f"LIMIT#{name}", f"LIMIT#{now // _HOUR_SECONDS}")
        room = ABSENT | attr(_COUNT).lt(limit)
        return Update(key, [Increment((_COUNT,), 1)], room, ttl=now + 2 * _HOUR_SECONDS)


def _hidden(tenant: str, address: str) -> str:
    """Stands for an address, in whatever case it is written, where it must not be read; in another
    tenant something else does."""
    told = json.dumps([tenant, address.lower()])
    return hashlib.sha256(told.encode()).hexdigest()
