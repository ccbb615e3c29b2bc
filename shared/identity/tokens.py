"""Signed tokens (JWT, RFC 7519): who bears one, and until when.

A token is checked in this order, and nothing in it is believed before its turn: its form and its
header, whose algorithm must be one that our keys are for; the signature; the times; issuer and
audience; the principal. Only compact JWS is read. A header may name keys and where to fetch them
(`jwk`, `jku`, `x5u`): the caller wrote that, so it is not looked at.

This module needs cryptography, which takes a while to load; only AUTH_MODE=jwt imports it.
"""

import base64
import hashlib
import json
import logging
import re
from collections.abc import Sequence
from typing import Any

import jwt

from shared.clock import Clock
from shared.errors import Unauthorized
from shared.identity.claims import Claims, Refused, check_source, check_times, principal_of
from shared.identity.keys import Keys
from shared.identity.principal import Credential
from shared.protocol.json_text import read_object

log = logging.getLogger("parley")

MAX_TOKEN = 8192
"""Characters; longer tokens are refused unread."""

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_TYPE = re.compile(r"(?:application/)?(?:at\+)?jwt", re.ASCII | re.IGNORECASE)


class TokenVerifier:
    """Checks tokens with `keys`.

    `issuer` and `audience` are what a token must name, if they are given; `tenant` is the tenant
    of tokens that name none. `leeway` is how far clocks may differ, in seconds. With `single_use`
    every token needs an id (`jti`), and the credential has a name for it.
    """

    def __init__(
        self,
        keys: Keys,
        clock: Clock,
        *,
        issuer: str | None,
        audience: Sequence[str] = (),
        tenant: str | None = None,
        leeway: float = 30.0,
        single_use: bool = False,
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._issuer = issuer
        self._audience = frozenset(audience)
        self._tenant = tenant
        self._leeway = round(leeway * 1000)
        self._single_use = single_use
        # A key that is too short raises, instead of a warning.
        self._jws = jwt.PyJWS(keys.algorithms, {"enforce_minimum_key_length": True})

    def verify(self, token: str) -> Credential:
        """Who bears the token. `expires_at` is its own; it is accepted until the leeway is over.

        Raises:
            Unauthorized: the token is refused. It does not tell why; the log has the kind of
                fault.
            ServiceUnavailable: the keys cannot be had.
        """
        try:
            claims = self._signed(token)
            expires_at = check_times(claims, self._clock.now(), self._leeway)
            check_source(claims, self._issuer, self._audience)
            principal = principal_of(claims, self._tenant)
            once = _name(claims, required=self._single_use)
        except Refused as refused:
            log.info("token refused", extra={"fault": refused.kind})
            # Without its cause, which may quote the token.
            raise Unauthorized from None
        return Credential(
            principal=principal, expires_at=expires_at, once=once if self._single_use else None
        )

    def _signed(self, token: str) -> Claims:
        """The claims of a token whose signature holds."""
        if len(token) > MAX_TOKEN or not _COMPACT.fullmatch(token):
            raise Refused("form")
        header = _header(token, self._keys.algorithms)
        try:
            key = self._keys.find(header)
        except Unauthorized:
            raise Refused("key") from None
        try:
            signed = self._jws.decode_complete(token, key, self._keys.algorithms)
        except jwt.PyJWTError:
            raise Refused("signature") from None
        return _object(signed["payload"], "claims")


def _header(token: str, algorithms: Sequence[str]) -> dict[str, Any]:
    text = token.partition(".")[0]
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise Refused("header") from None
    header = _object(data, "header")
    if header.get("alg") not in algorithms:
        raise Refused("algorithm")
    # Extensions that must be understood: we know none. An unencoded payload is one of them.
    if "crit" in header or header.get("b64", True) is not True:
        raise Refused("extension")
    if "typ" in header and not (isinstance(header["typ"], str) and _TYPE.fullmatch(header["typ"])):
        raise Refused("type")
    return header


def _object(data: bytes, part: str) -> dict[str, Any]:
    """A JSON object in which no name occurs twice: readers differ in which one they take."""
    try:
        text = data.decode()
        value = read_object(text)
        json.loads(text, object_pairs_hook=_unique)
    except ValueError:
        raise Refused(part) from None
    return value


def _unique(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name occurs twice")


def _name(claims: Claims, *, required: bool) -> str | None:
    """A name that stands for this very token and says nothing about it."""
    token_id = claims.get("jti")
    if "jti" not in claims and not required:
        return None
    if not isinstance(token_id, str) or not token_id:
        raise Refused("jti")
    # As JSON, so that an issuer and an id cannot run into each other.
    both = json.dumps([claims.get("iss"), token_id])
    return hashlib.sha256(both.encode()).hexdigest()
