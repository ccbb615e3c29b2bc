"""Admission: who may open a WebSocket, and what happens when one closes."""

import logging
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from shared.conversations.connections import Connections
from shared.errors import Forbidden, ParleyError, ServiceUnavailable, Unauthorized
from shared.identity.credentials import LOCAL, Authenticator
from shared.identity.limits import RateLimits
from shared.identity.principal import Credential
from shared.identity.tickets import Tickets
from shared.mailbox.requests import RiderFailed
from shared.settings_types import LOOPBACK
from shared.storage.table import ConditionFailed, Operation, Table, TransientError

log = logging.getLogger("parley")

MAX_AGENT = 128
MAX_ORIGIN = 512

Opened = Callable[[Credential], list[Operation]]
"""The writes that open a connection for a credential, and count that."""


class Admission:
    """Admits connections as AUTH_MODE says. `local_pages`: only web pages of this machine may
    connect where nobody needs a credential, as any page that a developer opens could otherwise."""

    def __init__(
        self,
        table: Table,
        authenticator: Authenticator,
        tickets: Tickets,
        connections: Connections,
        limits: RateLimits,
        *,
        local_pages: bool,
    ) -> None:
        self._table = table
        self._authenticator = authenticator
        self._tickets = tickets
        self._connections = connections
        self._limits = limits
        self._local_pages = local_pages

    def connect(
        self,
        connection: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        address: str | None = None,
    ) -> int:
        """The HTTP status of the handshake: 200, or why the client may not come in."""
        try:
            self._admit(connection, query, headers, address)
        except ParleyError as fault:
            log.info("connection refused", extra={"code": fault.error_code})
            return fault.http_status
        except TransientError:
            log.warning("store unavailable", exc_info=True)
            return ServiceUnavailable.status
        return 200

    def _admit(
        self,
        connection: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        address: str | None,
    ) -> None:
        agent = query.get("assistant_id") or None
        if agent is not None and (len(agent) > MAX_AGENT or not agent.isprintable()):
            raise Forbidden("assistant_id is not the id of an agent.")
        origin = {name.lower(): value for name, value in headers.items()}.get("origin")
        if origin is not None and len(origin) > MAX_ORIGIN:
            raise Forbidden("This page may not connect.")

        def opened(credential: Credential) -> list[Operation]:
            return [
                self._connections.opened(connection, credential, agent, origin),
                *self._limits.principal(credential.principal),
                *self._limits.address(address),
            ]

        try:
            self._redeem(connection, query, origin, opened)
        except Unauthorized:
            # Whoever tries one credential after another is told to wait, whatever comes next.
            self._limits.count(self._limits.address(address))
            raise
        except RiderFailed as full:
            raise self._limits.refused() from full

    def _redeem(
        self, connection: str, query: Mapping[str, str], origin: str | None, opened: Opened
    ) -> None:
        """Use the credential up, and open the connection with it.

        Raises:
            RiderFailed: somebody connects too often.
        """
        ticket, token = query.get("ticket"), query.get("token")
        if self._authenticator.asks_nobody:
            self._check_origin(origin)
            self._bear(Credential(principal=LOCAL), connection, opened)
        elif ticket and not token:
            self._tickets.redeem(ticket, connection, opened)
        elif token and not ticket:
            self._bear(self._authenticator.token(token), connection, opened)
        else:
            raise Unauthorized

    def _bear(self, credential: Credential, connection: str, opened: Opened) -> None:
        once = []
        if credential.once is not None:
            once = [self._tickets.used_once(credential, connection)]
        try:
            self._table.write([*once, *opened(credential)])
        except ConditionFailed as failed:
            if once and 0 in failed.failures:
                raise Unauthorized from failed
            raise RiderFailed(failed.failures) from failed

    def _check_origin(self, origin: str | None) -> None:
        if origin is None or not self._local_pages:
            return
        try:
            host = urlsplit(origin).hostname
        except ValueError:
            host = None
        if host not in LOOPBACK:
            raise Forbidden("This page may not connect.")

    def disconnect(self, connection: str) -> None:
        """Nothing streams to the connection any more; its turns go on."""
        self._connections.closed(connection)
