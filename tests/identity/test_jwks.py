"""Published keys: which of them count, and which one a token gets."""

import itertools
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import ServiceUnavailable, Unauthorized
from shared.identity.jwk_set import MAX_DOCUMENT, MAX_KEYS, NotAKeySet, read_key_set
from shared.identity.jwks import Jwks
from tests.identity.token_samples import (
    MISSING,
    Provider,
    claims,
    ec_key,
    jwk,
    key_set,
    pem,
    rsa_key,
    rsa_of,
    signed,
    verifier,
)
from tests.support.clock import FakeClock

RSA = {"alg": "RS256", "kid": "r"}
EC = {"alg": "ES256", "kid": "e"}


def keys_of(*published: Any) -> Jwks:
    provider = Provider()
    provider.document = key_set(*published)
    return Jwks(provider.fetch, FakeClock())


def none_for(keys: Jwks, header: dict[str, Any]) -> None:
    with pytest.raises(Unauthorized):
        keys.find(header)


def test_tokens_of_a_provider() -> None:
    keys = keys_of(jwk(rsa_key(), kid="r"), jwk(ec_key(), kid="e"))
    checks = verifier(keys)
    for key, algorithm, kid in ((rsa_key(), "RS256", "r"), (ec_key(), "ES256", "e")):
        token = signed(claims(), key, algorithm, header={"kid": kid})
        assert checks.verify(token).principal.user == "ann"
    forged = [
        signed(claims(), rsa_key("two"), "RS256", header={"kid": "r"}),
        signed(claims(), rsa_key(), "RS256", header={"kid": "e"}),
        signed(claims(), rsa_key(), "RS256", header={"kid": "R"}),
        signed(claims(), ec_key(), "ES256", header={"kid": "r"}),
        signed(claims(), header={"kid": "r"}),
        signed(claims(), rsa_key("two"), "RS256", header={"jwk": jwk(rsa_key("two"))}),
    ]
    for token in forged:
        with pytest.raises(Unauthorized):
            checks.verify(token)


@pytest.mark.parametrize("kid", ["x", "", "R", "r ", "r\x00", 1, ["r"], {"r": 1}, True])
def test_names_are_exact(kid: Any) -> None:
    none_for(keys_of(jwk(rsa_key(), kid="r")), {"alg": "RS256", "kid": kid})


def test_without_a_name_there_must_be_one_key() -> None:
    both = keys_of(jwk(rsa_key(), kid="r"), jwk(ec_key()))
    assert pem(both.find({"alg": "RS256"})) == pem(rsa_key())
    assert pem(both.find({"alg": "ES256"})) == pem(ec_key())
    none_for(keys_of(jwk(rsa_key())), {"alg": "ES256"})
    two = keys_of(jwk(rsa_key(), kid="a"), jwk(rsa_key("two"), kid="b"), jwk(ec_key(), kid="e"))
    none_for(two, {"alg": "RS256"})
    assert pem(two.find({"alg": "RS256", "kid": "b"})) == pem(rsa_key("two"))
    # One that cannot be used is not counted.
    withdrawn = keys_of(jwk(rsa_key(), kid="a"), jwk(rsa_key("two"), use="enc"))
    assert pem(withdrawn.find({"alg": "RS256"})) == pem(rsa_key())


def test_a_key_without_a_name_has_none() -> None:
    none_for(keys_of(jwk(rsa_key())), RSA)


def test_a_name_that_occurs_twice_is_the_first_ones() -> None:
    keys = keys_of(jwk(rsa_key(), kid="r"), jwk(rsa_key("two"), kid="r"), jwk(ec_key(), kid="r"))
    assert pem(keys.find(RSA)) == pem(rsa_key())
    assert pem(keys.find({"alg": "ES256", "kid": "r"})) == pem(ec_key())


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"use": "sig", "alg": "RS256", "key_ops": ["verify"]},
        {"key_ops": ["sign", "verify"], "x5c": ["x"], "x5u": "http://127.0.0.1:9/", "x": 1},
    ],
)
def test_keys_that_count(more: dict[str, Any]) -> None:
    entry = {**jwk(rsa_key(), kid="r", key_ops=MISSING), **more}
    assert pem(keys_of(entry).find(RSA)) == pem(rsa_key())


@pytest.mark.parametrize("bits", [2048, 8192])
def test_sizes_that_count(bits: int) -> None:
    assert keys_of(jwk(rsa_of(bits), kid="r")).find(RSA).key_size == bits


GOOD_RSA, GOOD_EC = jwk(rsa_key("two"), kid="r"), jwk(ec_key("two"), kid="e")
P384 = jwk(ec.generate_private_key(ec.SECP384R1()), kid="e")
SECRET_KEY = {"kty": "oct", "k": "c2VjcmV0" * 8, "kid": "r", "alg": "HS256"}

