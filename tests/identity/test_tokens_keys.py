"""What may be a key, and what is said of what may not."""

import itertools
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.hazmat.primitives.serialization import PublicFormat as Public
from pydantic import SecretStr

from shared.errors import ConfigurationError
from shared.identity.keys import PublicKey, SecretKey
from tests.identity.token_samples import SECRET, ec_key, jwk, pem, rsa_key, rsa_of


def test_what_keys_are_for() -> None:
    assert list(SecretKey(SECRET).algorithms) == ["HS256"]
    assert list(PublicKey(pem(rsa_key())).algorithms) == ["RS256"]
    assert list(PublicKey(pem(ec_key())).algorithms) == ["ES256"]


@pytest.mark.parametrize("bits", [2048, 3072, 8192])
def test_sizes_of_rsa(bits: int) -> None:
    assert list(PublicKey(pem(rsa_of(bits))).algorithms) == ["RS256"]


def pkcs1() -> str:
    return rsa_key().public_key().public_bytes(Encoding.PEM, Public.PKCS1).decode()


def private() -> str:
    formats = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return rsa_key().private_bytes(*formats).decode()


def test_another_form_of_rsa() -> None:
    assert list(PublicKey(pkcs1()).algorithms) == ["RS256"]


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "\ud800", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----"),
        pem(rsa_key()).replace("A", "B"),
        pem(rsa_key())[:200],
        pem(rsa_key()).replace("PUBLIC KEY", "CERTIFICATE"),
        private(),
        pem(rsa_of(1024)),
        pem(rsa_of(2047)),
        pem(rsa_of(8193)),
        pem(rsa_of(2048, exponent=2**32 + 1)),
        pem(ec.generate_private_key(ec.SECP384R1())),
        pem(ec.generate_private_key(ec.SECP256K1())),
        ed25519.Ed25519PrivateKey.generate()
        .public_key()
        .public_bytes(Encoding.PEM, Public.SubjectPublicKeyInfo)
        .decode(),
    ],
    ids=itertools.count(),
)
def test_other_public_keys(text: str) -> None:
    with pytest.raises(ConfigurationError, match="AUTH_JWT_PUBLIC_KEY must be a public key in PEM"):
        PublicKey(text)


@pytest.mark.parametrize(
    "secret",
    [
        *(pem(rsa_key()), pem(ec_key()), private()),
        "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQ",
        '{"kty":"oct","k":"c2VjcmV0c2VjcmV0c2VjcmV0"}',
        *("", "\ud800" * 40),
    ],
    ids=itertools.count(),
)
def test_other_secrets(secret: str) -> None:
    with pytest.raises(ConfigurationError, match="AUTH_JWT_SECRET cannot be a secret") as caught:
        SecretKey(SecretStr(secret))
    assert not secret or secret not in caught.value.message


def test_short_secrets() -> None:
    with pytest.raises(ConfigurationError, match="AUTH_JWT_SECRET must have at least 32"):
        SecretKey(SecretStr("x" * 31))
    key = SecretKey(SecretStr("x" * 32))
    assert "x" * 32 not in f"{key!r} {vars(key)!r}"


def test_a_secret_counts_bytes() -> None:
    assert SecretKey(SecretStr("ä" * 16)).find({}) == ("ä" * 16).encode()


def test_whatever_a_token_names_there_is_one_key() -> None:
    header: dict[str, Any] = {"alg": "HS256", "kid": "../x", "jwk": jwk(rsa_key("two"))}
    assert SecretKey(SECRET).find(header) == SECRET.get_secret_value().encode()
    named = PublicKey(pem(rsa_key())).find(header)
    assert pem(named) == pem(rsa_key())
