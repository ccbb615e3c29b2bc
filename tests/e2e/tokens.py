"""Signed tokens of an identity provider that only these tests know."""

import json
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

SECRET = "what-signs-the-tokens-of-the-deployment"
ISSUER = "https://login.example.com/"
AUDIENCE = "parley"


def claims(user: str, tenant: str | None = "acme", **other: Any) -> dict[str, Any]:
    """What a good token says; None in `other` leaves a claim out."""
    said = {
        "sub": user,
        "tenant": tenant,
        "iss": ISSUER,
        "aud": AUDIENCE,
        "exp": int(time.time()) + 600,
        **other,
    }
    return {name: value for name, value in said.items() if value is not None}


def signed(user: str, tenant: str | None = "acme", **other: Any) -> str:
    """A token of that user, signed with the secret of the deployment."""
    return jwt.encode(claims(user, tenant, **other), SECRET, "HS256")


class Provider:
    """Signs with keys of its own, and publishes the halves of them that everybody may know."""

    def __init__(self) -> None:
        self._rsa: RSAPrivateKey = rsa.generate_private_key(65537, 2048)
        self._ec: EllipticCurvePrivateKey = ec.generate_private_key(ec.SECP256R1())

    def rs256(self, user: str) -> str:
        return jwt.encode(claims(user), self._rsa, "RS256", headers={"kid": "r"})

    def es256(self, user: str) -> str:
        return jwt.encode(claims(user), self._ec, "ES256", headers={"kid": "e"})

    def published(self) -> bytes:
        """The JWKS document."""
        keys = [
            {**RSAAlgorithm.to_jwk(self._rsa.public_key(), as_dict=True), "kid": "r"},
            {**ECAlgorithm.to_jwk(self._ec.public_key(), as_dict=True), "kid": "e"},
        ]
        return json.dumps({"keys": keys}).encode()
