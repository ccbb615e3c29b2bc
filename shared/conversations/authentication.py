"""Who the client of an open connection is, after it was opened: renewed, or vouched for."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from shared.conversations.connections import TRIES, Connections
from shared.conversations.items import Connection
from shared.errors import ConflictError, Unauthorized
from shared.identity.contexts import AuthContext, AuthContexts, refused
from shared.identity.credentials import Authenticator
from shared.identity.principal import Credential
from shared.identity.tickets import Tickets
from shared.mailbox.requests import RiderFailed
from shared.storage.table import ConditionFailed, Operation, Table


class Authentication:
    """What a client may send to say who it is. `contexts` is asked for when it is needed."""

    def __init__(
        self,
        table: Table,
        connections: Connections,
        authenticator: Authenticator,
        tickets: Tickets,
        contexts: Callable[[], AuthContexts],
    ) -> None:
        self._table = table
        self._connections = connections
        self._authenticator = authenticator
        self._tickets = tickets
        self._contexts = contexts

    def renew(
        self, connection: Connection, *, token: str | None = None, ticket: str | None = None
    ) -> int | None:
        """Go on with a new credential, one of the two, of the same user of the same tenant. Its
        roles and groups count from now on. When that one runs out (ms); None: never.

        Raises:
            Unauthorized: it is not valid, or somebody else's. It does not tell which.
        """
        if ticket is not None:
            credential = self._redeemed(connection, ticket)
            return credential.expires_at
        credential = self._authenticator.token(token or "")
        once: list[Operation] = []
        if credential.once is not None:
            once = [self._tickets.used_once(credential, _purpose(connection))]
        for _ in range(TRIES):
            try:
                self._table.write([*once, *self._renewed(connection, credential)])
            except ConditionFailed as failed:
                if once and 0 in failed.failures:
                    raise Unauthorized from failed
                # Another renewal came between; or it closed.
                connection = self._again(connection)
            else:
                return credential.expires_at
        raise _not_now()

    def _redeemed(self, connection: Connection, ticket: str) -> Credential:
        for _ in range(TRIES):
            writes = partial(self._renewed, connection)
            try:
                return self._tickets.redeem(ticket, _purpose(connection), writes)
            except RiderFailed:
                connection = self._again(connection)
        raise _not_now()

    def _again(self, connection: Connection) -> Connection:
        found = self._connections.again(connection)
        if found is None:
            raise Unauthorized
        return found

    def _renewed(self, connection: Connection, credential: Credential) -> list[Operation]:
        """Raises Unauthorized for somebody else's."""
        new, known = credential.principal, connection.principal
        if (new.tenant, new.user) != (known.tenant, known.user):
            raise Unauthorized
        return [self._connections.renewed(connection, credential)]

    def acting_for(self, connection: Connection, context: AuthContext) -> Connection:
        """The connection as it acts for the person for whom somebody vouches.

        Raises:
            Forbidden: AUTH_CONTEXT_INVALID: the context does not hold, or not for this one.
            ConflictError: the connection is somebody's already, who has sessions on it.
        """
        contexts, known = self._contexts(), connection.principal
        principal = contexts.principal(context, known)
        writes: list[Operation] = [contexts.used(context, known.tenant, connection.id)]
        if principal != known:
            writes.append(self._connections.acting_for(connection, principal))
        try:
            self._table.write(writes)
        except ConditionFailed as failed:
            if 0 in failed.failures:
                raise refused() from failed
            raise ConflictError(
                "This connection has sessions of somebody else, or has just said anew who it is. "
                "Open another one."
            ) from failed
        changes = 1 if principal != known else 0
        return replace(
            connection, principal=principal, credentials=connection.credentials + changes
        )


def _purpose(connection: Connection) -> str:
    """For what a ticket or a token is used up: not that for which it may have opened this very
    connection."""
    return f"{connection.id}/renewal"


def _not_now() -> ConflictError:
    return ConflictError("Somebody else says who this connection is. Try again.", retryable=True)
