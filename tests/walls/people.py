"""Who asks: people with signed tokens, and what they are known by."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt

JWT_SECRET = "the-secret-of-the-issuer-of-these-tests"
HOUR = 3600


@dataclass(frozen=True)
class Person:
    """A user of a tenant. `behalf`: the service token is borne for them, over HTTP alone."""

    tenant: str
    user: str
    roles: tuple[str, ...] = ()
    email: str | None = None
    groups: tuple[str, ...] | None = None
    behalf: bool = False

    def token(self, now: int, **more: Any) -> str:
        """A signed token, good for an hour from `now` (ms) on."""
        claims: dict[str, Any] = {"tenant": self.tenant, "sub": self.user}
        claims |= {"exp": now // 1000 + HOUR, "roles": list(self.roles)}
        if self.email is not None:
            claims["email"] = self.email
        if self.groups is not None:
            claims["groups"] = list(self.groups)
        return jwt.encode({**claims, **more}, JWT_SECRET, "HS256")


ANN = Person("acme", "ann.archer", email="ann@archer.example", groups=("press",))
"""Whose things the others ask for."""

NOBODY = Person("acme", "noe.nobody")
"""Somebody who was never here."""

BEA = Person("globex", "bea.baker", email="bea@baker.example")
SAME_NAME = Person("globex", "ann.archer", email="ann@archer.example", groups=("press",))
ROBOT = Person("globex", "robot", roles=("service",))
CHIEF = Person("globex", "chief", roles=("admin", "all"))
ON_BEHALF = Person("globex", "ann.archer", behalf=True)

BOB = Person("acme", "bob.butler")
COLLEAGUE = Person("acme", "cat.cook", email="ann@archer.example", groups=("press",))
ADMIN = Person("acme", "max.manager", roles=("admin",), email="max@archer.example", groups=())
KEY_LIKE = Person("acme", "ann.archer#x/y%23")

FOREIGN: Mapping[str, Person] = {
    "another tenant": BEA,
    "another tenant, same name and address": SAME_NAME,
    "another tenant's service": ROBOT,
    "another tenant's admin": CHIEF,
    "another tenant's service for the same name": ON_BEHALF,
}
FELLOWS: Mapping[str, Person] = {
    "another user without an address": BOB,
    "another user with the same address": COLLEAGUE,
    "another user, an admin": ADMIN,
    "another user whose name is like a key": KEY_LIKE,
}


def signed_context(secret: str, user: str, now: int) -> dict[str, Any]:
    """An `authContext`, as a site's backend makes it at `now` (ms)."""
    told = f"{user}:{now // 1000}".encode()
    signature = hmac.digest(secret.encode(), told, "sha256").hex()
    return {"userId": user, "timestamp": now // 1000, "signature": signature}
