"""Who callers are, and how often they may ask."""

from functools import partial
from typing import TYPE_CHECKING

from shared.errors import ConfigurationError
from shared.wiring.equipment import Equipment
from shared.wiring.once import once

if TYPE_CHECKING:
    from shared.identity.code_limits import CodeLimits
    from shared.identity.codes import Codes
    from shared.identity.contexts import AuthContexts
    from shared.identity.credentials import Authenticator
    from shared.identity.keys import Keys
    from shared.identity.limits import RateLimits
    from shared.identity.tickets import Tickets
    from shared.identity.tokens import TokenVerifier
    from shared.messaging.http import HttpClient

KEYS_SECONDS = 5.0
KEYS_BYTES = 256 * 1024


class Identity(Equipment):
    """What finds out who somebody is."""

    @once
    def tickets(self) -> "Tickets":
        from shared.identity.tickets import Tickets

        return Tickets(self.table, self.clock)

    @once
    def limits(self) -> "RateLimits":
        from shared.identity.limits import RateLimits

        settings = self.settings
        # All who can reach a machine of one person are that person, from one address.
        alone = settings.loopback and settings.auth_mode == "none"
        return RateLimits(
            self.table,
            self.clock,
            per_principal=settings.rate_limit_principal_per_minute,
            per_address=0 if alone else settings.rate_limit_address_per_minute,
        )

    @once
    def codes(self) -> "Codes":
        """Raises ConfigurationError: this function was not given the secret."""
        from shared.identity.codes import Codes

        # The one that the functions share which send codes and which check them.
        return Codes(self.settings.require_context_secret().get_secret_value())

    @once
    def code_limits(self) -> "CodeLimits":
        from shared.identity.code_limits import CodeLimits

        return CodeLimits(self.table, self.clock)

    @once
    def contexts(self) -> "AuthContexts":
        from shared.identity.contexts import AuthContexts

        secret = self.settings.require_context_secret()
        return AuthContexts(secret, self.clock, only_same=self.settings.auth_mode == "jwt")

    @once
    def authenticator(self) -> "Authenticator":
        from shared.identity.credentials import Authenticator

        return Authenticator(self.settings, lambda: self.verifier)

    @once
    def verifier(self) -> "TokenVerifier":
        """For AUTH_MODE=jwt. Raises ConfigurationError: no keys, or none that can be used."""
        from shared.identity.tokens import TokenVerifier

        settings = self.settings
        return TokenVerifier(
            self._keys(),
            self.clock,
            issuer=settings.auth_jwt_issuer,
            audience=settings.auth_jwt_audience,
            tenant=settings.auth_jwt_tenant,
            leeway=settings.auth_jwt_leeway_sec,
            single_use=settings.auth_jwt_single_use,
        )

    def _keys(self) -> "Keys":
        from shared.identity.jwks import Jwks
        from shared.identity.keys import PublicKey, SecretKey

        settings = self.settings
        if settings.auth_jwt_secret is not None:
            return SecretKey(settings.auth_jwt_secret)
        if settings.auth_jwt_public_key is not None:
            return PublicKey(settings.auth_jwt_public_key)
        if settings.auth_jwks_url is not None:
            return Jwks(
                partial(_fetched, self._operators_http(), settings.auth_jwks_url), self.clock
            )
        raise ConfigurationError(
            "AUTH_MODE=jwt needs AUTH_JWT_SECRET, AUTH_JWT_PUBLIC_KEY or AUTH_JWKS_URL here."
        )

    def _operators_http(self) -> "HttpClient":
        """For addresses that the operator has set, which may lie in a private network."""
        from shared.messaging.addresses import AddressGuard
        from shared.messaging.http_client import GuardedHttpClient

        return GuardedHttpClient(AddressGuard(allow_private=True))


def _fetched(http: "HttpClient", url: str) -> bytes:
    """The document at this address; for `Jwks`, which takes any exception for a failure."""
    answer = http.request(
        "GET",
        url,
        None,
        {"Accept": "application/json"},
        timeout=KEYS_SECONDS,
        max_bytes=KEYS_BYTES,
    )
    if answer.status != 200 or answer.cut:
        raise ValueError(f"the keys were not given out: {answer.status}")
    return answer.body
