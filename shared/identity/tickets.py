"""One-time tickets for WebSocket connections.

A browser can send no header with a WebSocket, and a token in a URL ends up in logs. So whoever
has a credential gets a ticket over HTTP, which admits one connection within a minute.

    TICKET#<sha256 of the ticket>/TICKET       the principal, until when, which connection used it
    TICKETKEY#tenant#<sha256>/TICKETKEY        the nonce of the ticket that a request key got

The ticket itself is stored nowhere. One that was asked for with an `Idempotency-Key` is derived
from a stored nonce and the signing secret, so that asking again gives the same one.
"""

import base64
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Callable

from shared.clock import Clock
from shared.errors import Unauthorized, ValidationError
from shared.identity.principal import Principal
from shared.mailbox.box import key_part
from shared.storage.expressions import ABSENT, Assign, attr
from shared.storage.table import ConditionFailed, Item, Key, Put, Table, Update

LIFE_MS = 60_000
MAX_IDEMPOTENCY_KEY = 255

_TICKET = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_KEPT_SECONDS = 3600
_UNUSED = attr("used_by").absent()


class Tickets:
    """The tickets in a table."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def issue(
        self,
        principal: Principal,
        *,
        signing_secret: str,
        idempotency_key: str | None = None,
    ) -> tuple[str, int]:
        """A ticket and when it expires, in milliseconds.

        With the same key the same principal gets the same ticket, used or not, until it has
        expired; after that the key stands for a new one.

        Raises:
            ValidationError: the key is empty, too long or not printable.
        """
        expires_at = self._clock.now() + LIFE_MS
        nonce = secrets.token_urlsafe(32)
        if idempotency_key is None:
            self._table.write([_new_ticket(nonce, principal, expires_at)])
            return nonce, expires_at
        key = _request_key(principal, idempotency_key)
        free = ABSENT | attr("expires_at").le(self._clock.now())
        attrs = {"tenant": principal.tenant, "nonce": nonce, "expires_at": expires_at}
        ticket = _derived(signing_secret, nonce)
        claim = Put(Item(key, attrs, ttl=_ttl(expires_at)), free)
        try:
            self._table.write([claim, _new_ticket(ticket, principal, expires_at)])
        except ConditionFailed as failed:
            # Asked before, or our own write whose answer was lost: the item says which ticket.
            earlier = failed.failures.get(0)
            if earlier is None:
                raise
            return _derived(signing_secret, earlier.attrs["nonce"]), earlier.attrs["expires_at"]
        return ticket, expires_at

    def redeem(self, ticket: str, connection: str, put: Callable[[Principal], Put]) -> Principal:
        """Admit the connection with the ticket's principal, once across all processes.

        `put` makes the write of the connection's item; it happens together with the end of the
        ticket, or not at all. Redeeming again for the same connection is the same admission.

        Raises:
            Unauthorized: unknown, used or expired. It does not tell which.
        """
        if not _TICKET.fullmatch(ticket):
            raise Unauthorized
        key = _key(ticket)
        item = self._table.get([key])[0]
        if item is None or item.body is None:
            raise Unauthorized
        principal = Principal.from_dict(item.body)
        if item.attrs.get("used_by") == connection:
            return principal
        now = self._clock.now()
        usable = _UNUSED & attr("expires_at").gt(now)
        use = Update(key, [Assign(("used_by",), connection)], usable)
        try:
            self._table.write([use, put(principal)])
        except ConditionFailed as failed:
            if not self._used_by(key, connection):
                raise Unauthorized from failed
        return principal

    def _used_by(self, key: Key, connection: str) -> bool:
        """Whether our write took effect and only its answer was lost."""
        item = self._table.get([key])[0]
        return item is not None and item.attrs.get("used_by") == connection


def _new_ticket(ticket: str, principal: Principal, expires_at: int) -> Put:
    # Without a condition: nobody else can have made this ticket, so writing it twice is once.
    attrs = {"tenant": principal.tenant, "expires_at": expires_at}
    return Put(Item(_key(ticket), attrs, principal.to_dict(), ttl=_ttl(expires_at)))


def _key(ticket: str) -> Key:
    return Key(f"TICKET#{hashlib.sha256(ticket.encode()).hexdigest()}", "TICKET")


def _request_key(principal: Principal, idempotency_key: str) -> Key:
    if not 1 <= len(idempotency_key) <= MAX_IDEMPOTENCY_KEY or not idempotency_key.isprintable():
        raise ValidationError(
            f"Idempotency-Key must be 1 to {MAX_IDEMPOTENCY_KEY} printable characters."
        )
    # The roles too: the answer to one principal is never the answer to another.
    asked = json.dumps([principal.to_dict(), idempotency_key])
    digest = hashlib.sha256(asked.encode()).hexdigest()
    return Key(f"TICKETKEY#{key_part(principal.tenant)}#{digest}", "TICKETKEY")


def _derived(signing_secret: str, nonce: str) -> str:
    digest = hmac.digest(signing_secret.encode(), f"ticket:{nonce}".encode(), "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _ttl(expires_at: int) -> int:
    return expires_at // 1000 + _KEPT_SECONDS
