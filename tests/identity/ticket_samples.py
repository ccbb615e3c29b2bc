"""Who asks for tickets, and short ways to issue and redeem them."""

from collections.abc import Callable

from shared.identity.principal import Credential, Principal
from shared.identity.tickets import Tickets
from shared.storage.expressions import ABSENT
from shared.storage.table import Item, Key, Operation, Put, Table
from tests.support.faults import Plan

Build = Callable[[Plan], tuple[Tickets, Table]]
"""Makes tickets over a table with faults."""

ANN = Principal("acme", "ann", frozenset({"user"}), email="ann@example.com")
BOB = Principal("acme", "bob", frozenset({"user"}))
SECRET = "a-signing-secret-of-some-length"


def connection(name: str) -> Callable[[Credential], list[Operation]]:
    def writes(credential: Credential) -> list[Operation]:
        principal = credential.principal
        attrs = {"tenant": principal.tenant, "principal": principal.to_dict()}
        return [Put(Item(Key(f"CONN#{name}", "CONN"), attrs), ABSENT)]

    return writes


def admit(tickets: Tickets, ticket: str, name: str = "c1") -> Principal:
    return tickets.redeem(ticket, name, connection(name)).principal


def stored(table: Table, name: str = "c1") -> Item | None:
    return table.get([Key(f"CONN#{name}", "CONN")])[0]


def issue(tickets: Tickets, principal: Principal = ANN, key: str | None = None) -> str:
    return tickets.issue(
        Credential(principal=principal), signing_secret=SECRET, idempotency_key=key
    )[0]
