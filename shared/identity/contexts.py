"""`authContext`: a site's backend vouches for the person who sits before a browser.

    {"userId": …, "timestamp": seconds, "signature": hex of HMAC-SHA256(secret, "userId:timestamp")}

So the smooth-operator protocol has it. The connection that brings it acts for that person from
then on: with the role `user`, and in the tenant that it was opened in. It holds for a minute
before and after its time, and for one connection.

    CONTEXT#tenant#<sha256 of user and time> / CONTEXT      which connection has used it
"""

import hashlib
import hmac
import json
from dataclasses import dataclass

from pydantic import SecretStr

from shared.clock import Clock
from shared.errors import Forbidden
from shared.identity.principal import SERVICE, USER, Principal
from shared.mailbox.box import key_part
from shared.storage.expressions import ABSENT, attr
from shared.storage.table import Item, Key, Put

WINDOW_SEC = 60


@dataclass(frozen=True, kw_only=True)
class AuthContext:
    """As it came, checked for its form alone. `timestamp` is in seconds."""

    user: str
    timestamp: int
    signature: str


class AuthContexts:
    """Checks contexts."""

    def __init__(self, secret: SecretStr, clock: Clock, *, only_same: bool) -> None:
        """`only_same`: connections know who they are already, and a context may but confirm it."""
        self._secret = secret.get_secret_value().encode()
        self._clock = clock
        self._only_same = only_same

    def principal(self, context: AuthContext, connected: Principal) -> Principal:
        """For whom a connection that was opened by `connected` acts from now on.

        Raises:
            Forbidden: AUTH_CONTEXT_INVALID: forged, too old or too new, or not about somebody for
                whom the connection may act. It does not tell which.
        """
        signed = f"{context.user}:{context.timestamp}".encode()
        expected = hmac.digest(self._secret, signed, "sha256").hex()
        genuine = hmac.compare_digest(context.signature.lower().encode(), expected.encode())
        late = abs(self._clock.now() - context.timestamp * 1000) > WINDOW_SEC * 1000
        if not genuine or late or context.user == SERVICE:
            raise refused()
        if context.user == connected.user:
            return connected
        if self._only_same:
            raise refused()
        return Principal(connected.tenant, context.user, frozenset({USER}))

    def used(self, context: AuthContext, tenant: str, connection: str) -> Put:
        """The write by which this connection is the one that uses it. Its condition fails when
        another one has."""
        told = json.dumps([context.user, context.timestamp]).encode()
        key = Key(f"CONTEXT#{key_part(tenant)}#{hashlib.sha256(told).hexdigest()}", "CONTEXT")
        mine = ABSENT | attr("used_by").eq(connection)
        ttl = context.timestamp + 2 * WINDOW_SEC
        return Put(Item(key, {"used_by": connection}, ttl=ttl), mine)


def refused() -> Forbidden:
    return Forbidden(
        "The authContext is not valid here. Get a fresh one from the site's backend.",
        code="AUTH_CONTEXT_INVALID",
    )
