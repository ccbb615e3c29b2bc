"""Any text and any change of a good token: nobody gets in, and nothing but a refusal comes out."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import Unauthorized
from shared.identity.keys import Keys, PublicKey, SecretKey
from tests.identity.token_samples import (
    SECRET,
    claims,
    ec_key,
    pem,
    rsa_key,
    signed,
    verifier,
)

KINDS: dict[str, tuple[Keys, Any]] = {
    "HS256": (SecretKey(SECRET), SECRET.get_secret_value().encode()),
    "RS256": (PublicKey(pem(rsa_key())), rsa_key()),
    "ES256": (PublicKey(pem(ec_key())), ec_key()),
}
TOKENS = {
    name: signed(claims(), key, name, header={"kid": "k"}) for name, (_, key) in KINDS.items()
}
VERIFIERS = {name: verifier(keys) for name, (keys, _) in KINDS.items()}
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

json_values: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
names = st.sampled_from(["alg", "typ", "kid", "crit", "b64", "jwk", "jku", "zip", "enc", "cty"])
claim_names = st.sampled_from(
    ["sub", "tenant", "org", "org_id", "exp", "nbf", "iat", "iss", "aud", "jti", "email"]
    + ["email_verified", "groups", "cognito:groups", "roles", "role"]
)


def refused(name: str, token: str) -> None:
    with pytest.raises(Unauthorized):
        VERIFIERS[name].verify(token)


@settings(deadline=None)
@given(st.text(), st.sampled_from(list(KINDS)))
def test_any_text(token: str, name: str) -> None:
    refused(name, token)


@settings(deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=5), st.sampled_from(list(KINDS)))
def test_any_parts(parts: list[bytes], name: str) -> None:
    encoded = [base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts]
    refused(name, ".".join(encoded))


@pytest.mark.parametrize("name", list(KINDS))
@settings(deadline=None)
@given(data=st.data())
def test_a_changed_character(name: str, data: st.DataObject) -> None:
    token = TOKENS[name]
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from(ALPHABET) | st.characters())
    changed = token[:place] + other + token[place + 1 :]
    if changed != token:
        refused(name, changed)


@pytest.mark.parametrize("name", list(KINDS))
@settings(deadline=None)
@given(data=st.data())
def test_a_missing_or_added_piece(name: str, data: st.DataObject) -> None:
    token = TOKENS[name]
    start = data.draw(st.integers(0, len(token)))
    end = data.draw(st.integers(start, len(token)))
    added = data.draw(st.text(ALPHABET + ".=", max_size=4))
    changed = token[:start] + added + token[end:]
    if changed != token:
        refused(name, changed)


@pytest.mark.parametrize("name", list(KINDS))
@settings(deadline=None)
@given(bit=st.integers(0, 7), data=st.data())
def test_a_flipped_bit_of_the_signature(name: str, bit: int, data: st.DataObject) -> None:
    text, _, last = TOKENS[name].rpartition(".")
    raw = bytearray(base64.urlsafe_b64decode(last + "=" * (-len(last) % 4)))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << bit
    refused(name, f"{text}.{base64.urlsafe_b64encode(raw).rstrip(b'=').decode()}")


@settings(deadline=None)
@given(st.dictionaries(names, json_values))
def test_any_header(header: dict[str, Any]) -> None:
    token = signed(claims(), header=json.dumps({"alg": "HS256", **header}).encode())
    try:
        found = VERIFIERS["HS256"].verify(token)
    except Unauthorized:
        return
    assert found.principal.user == "ann"
    assert header.get("alg", "HS256") == "HS256"
    assert "crit" not in header


@settings(deadline=None)
@given(st.dictionaries(claim_names, json_values))
def test_any_claims(given_claims: dict[str, Any]) -> None:
    try:
        found = VERIFIERS["HS256"].verify(signed(claims(**given_claims)))
    except Unauthorized:
        return
    assert found.principal.user == given_claims.get("sub", "ann")
    assert found.principal.tenant == given_claims.get("tenant", "acme")
    assert "all" not in found.principal.roles
    assert "aud" not in given_claims


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_payload(payload: bytes) -> None:
    # Nothing so short and random has all that a token needs.
    refused("HS256", signed(payload))
