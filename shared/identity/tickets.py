"""One-time tickets for WebSocket connections, and signed tokens that may be used once.

A browser can send no header with a WebSocket, and a token in a URL ends up in logs. So whoever
has a credential gets a ticket over HTTP, which admits one connection within a minute.

    TICKET#<sha256 of the ticket>/TICKET       for whom, until when, what it was used for
    TICKETKEY#tenant#<sha256>/TICKETKEY        the nonce of the ticket that a request key got
    TOKEN#<name of a token>/TOKEN              what it was used for; kept until it has run out

The ticket itself is stored nowhere. One that was asked for with an `Idempotency-Key` is derived
from a stored nonce and the signing secret, so that asking again gives the same one.
"""

import base64
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Callable, Sequence

from shared.clock import Clock
from shared.errors import Unauthorized, ValidationError
from shared.identity.principal import Credential, Principal
from shared.mailbox.box import key_part
from shared.mailbox.requests import RiderFailed
from shared.storage.expressions import ABSENT, Assign, attr
from shared.storage.table import ConditionFailed, Item, Key, Operation, Put, Table, Update

LIFE_MS = 60_000
MAX_IDEMPOTENCY_KEY = 255

_TICKET = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_KEPT_SECONDS = 3600
_LEEWAY_MS = 300_000
_UNUSED = attr("used_by").absent()


class Tickets:
    """The tickets in a table."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def issue(
        self,
        credential: Credential,
        *,
        signing_secret: str,
        idempotency_key: str | None = None,
    ) -> tuple[str, int]:
        """A ticket and when it expires, in milliseconds. Whom it admits is admitted for as long
        as the credential would admit them.

        With the same key the same principal gets the same ticket, used or not, until it has
        expired; after that the key stands for a new one.

        Raises:
            ValidationError: the key is empty, too long or not printable.
        """
        expires_at = self._clock.now() + LIFE_MS
        nonce = secrets.token_urlsafe(32)
        if idempotency_key is None:
            self._table.write([_new_ticket(nonce, credential, expires_at)])
            return nonce, expires_at
        principal = credential.principal
        key = _request_key(principal, idempotency_key)
        free = ABSENT | attr("expires_at").le(self._clock.now())
        attrs = {"tenant": principal.tenant, "nonce": nonce, "expires_at": expires_at}
        ticket = _derived(signing_secret, nonce)
        claim = Put(Item(key, attrs, ttl=_ttl(expires_at)), free)
        try:
            self._table.write([claim, _new_ticket(ticket, credential, expires_at)])
        except ConditionFailed as failed:
            # Asked before, or our own write whose answer was lost: the item says which ticket.
            earlier = failed.failures.get(0)
            if earlier is None:
                raise
            return _derived(signing_secret, earlier.attrs["nonce"]), earlier.attrs["expires_at"]
        return ticket, expires_at

    def redeem(
        self, ticket: str, purpose: str, writes: Callable[[Credential], Sequence[Operation]]
    ) -> Credential:
        """Use the ticket for one purpose (a connection's name), once across all processes.

        `writes` happen together with the end of the ticket, or not at all. Redeeming again for
        the same purpose is the same use, and writes nothing.

        Raises:
            Unauthorized: unknown, used or expired. It does not tell which.
            RiderFailed: a condition of `writes` failed.
        """
        if not _TICKET.fullmatch(ticket):
            raise Unauthorized
        key = _key(ticket)
        item = self._table.get([key])[0]
        if item is None or item.body is None:
            raise Unauthorized
        credential = _credential(item)
        if item.attrs.get("used_by") == purpose:
            return credential
        now = self._clock.now()
        usable = _UNUSED & attr("expires_at").gt(now)
        use = Update(key, [Assign(("used_by",), purpose)], usable)
        try:
            self._table.write([use, *writes(credential)])
        except ConditionFailed as failed:
            if self._used_by(key, purpose):
                return credential
            if 0 in failed.failures:
                raise Unauthorized from failed
            raise RiderFailed({i - 1: old for i, old in failed.failures.items()}) from failed
        return credential

    def used_once(self, credential: Credential, purpose: str) -> Put:
        """The write by which a signed token that may be used once has been used for this. Its
        condition fails when it was used for something else."""
        key = Key(f"TOKEN#{credential.once}", "TOKEN")
        mine = ABSENT | attr("used_by").eq(purpose)
        until = (credential.expires_at or self._clock.now()) + _LEEWAY_MS
        return Put(Item(key, {"used_by": purpose}, ttl=_ttl(until)), mine)

    def is_used(self, credential: Credential) -> bool:
        """Whether a signed token that may be used once has been used in a WebSocket's URL, where
        somebody may have read it."""
        if credential.once is None:
            return False
        return self._table.get([Key(f"TOKEN#{credential.once}", "TOKEN")])[0] is not None

    def _used_by(self, key: Key, purpose: str) -> bool:
        """Whether our write took effect and only its answer was lost."""
        item = self._table.get([key])[0]
        return item is not None and item.attrs.get("used_by") == purpose


def _credential(item: Item) -> Credential:
    body = item.body or {}
    principal = Principal.from_dict(body["principal"])
    return Credential(principal=principal, expires_at=body["until"])


def _new_ticket(ticket: str, credential: Credential, expires_at: int) -> Put:
    # Without a condition: nobody else can have made this ticket, so writing it twice is once.
    attrs = {"tenant": credential.principal.tenant, "expires_at": expires_at}
    body = {"principal": credential.principal.to_dict(), "until": credential.expires_at}
    return Put(Item(_key(ticket), attrs, body, ttl=_ttl(expires_at)))


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
