"""Keys, tokens and an identity provider of our own. Every token is really signed."""

import base64
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from pydantic import SecretStr

from shared.identity.keys import Keys, SecretKey
from shared.identity.tokens import TokenVerifier
from tests.support.clock import FakeClock

NOW = 1_700_000_000
"""What a FakeClock begins with, in seconds."""

SECRET = SecretStr("a secret of more than thirty-two characters")
SECRET_BYTES = SECRET.get_secret_value().encode()
CLAIMS: Mapping[str, Any] = {"sub": "ann", "tenant": "acme", "exp": NOW + 600}
MISSING = object()
"""In place of a claim: it is left out."""

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@cache
def rsa_key(name: str = "one") -> rsa.RSAPrivateKey:
    """The same for the same name, as making one takes a while."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def ec_key(name: str = "one") -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def pem(key: PrivateKey | rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> str:
    public = key.public_key() if hasattr(key, "public_key") else key
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def rsa_of(bits: int, exponent: int = 65537) -> rsa.RSAPublicKey:
    """A public key of that size, to which nobody knows the private one."""
    return rsa.RSAPublicNumbers(exponent, (1 << (bits - 1)) | 12345).public_key()


def jwk(key: PrivateKey | rsa.RSAPublicKey, **more: Any) -> dict[str, Any]:
    """The public part of the key as a provider publishes it."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        made = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    else:
        public = key.public_key() if isinstance(key, rsa.RSAPrivateKey) else key
        made = RSAAlgorithm.to_jwk(public, as_dict=True)
    return {name: value for name, value in {**made, **more}.items() if value is not MISSING}


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def claims(**more: Any) -> dict[str, Any]:
    return {name: value for name, value in {**CLAIMS, **more}.items() if value is not MISSING}


def signed(
    payload: Mapping[str, Any] | bytes = CLAIMS,
    key: PrivateKey | bytes = SECRET_BYTES,
    algorithm: str = "HS256",
    header: Mapping[str, Any] | bytes | None = None,
) -> str:
    """A token whose signature holds for `algorithm`, whatever header and payload are.

    `header` is added to `alg` and `typ`; bytes are all of it.
    """
    usual = {"alg": algorithm, "typ": "JWT"}
    written = header if isinstance(header, bytes) else _json({**usual, **(header or {})})
    body = payload if isinstance(payload, bytes) else _json(payload)
    text = f"{base64url(written)}.{base64url(body)}"
    signature = jwt.get_algorithm_by_name(algorithm).sign(text.encode(), key)
    return f"{text}.{base64url(signature)}"


def verifier(keys: Keys | None = None, clock: FakeClock | None = None, **more: Any) -> Any:
    settings = {"issuer": None, **more}
    return TokenVerifier(keys or SecretKey(SECRET), clock or FakeClock(), **settings)


class Provider:
    """An identity provider: its keys, whether it answers, and how often it was asked."""

    def __init__(self, *keys: dict[str, Any]) -> None:
        self.document = key_set(*keys)
        self.fault: Exception | None = None
        self.fetches = 0

    def fetch(self) -> bytes:
        self.fetches += 1
        if self.fault is not None:
            raise self.fault
        return self.document

    def publish(self, *keys: dict[str, Any]) -> None:
        self.document = key_set(*keys)


def key_set(*keys: Any) -> bytes:
    return _json({"keys": list(keys)})


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()