OTHER_ALGORITHMS: list[Any] = ["RS512", "PS256", "HS256", "none", "rs256", None, []]
BROKEN: list[Any] = [
    *(None, 1, "x", [], {}, {"kid": "r"}, {"kty": "RSA", "kid": "r"}, {"kty": ["RSA"], "kid": "r"}),
    *(SECRET_KEY, {**SECRET_KEY, "alg": "RS256"}),
    *({**GOOD_RSA, "use": use} for use in ("enc", "", None, ["sig"], 1)),
    *({**GOOD_RSA, "key_ops": use} for use in (["sign"], [], None, "verify", {"verify": 1})),
    *({**GOOD_RSA, "alg": name} for name in OTHER_ALGORITHMS),
    *({**GOOD_EC, "alg": name} for name in ("RS256", "ES384", "ES256K")),
    *({**GOOD_RSA, "kid": kid} for kid in (1, ["r"], {"r": 1}, True)),
    *(
        {**GOOD_RSA, "n": n}
        for n in (None, 1, "", "!", "AAAA", "A" * 400, "é", GOOD_RSA["n"] + "=")
    ),
    *({**GOOD_RSA, "n": n} for n in ("A" * 20_000, GOOD_RSA["n"][:-1] + "\n", [GOOD_RSA["n"]])),
    *({**GOOD_RSA, "e": e} for e in (None, 65537, "", "AQ", "Ag", "AAAA", GOOD_RSA["n"], "_" * 7)),
    *({**GOOD_EC, "x": x} for x in (None, 1, "", "!", "AAAA", GOOD_EC["y"], "_" * 43, "A" * 2049)),
    *({**GOOD_EC, "crv": crv} for crv in (None, "P-384", "p-256", "secp256k1", 1, ["P-256"])),
    *({**P384, **more} for more in ({}, {"crv": "P-256"})),
    *({**GOOD_RSA, "kty": kty} for kty in (None, "rsa", "EC", "OKP", 1, {"RSA": 1})),
    {**GOOD_RSA, "d": "AQAB"},
    {**GOOD_EC, "d": "AQAB"},
    *(jwk(rsa_of(bits), kid="r") for bits in (512, 1024, 2047, 8193, 12_000)),
    {"kty": "OKP", "crv": "Ed25519", "x": "A" * 43, "kid": "e"},
]


@pytest.mark.parametrize("broken", BROKEN, ids=itertools.count())
def test_a_broken_key_is_passed_over(broken: Any) -> None:
    good = (jwk(rsa_key(), kid="good-r"), jwk(ec_key(), kid="good-e"))
    keys = keys_of(broken, good[0], broken, good[1])
    assert pem(keys.find({"alg": "RS256", "kid": "good-r"})) == pem(rsa_key())
    assert pem(keys.find({"alg": "ES256", "kid": "good-e"})) == pem(ec_key())
    # Nor does it count where there must be one key.
    assert pem(keys.find({"alg": "RS256"})) == pem(rsa_key())
    assert pem(keys.find({"alg": "ES256"})) == pem(ec_key())
    none_for(keys, RSA)
    none_for(keys, EC)


def test_a_name_that_is_no_text_is_nobodys() -> None:
    keys = keys_of(jwk(rsa_key("two"), kid="\ud800"), jwk(rsa_key(), kid="r"))
    assert pem(keys.find(RSA)) == pem(rsa_key())
    token = signed(claims(), rsa_key("two"), "RS256", header={"kid": "\ud800"})
    with pytest.raises(Unauthorized):
        verifier(keys).verify(token)


def test_an_endless_number_spoils_nothing() -> None:
    good = json.dumps(jwk(rsa_key(), kid="r"))
    provider = Provider()
    provider.document = f'{{"keys":[{{"kty":"RSA","n":{"9" * 5000}}},{good}]}}'.encode()
    assert pem(Jwks(provider.fetch, FakeClock()).find(RSA)) == pem(rsa_key())


json_values: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from([GOOD_RSA, GOOD_EC]).flatmap(
            lambda entry: st.dictionaries(st.sampled_from(sorted(entry)), json_values).map(
                lambda changes: {**entry, **changes}
            )
        ),
        max_size=5,
    )
)
def test_whatever_the_others_are_a_good_key_serves(others: list[Any]) -> None:
    keys = keys_of(*others, jwk(rsa_key(), kid="the good one"))
    assert pem(keys.find({"alg": "RS256", "kid": "the good one"})) == pem(rsa_key())


@settings(deadline=None)
@given(n=st.text("ABCdef012-_", min_size=1, max_size=1400), e=st.text("ABCdef012-_", max_size=8))
def test_whatever_the_numbers_are_nothing_breaks(n: str, e: str) -> None:
    entries = [{**GOOD_RSA, "n": n, "e": e}, {**GOOD_EC, "x": n[:43], "y": (n + e)[-43:]}]
    keys = keys_of(*entries, jwk(rsa_key(), kid="the good one"))
    assert pem(keys.find({"alg": "RS256", "kid": "the good one"})) == pem(rsa_key())


# -- documents --------------------------------------------------------------------------------


def padded(size: int) -> bytes:
    document = json.dumps({"keys": [jwk(rsa_key(), kid="r")], "x": ""}).encode()
    return document[:-2] + b"y" * (size - len(document)) + document[-2:]


@pytest.mark.parametrize(
    "document",
    [
        *(b"", b"null", b"[]", b"{}", b"1", b"<html>", b"\xff", b'{"keys":null}', b'{"keys":{}}'),
        *(b'{"keys":"x"}', b"[" * 100_000, b'{"keys":[' + b"[" * 100_000, b'{"keys":[]'),
        padded(MAX_DOCUMENT + 1),
        key_set(*[jwk(rsa_key(), kid="r")] * (MAX_KEYS + 1)),
    ],
    ids=itertools.count(),
)
def test_what_is_no_set_of_keys(document: bytes) -> None:
    with pytest.raises(NotAKeySet):
        read_key_set(document)
    provider = Provider()
    provider.document = document
    with pytest.raises(ServiceUnavailable, match="keys of the identity provider cannot be fetched"):
        Jwks(provider.fetch, FakeClock()).find(RSA)


@pytest.mark.parametrize(
    "document",
    [padded(MAX_DOCUMENT), key_set(*[jwk(rsa_key(), kid="r")] + [None] * (MAX_KEYS - 1))],
    ids=["bytes", "keys"],
)
def test_the_largest_set(document: bytes) -> None:
    provider = Provider()
    provider.document = document
    assert pem(Jwks(provider.fetch, FakeClock()).find(RSA)) == pem(rsa_key())
