"""A set of public keys as identity providers publish it (JWK Set, RFC 7517).

It is read tolerantly: providers put keys of all kinds there, and one that is broken, or that we
have no use for, spoils nothing.
"""

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

from shared.identity.keys import algorithm_of

MAX_DOCUMENT = 256 * 1024
"""Bytes."""

MAX_KEYS = 100
"""Usable or not."""

MAX_NUMBER = 2048
"""Characters of one number of a key, in base64; the greatest RSA key takes 1366."""

_NUMBER = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_NUMBER}}}", re.ASCII)


class NotAKeySet(ValueError):
    """A document is no set of keys; the text says why, in words of ours."""


@dataclass(frozen=True)
class _Key:
    algorithm: str
    kid: str | None
    key: Any


class JwkSet:
    """The usable keys of one document."""

    def __init__(self, keys: Sequence[_Key]) -> None:
        self._keys = tuple(keys)

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, algorithm: Any, kid: Any) -> Any:
        """The key of that name for the algorithm, or the only one for it if `kid` is None.

        None: there is none or, without a name, more than one.

        Names should not occur twice; if one does, the first key has it.
        """
        found = [
            entry.key
            for entry in self._keys
            if entry.algorithm == algorithm and kid in (None, entry.kid)
        ]
        return found[0] if len(found) == 1 or (found and kid is not None) else None


def read_key_set(document: bytes) -> JwkSet:
    """The set that the document is; it may have no key that can be used.

    Raises:
        NotAKeySet: it is none, or too large.
    """
    if len(document) > MAX_DOCUMENT:
        raise NotAKeySet(f"more than {MAX_DOCUMENT} bytes")
    try:
        # Nothing that we read is a number, and an endless one must not spoil the rest.
        value = json.loads(document, parse_int=float)
    except (ValueError, RecursionError):
        raise NotAKeySet("not JSON") from None
    listed = value.get("keys") if isinstance(value, dict) else None
    if not isinstance(listed, list):
        raise NotAKeySet("no list of keys")
    if len(listed) > MAX_KEYS:
        raise NotAKeySet(f"more than {MAX_KEYS} keys")
    return JwkSet([key for entry in listed for key in _usable(entry)])


def _usable(entry: Any) -> Iterator[_Key]:
    """The key, if it can be used to check signatures of ours."""
    if not isinstance(entry, dict) or not _for_signatures(entry):
        return
    try:
        key = _public_key(entry)
    except ValueError:
        return
    algorithm, kid = algorithm_of(key), entry.get("kid")
    if algorithm is None or entry.get("alg", algorithm) != algorithm:
        return
    if kid is None or isinstance(kid, str):
        yield _Key(algorithm, kid, key)


def _for_signatures(entry: Mapping[str, Any]) -> bool:
    operations = entry.get("key_ops", ["verify"])
    verifies = isinstance(operations, list) and "verify" in operations
    # A private key that has been published signs for everybody.
    return verifies and entry.get("use", "sig") == "sig" and "d" not in entry


def _public_key(entry: Mapping[str, Any]) -> Any:
    """None: a kind of key that we do not use. ValueError: a broken one."""
    if entry.get("kty") == "RSA":
        return RSAPublicNumbers(_number(entry, "e"), _number(entry, "n")).public_key()
    if entry.get("kty") == "EC" and entry.get("crv") == "P-256":
        x, y = _number(entry, "x"), _number(entry, "y")
        return EllipticCurvePublicNumbers(x, y, SECP256R1()).public_key()
    return None


def _number(entry: Mapping[str, Any], name: str) -> int:
    text = entry.get(name)
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        raise ValueError("no number")
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")
