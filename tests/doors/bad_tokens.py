"""Tokens that nobody may come in with, each by what is wrong with it."""

import hmac
import json
from collections.abc import Callable
from typing import Any

from shared.identity.tokens import MAX_TOKEN
from tests.doors.issuers import LEEWAY, Issuer
from tests.identity.token_samples import (
    MISSING,
    SECRET_BYTES,
    base64url,
    ec_key,
    jwk,
    pem,
    rsa_key,
)

Forge = Callable[[Issuer], str]
"""Makes such a token, for whoever trusts this issuer."""


def _unsigned(issuer: Issuer, algorithm: str, signature: bytes) -> str:
    parts = [{"alg": algorithm, "typ": "JWT"}, issuer.claims()]
    text = ".".join(base64url(json.dumps(part).encode()) for part in parts)
    return f"{text}.{base64url(signature)}"


def _other(issuer: Issuer) -> Any:
    """A key of the same kind, which is not the issuer's."""
    keys = {"HS256": SECRET_BYTES[::-1], "RS256": rsa_key("stranger"), "ES256": ec_key("stranger")}
    return keys[issuer.algorithm]


def _changed(issuer: Issuer) -> str:
    """Somebody else's name under the signature of a good token."""
    head, _, signature = issuer.token("ann").split(".")
    return f"{head}.{base64url(json.dumps(issuer.claims('eve')).encode())}.{signature}"


def _cut(issuer: Issuer) -> str:
    return issuer.token()[:-4]


def _confused(issuer: Issuer) -> str:
    """Where a public key is trusted: that key as an HMAC secret. Where a secret is: a key pair."""
    if issuer.algorithm == "HS256":
        return issuer.sign(issuer.claims(), rsa_key(), "RS256")
    # Where a public key is trusted, the issuer's own is a private one.
    public = pem(issuer.key)  # type: ignore[arg-type]  # no bytes, but a key
    head = {"alg": "HS256", "typ": "JWT", "kid": "one"}
    text = ".".join(base64url(json.dumps(part).encode()) for part in (head, issuer.claims()))
    return f"{text}.{base64url(hmac.digest(public.encode(), text.encode(), 'sha256'))}"


def _own_key(issuer: Issuer) -> str:
    """It brings along the key that it is signed with."""
    key = rsa_key("stranger")
    return issuer.sign(issuer.claims(), key, "RS256", jwk=jwk(key))


FORGED: dict[str, Forge] = {
    "expired": lambda it: it.token(exp=it.now - LEEWAY - 5),
    "not yet valid": lambda it: it.token(nbf=it.now + LEEWAY + 60),
    "issued in the future": lambda it: it.token(iat=it.now + LEEWAY + 60),
    "no end": lambda it: it.token(exp=MISSING),
    "an end that is no number": lambda it: it.token(exp="tomorrow"),
    "another issuer": lambda it: it.token(iss="https://issuer.example.evil"),
    "no issuer": lambda it: it.token(iss=MISSING),
    "another audience": lambda it: it.token(aud=["other", "parley2"]),
    "no audience": lambda it: it.token(aud=MISSING),
    "nobody": lambda it: it.token(sub=MISSING),
    "the service without its role": lambda it: it.token("service"),
    "no tenant": lambda it: it.token(tenant=MISSING),
    "a tenant that is no name": lambda it: it.token(tenant=""),
    "alg none": lambda it: _unsigned(it, "none", b""),
    "alg None, signed": lambda it: _unsigned(it, "None", b"signature"),
    "confused keys": _confused,
    "another key": lambda it: it.sign(it.claims(), _other(it), it.algorithm),
    "unknown kid": lambda it: it.sign(it.claims(), _other(it), it.algorithm, kid="unknown"),
    "its own key": _own_key,
    "an extension": lambda it: it.sign(it.claims(), it.key, it.algorithm, crit=["exp"]),
    "other claims": _changed,
    "cut": _cut,
    "oversized": lambda it: it.token(padding="x" * MAX_TOKEN),
    "four parts": lambda it: f"{it.token()}.x",
    "not base64": lambda _: "a!.b!.c!",
    "nonsense": lambda _: "nonsense",
}
