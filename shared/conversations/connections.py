"""Connections: who is on the other end of a WebSocket, and what may stream to it."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from shared.clock import Clock
from shared.conversations.items import (
    Connection,
    Session,
    box_key,
    connection_key,
    listener_name,
    session_key,
)
from shared.errors import ConflictError, RateLimited, Unauthorized, auth_expired
from shared.identity.access import may
from shared.identity.limits import RateLimits
from shared.identity.principal import Credential, Principal
from shared.mailbox.requests import Requests
from shared.storage.expressions import EXISTS, Assign, Change, Condition, Increment, attr
from shared.storage.table import ConditionFailed, Delete, Item, Operation, Put, Table, Update

log = logging.getLogger("parley")

MAX_SESSIONS = 64
"""Sessions that one connection may open or write to."""

TRIES = 3
"""How often a frame's counting is tried when other frames of the connection interfere."""


class Connections:
    """The CONN items, and which sessions they are attached to."""

    def __init__(
        self,
        table: Table,
        clock: Clock,
        requests: Requests,
        limits: RateLimits,
        *,
        per_minute: int,
        grace: float,
    ) -> None:
        """`per_minute`: the frames of one connection, 0 for any number. `grace`: seconds that a
        connection outlives the credential that it was opened with."""
        self._table = table
        self._clock = clock
        self._requests = requests
        self._limits = limits
        self._per_minute = per_minute
        self._grace = int(grace * 1000)

    # -- opening, closing, finding ---------------------------------------------------------

    def opened(
        self,
        connection: str,
        credential: Credential,
        agent: str | None = None,
        origin: str | None = None,
    ) -> Put:
        """The write that admits a connection, for the transaction that uses its credential up."""
        opened = Connection(
            id=connection,
            principal=credential.principal,
            until=self._until(credential),
            agent=agent,
            origin=origin,
            since=self._clock.now(),
        )
        return Put(opened.item)

    def closed(self, connection: str) -> None:
        """Forget a connection: nothing streams to it any more. Its turns go on."""
        item = self._table.get([connection_key(connection)])[0]
        if item is None:
            return
        gone = Connection.read(connection, item)
        for session, conversation in gone.attached.items():
            box = box_key(gone.principal.tenant, conversation)
            self._requests.detach(box, listener_name(session, connection))
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

    # -- who may still ask -----------------------------------------------------------------

    def until(self, connection: str) -> int | None:
        """Until when (ms) the connection's client is authenticated; None: as long as it is open,
        0: it is gone."""
        found = self.get(connection)
        return found.until if found else 0

    def check(self, connection: Connection) -> None:
        """Whether the connection's client is authenticated still.

        Raises:
            Unauthorized: AUTH_EXPIRED.
        """
        if connection.until is not None and self._clock.now() > connection.until:
            raise auth_expired()

    def renewed(self, connection: Connection, credential: Credential) -> Update:
        """The write by which the connection goes on with another credential of its principal. Its
        condition fails when its client has said anew who it is since it was read."""
        principal, until = credential.principal, self._until(credential)
        changed = replace(connection, principal=principal, until=until)
        return self._changed(changed, unchanged(connection))

    def acting_for(self, connection: Connection, principal: Principal) -> Update:
        """The write by which the connection acts for this principal from now on. Its condition
        fails like that of `renewed`, and when it uses sessions already: those are somebody
        else's."""
        changed = replace(connection, principal=principal)
        return self._changed(changed, unchanged(connection) & attr("attached").size_below(1))

    def _changed(self, connection: Connection, condition: Condition) -> Update:
        seen = [Increment(("credentials",), 1)]
        return Update(connection_key(connection.id), seen, condition, body=connection.body)

    def _until(self, credential: Credential) -> int | None:
        expires_at = credential.expires_at
        return None if expires_at is None else expires_at + self._grace

    # -- how often it may ask --------------------------------------------------------------

    def count(self, connection: Connection, session: Session | None = None) -> None:
        """Count a frame that queues nothing; with `session`, note that it is used.

        Raises:
            RateLimited: the connection or its principal has sent as many as it may in a minute.
            ConflictError: it uses as many sessions as it may.
            Unauthorized: it acts for somebody else by now.
        """
        current: Connection | None = connection
        for _ in range(TRIES):
            if current is None:
                return
            counts = self.frame(current, session) if session else self.counted(current)
            try:
                self._table.write(counts)
            except ConditionFailed as failed:
                self.refused(failed.failures)
                current = self.again(connection)
            else:
                return
        raise RateLimited(retry_after=1)

    def again(self, connection: Connection) -> Connection | None:
        """The connection as it is now; None if it is gone.

        Raises:
            Unauthorized: it acts for somebody else by now.
        """
        found = self.get(connection.id)
        if found is not None and found.principal.user != connection.principal.user:
            raise Unauthorized
        return found

    def frame(self, connection: Connection, session: Session) -> list[Operation]:
        """The writes that count a frame and note that the connection uses the session. The
        condition of the first fails when the minute's frames are used up or the connection has
        changed; the condition of another, when its principal's are (see `refused`).

        Raises:
            RateLimited: the connection had used up this minute when it was read.
            ConflictError: it uses as many sessions as it may.
        """
        if session.id not in connection.attached and len(connection.attached) >= MAX_SESSIONS:
            raise too_many_sessions()
        return self.counted(connection, attached(connection, session))

    def counted(self, connection: Connection, more: Sequence[Change] = ()) -> list[Operation]:
        """The writes that count a frame. Raises RateLimited like `frame`."""
        now = self._clock.now()
        minute, limit = now // 60_000, self._per_minute or 10**9
        same = connection.window == minute
        if same and connection.frames >= limit:
            raise self._limits.refused()
        counts: Sequence[Change] = [Assign(("window",), minute), Assign(("frames",), 1)]
        condition: Condition = attr("window").eq(connection.window)
        if same:
            counts, condition = [Increment(("frames",), 1)], condition & attr("frames").lt(limit)
        key = connection_key(connection.id)
        own = Update(key, [*counts, *more], unchanged(connection) & condition)
        return [own, *self._limits.principal(connection.principal)]

    def refused(self, failures: Mapping[int, Item | None]) -> None:
        """After the writes of `frame` or `counted` failed at these places of theirs.

        Raises:
            RateLimited: a principal's counter was full; trying again would not help.
        """
        if any(index > 0 for index in failures):
            raise self._limits.refused()

    # -- the sessions it uses --------------------------------------------------------------

    def use(self, connection: Connection, session: Session) -> None:
        """Note that the connection uses the session.

        Raises:
            ConflictError: it has too many sessions, or its client has said anew who it is.
        """
        try:
            self._table.write([self.attach(connection, session)])
        except ConditionFailed as failed:
            raise not_attached(failed.failures.get(0)) from failed

    def attach(self, connection: Connection, session: Session) -> Operation:
        """The write that notes that the connection uses the session. Its condition fails when that
        is one too many, and when its client has said anew who it is."""
        room: Condition = unchanged(connection) & attr("attached").size_below(MAX_SESSIONS)
        return Update(connection_key(connection.id), attached(connection, session), room)


def unchanged(connection: Connection) -> Condition:
    """It is there, and acts for whom it did when it was read."""
    return EXISTS & attr("credentials").eq(connection.credentials)


def not_attached(seen: Item | None) -> ConflictError:
    """Why the write of `attach` failed."""
    if seen is not None and len(seen.attrs.get("attached", {})) < MAX_SESSIONS:
        return ConflictError(
            "The connection has said anew who it is. Send the frame again.", retryable=True
        )
    return too_many_sessions()


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
    return found if may(principal, "write", found.thing) else None
