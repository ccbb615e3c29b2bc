"""What clients of scenarios show to be let in: signed tokens, and contexts of a site's backend."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

import jwt

from shared.clock import Clock
from tests.support.deployments import COMMON, Variables

SECRET = "the-secret-that-signs-tokens-of-scenarios"
JWT: Variables = {"AUTH_MODE": "jwt", "AUTH_JWT_SECRET": SECRET, "AUTH_JWT_TENANT": "acme"}
"""Variables for a deployment whose users bear signed tokens."""

LIFE = 600


class Papers:
    """Signed by the clock of the deployment.

    In a frame `{signed: {sub: ann, life: 60}}` stands for a token with these claims, which
    expires after so many seconds, and `{vouched: {user: ann, ago: 61}}` for an `authContext`.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def token(self, claims: Mapping[str, Any]) -> str:
        now = self._clock.now() // 1000
        left = {name: value for name, value in claims.items() if name != "life"}
        return jwt.encode({"exp": now + claims.get("life", LIFE), **left}, SECRET, "HS256")

    def context(self, user: str, ago: int = 0) -> dict[str, Any]:
        timestamp = self._clock.now() // 1000 - ago
        key, text = COMMON["SIGNING_SECRET"].encode(), f"{user}:{timestamp}".encode()
        signature = hmac.new(key, text, hashlib.sha256).hexdigest()
        return {"userId": user, "timestamp": timestamp, "signature": signature}

    def fill(self, value: Any) -> Any:
        """The value with papers in place of what describes them."""
        match value:
            case {"signed": Mapping() as claims}:
                return self.token(claims)
            case {"vouched": Mapping() as about}:
                return self.context(**about)
            case Mapping():
                return {key: self.fill(entry) for key, entry in value.items()}
        return value
