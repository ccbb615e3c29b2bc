"""Admission: who may open a WebSocket, and what happens when one closes."""

import logging
from collections.abc import Mapping
from urllib.parse import urlsplit

from shared.conversations.connections import Connections
from shared.errors import Forbidden, ParleyError, Unauthorized
from shared.identity.credentials import LOCAL
from shared.identity.principal import Principal
from shared.identity.tickets import Tickets
from shared.settings import Settings
from shared.storage.table import Put, Table

log = logging.getLogger("parley")

MAX_AGENT = 128
MAX_ORIGIN = 512
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})


class Admission:
    """Admits connections as AUTH_MODE says."""

    def __init__(
        self, table: Table, settings: Settings, tickets: Tickets, connections: Connections
    ) -> None:
        self._table = table
        self._settings = settings
        self._tickets = tickets
        self._connections = connections

    def connect(self, connection: str, query: Mapping[str, str], headers: Mapping[str, str]) -> int:
        """The HTTP status of the handshake: 200, or why the client may not come in."""
        try:
            self._admit(connection, query, headers)
        except ParleyError as fault:
            log.info("connection refused", extra={"code": fault.error_code})
            return fault.http_status
        return 200

    def _admit(self, connection: str, query: Mapping[str, str], headers: Mapping[str, str]) -> None:
        agent = query.get("assistant_id") or None
        if agent is not None and (len(agent) > MAX_AGENT or not agent.isprintable()):
            raise Forbidden("assistant_id is not the id of an agent.")

        origin = {name.lower(): value for name, value in headers.items()}.get("origin")
        if origin is not None and len(origin) > MAX_ORIGIN:
            raise Forbidden("This page may not connect.")

        def opened(principal: Principal) -> Put:
            return self._connections.opened(connection, principal, agent, origin)

        if self._settings.auth_mode == "none":
            self._check_origin(origin)
            self._table.write([opened(LOCAL)])
            return
        ticket = query.get("ticket")
        if not ticket:
            raise Unauthorized
        self._tickets.redeem(ticket, connection, opened)

    def _check_origin(self, origin: str | None) -> None:
        """Where nobody needs a credential, any web page that a developer opens could connect:
        browsers let it. So only pages of this machine may."""
        if origin is None or not self._settings.loopback:
            return
        try:
            host = urlsplit(origin).hostname
        except ValueError:
            host = None
        if host not in LOOPBACK_HOSTS:
            raise Forbidden("This page may not connect.")

    def disconnect(self, connection: str) -> None:
        """Nothing streams to the connection any more; its turns go on."""
        self._connections.closed(connection)
