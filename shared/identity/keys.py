"""The keys that tokens are checked with, and what each kind of key is for.

A key is for one algorithm, whatever a token says: RS256 for RSA, ES256 for P-256, HS256 for a
secret. So a public key is never taken for a secret.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from pydantic import SecretStr

from shared.errors import ConfigurationError

MIN_RSA_BITS = 2048
MAX_RSA_BITS = 8192
MAX_RSA_EXPONENT = 2**32 - 1
"""Checking a signature takes longer with a greater exponent; nearly all keys have 65537."""

MIN_SECRET_BYTES = 32
"""Of a key for HS256 (RFC 7518, section 3.2)."""


class Keys(Protocol):
    """Keys of one issuer."""

    @property
    def algorithms(self) -> Sequence[str]:
        """The algorithms that these keys are for; tokens with another one are refused."""
        ...

    def find(self, header: Mapping[str, Any]) -> Any:
        """The key for a token with this header, whose `alg` is one of `algorithms`, as PyJWT
        takes it.

        Raises:
            Unauthorized: there is none.
            ServiceUnavailable: the keys cannot be had.
        """
        ...


class SecretKey:
    """One secret, for HS256.

    Raises:
        ConfigurationError: the secret is too short, or is no secret but a public key.
    """

    algorithms: Sequence[str] = ("HS256",)

    def __init__(self, secret: SecretStr) -> None:
        try:
            key = secret.get_secret_value().encode()
            jwt.get_algorithm_by_name("HS256").prepare_key(key)
        except (ValueError, jwt.InvalidKeyError):
            raise ConfigurationError(
                "AUTH_JWT_SECRET cannot be a secret: it is a key in PEM, SSH or JWK form, or no "
                "text. Set it to a random text, or set AUTH_JWT_PUBLIC_KEY to a public key."
            ) from None
        if len(key) < MIN_SECRET_BYTES:
            raise ConfigurationError(
                f"AUTH_JWT_SECRET must have at least {MIN_SECRET_BYTES} characters. Set it to a "
                "random text."
            )
        self._secret = secret

    def find(self, header: Mapping[str, Any]) -> bytes:
        return self._secret.get_secret_value().encode()


class PublicKey:
    """One public key in PEM: RSA for RS256, or P-256 for ES256.

    Raises:
        ConfigurationError: it is none of these.
    """

    def __init__(self, pem: str) -> None:
        try:
            key = load_pem_public_key(pem.encode())
        except (ValueError, UnsupportedAlgorithm):
            key = None
        algorithm = algorithm_of(key)
        if algorithm is None:
            raise ConfigurationError(
                "AUTH_JWT_PUBLIC_KEY must be a public key in PEM (-----BEGIN PUBLIC KEY-----): "
                f"RSA with {MIN_RSA_BITS} to {MAX_RSA_BITS} bits, or EC on the curve P-256. Set "
                "it to the key of whoever signs the tokens; a certificate is not one."
            )
        self._key = key
        self.algorithms: Sequence[str] = (algorithm,)

    def find(self, header: Mapping[str, Any]) -> Any:
        return self._key


def algorithm_of(key: object) -> str | None:
    """What a public key is for; None: nothing here."""
    if isinstance(key, RSAPublicKey):
        sized = MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS
        return "RS256" if sized and key.public_numbers().e <= MAX_RSA_EXPONENT else None
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return "ES256"
    return None
