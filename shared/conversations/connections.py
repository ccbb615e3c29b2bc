"""Connections: who is on the other end of a WebSocket, and what may stream to it."""

import logging
from collections.abc import Sequence

from shared.clock import Clock
from shared.conversations.items import (
    Connection,
    Session,
    box_key,
    connection_key,
    listener,
    session_key,
)
from shared.errors import ConflictError, RateLimited
from shared.identity.access import may
from shared.identity.principal import Principal
from shared.mailbox.requests import Requests
from shared.storage.expressions import EXISTS, Assign, Change, Condition, Increment, attr
from shared.storage.table import Delete, Item, Operation, Put, Table, Update

log = logging.getLogger("parley")

MAX_SESSIONS = 64
"""Sessions that one connection may open or write to."""


class Connections:
    """The CONN items, and which sessions they are attached to."""

    def __init__(self, table: Table, clock: Clock, requests: Requests, *, per_minute: int) -> None:
        self._table = table
        self._clock = clock
        self._requests = requests
        self._per_minute = per_minute

    def opened(
        self,
        connection: str,
        principal: Principal,
        agent: str | None,
        origin: str | None = None,
    ) -> Put:
        """The write that admits a connection, for the transaction that redeems its ticket."""
        opened = Connection(id=connection, principal=principal, agent=agent, origin=origin)
        return Put(opened.item(self._clock.now()))

    def closed(self, connection: str) -> None:
        """Forget a connection: nothing streams to it any more. Its turns go on."""
        item = self._table.get([connection_key(connection)])[0]
        if item is None:
            return
        gone = Connection.read(connection, item)
        for session, conversation in gone.attached.items():
            box = box_key(gone.principal.tenant, conversation)
            self._requests.detach(box, listener(session, connection))
        self._table.write([Delete(connection_key(connection))])

    def load(self, connection: str, session: str) -> tuple[Connection | None, Session | None]:
        """A connection and a session that its principal may use, in one read. A session that is
        somebody else's is None, like one that does not exist."""
        keys = [connection_key(connection), session_key(session)]
        conn_item, session_item = self._table.get(keys)
        if conn_item is None:
            return None, None
        found = Connection.read(connection, conn_item)
        return found, readable(found.principal, session, session_item)

    def get(self, connection: str) -> Connection | None:
        item = self._table.get([connection_key(connection)])[0]
        return Connection.read(connection, item) if item else None

    def frame(self, connection: Connection, session: Session) -> Operation:
        """The write that counts a frame and notes that the connection uses the session. Its
        condition fails when the minute's frames are used up or the connection has changed.

        Raises:
            RateLimited: the connection had used up this minute when it was read.
            ConflictError: it uses as many sessions as it may.
        """
        if session.id not in connection.attached and len(connection.attached) >= MAX_SESSIONS:
            raise too_many_sessions()
        now = self._clock.now()
        minute, limit = now // 60_000, self._per_minute or 10**9
        same = connection.window == minute
        if same and connection.frames >= limit:
            raise RateLimited(retry_after=60 - now // 1000 % 60)
        counted: Sequence[Change] = [Assign(("window",), minute), Assign(("frames",), 1)]
        condition: Condition = attr("window").eq(connection.window)
        if same:
            counted, condition = [Increment(("frames",), 1)], condition & attr("frames").lt(limit)
        changes = [*counted, *attached(connection, session)]
        return Update(connection_key(connection.id), changes, EXISTS & condition)

    def attach(self, connection: Connection, session: Session) -> Operation:
        """The write that notes that the connection uses the session."""
        room: Condition = EXISTS & attr("attached").size_below(MAX_SESSIONS)
        return Update(connection_key(connection.id), attached(connection, session), room)


def too_many_sessions() -> ConflictError:
    return ConflictError(
        f"A connection may use {MAX_SESSIONS} sessions. Close it and connect again.",
        code="TOO_MANY_SESSIONS",
    )


def attached(connection: Connection, session: Session) -> list[Change]:
    if session.id in connection.attached:
        return []
    return [Assign(("attached", session.id), session.conversation)]


def readable(principal: Principal, session: str, item: Item | None) -> Session | None:
    """The session, if this principal may use it."""
    if item is None:
        return None
    found = Session.read(session, item)
    owns = may(principal, "write", tenant=found.tenant, owner=found.user)
    return found if owns else None
