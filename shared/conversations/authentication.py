"""Who the client of an open connection is, after it was opened: renewed, or vouched for."""

from collections.abc import Callable
from dataclasses import replace

from shared.conversations.connections import Connections
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
            return self._redeemed(connection, ticket).expires_at
        credential = self._authenticator.token(token or "")
        writes = [*self._renewed(connection, credential)]
        if credential.once is not None:
            writes.append(self._tickets.used_once(credential, f"{connection.id}/renewal"))
        try:
            self._table.write(writes)
        except ConditionFailed as failed:
            raise Unauthorized from failed
        return credential.expires_at

    def _redeemed(self, connection: Connection, ticket: str) -> Credential:
        try:
            return self._tickets.redeem(
                # Not the purpose for which it may have opened this very connection.
                ticket,
                f"{connection.id}/renewal",
                lambda credential: self._renewed(connection, credential),
            )
        except RiderFailed as gone:
            raise Unauthorized from gone

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
                "This connection has sessions of somebody else. Open another one."
            ) from failed
        return replace(connection, principal=principal)
