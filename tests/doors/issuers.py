"""Who signs tokens in these tests, and what a deployment is told of them."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from shared.clock import Clock
from tests.identity.token_samples import (
    MISSING,
    SECRET,
    SECRET_BYTES,
    PrivateKey,
    ec_key,
    jwk,
    pem,
    rsa_key,
    signed,
)
from tests.messaging.receivers import HOST, Receiver, receiver
from tests.support.deployments import SERVICE_TOKEN, Variables

ISSUER = "https://issuer.example"
AUDIENCE = "parley"
LIFE = 600
"""Seconds that a token lives unless a test says otherwise."""

LEEWAY = 30

COMMON: Variables = {
    "AUTH_MODE": "jwt",
    "AUTH_JWT_ISSUER": ISSUER,
    "AUTH_JWT_AUDIENCE": AUDIENCE,
    "AUTH_JWT_LEEWAY_SEC": str(LEEWAY),
    "SERVICE_TOKEN": SERVICE_TOKEN,
    # What is counted is seen, and nobody is told to wait.
    "RATE_LIMIT_PER_MINUTE": "10000",
    "RATE_LIMIT_PRINCIPAL_PER_MINUTE": "10000",
    "RATE_LIMIT_ADDRESS_PER_MINUTE": "10000",
}


class Issuer:
    """Signs with one key. `settings` are those of a deployment that trusts it."""

    def __init__(
        self,
        settings: Variables,
        key: PrivateKey | bytes,
        algorithm: str,
        clock: Clock,
        header: Mapping[str, Any] | None = None,
    ) -> None:
        self.settings = {**COMMON, **settings}
        self.key = key
        self.algorithm = algorithm
        self._header = header or {}
        self._clock = clock

    @property
    def now(self) -> int:
        """Seconds since the epoch."""
        return self._clock.now() // 1000

    def claims(self, user: str = "ann", **more: Any) -> dict[str, Any]:
        """Of a good token, changed by `more`; MISSING leaves one out."""
        usual = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": user,
            "tenant": "acme",
            "iat": self.now,
            "exp": self.now + LIFE,
            "jti": uuid4().hex,
        }
        return {name: value for name, value in {**usual, **more}.items() if value is not MISSING}

    def token(self, user: str = "ann", **more: Any) -> str:
        """A token that is signed as it should be."""
        return signed(self.claims(user, **more), self.key, self.algorithm, self._header)

    def sign(self, payload: Any, key: Any, algorithm: str, **header: Any) -> str:
        """A token that is signed otherwise."""
        return signed(payload, key, algorithm, {**self._header, **header})


def with_secret(clock: Clock) -> Issuer:
    return Issuer({"AUTH_JWT_SECRET": SECRET.get_secret_value()}, SECRET_BYTES, "HS256", clock)


def with_rsa(clock: Clock) -> Issuer:
    return Issuer({"AUTH_JWT_PUBLIC_KEY": pem(rsa_key())}, rsa_key(), "RS256", clock)


def with_curve(clock: Clock) -> Issuer:
    return Issuer({"AUTH_JWT_PUBLIC_KEY": pem(ec_key())}, ec_key(), "ES256", clock)


class Provider(Issuer):
    """Publishes its keys on a web server of this machine, and may change them."""

    def __init__(self, server: Receiver, clock: Clock) -> None:
        settings = {"AUTH_JWKS_URL": f"http://{HOST}:{server.port}/keys"}
        super().__init__(settings, rsa_key("one"), "RS256", clock, {"kid": "one"})
        self.server = server
        self.publish("one")

    @property
    def asked(self) -> int:
        """How often its keys were fetched."""
        return len(self.server.got)

    def publish(self, *kids: str) -> None:
        keys = [jwk(rsa_key(kid), kid=kid) for kid in kids]
        self.server.status, self.server.body = 200, json.dumps({"keys": keys}).encode()

    def fail(self) -> None:
        self.server.status, self.server.body = 500, b"not now"

    def signed_by(self, kid: str, user: str = "ann") -> str:
        """A token signed with the key of that name."""
        return signed(self.claims(user), rsa_key(kid), "RS256", {"kid": kid})


@contextmanager
def provider(clock: Clock) -> Iterator[Provider]:
    with receiver() as server:
        yield Provider(server, clock)
