"""The header of a token: which algorithm, and what else it may ask for."""

import json
from typing import Any

import jwt
import pytest

from shared.identity.keys import PublicKey, SecretKey
from shared.identity.principal import Principal
from tests.identity.refusals import refused
from tests.identity.token_samples import (
    CLAIMS,
    SECRET,
    SECRET_BYTES,
    base64url,
    claims,
    ec_key,
    pem,
    rsa_key,
    signed,
    verifier,
)

ANN = Principal("acme", "ann", frozenset({"user"}))


@pytest.mark.parametrize("name", ["none", "None", "nOnE", "NONE", "", "null", None, 0, [], {}])
@pytest.mark.parametrize("key", ["", "c2lnbmF0dXJl"])
def test_no_algorithm_is_none_of_ours(name: Any, key: str) -> None:
    header = base64url(json.dumps({"alg": name, "typ": "JWT"}).encode())
    payload = base64url(json.dumps(claims()).encode())
    for keys in (SecretKey(SECRET), PublicKey(pem(rsa_key()))):
        refused(f"{header}.{payload}.{key}", keys)
    refused(signed(header={"alg": name}))


def test_a_header_without_an_algorithm() -> None:
    refused(signed(header=b'{"typ":"JWT"}'))


@pytest.mark.parametrize("name", ["hs256", "Hs256", "HS256 ", "HS256\x00", "\uff28S256", ["HS256"]])
def test_the_name_of_an_algorithm_is_exact(name: Any) -> None:
    refused(signed(header={"alg": name}))


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_a_secret_is_for_one_algorithm(algorithm: str) -> None:
    refused(signed(CLAIMS, SECRET_BYTES * 2, algorithm), SecretKey(SECRET))


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256"])
def test_a_public_key_is_for_one_algorithm(algorithm: str) -> None:
    refused(signed(CLAIMS, rsa_key(), algorithm), PublicKey(pem(rsa_key())))
    # Nor with the right name on the wrong signature.
    lying = signed(CLAIMS, rsa_key(), algorithm, header={"alg": "RS256"})
    refused(lying, PublicKey(pem(rsa_key())))


@pytest.mark.parametrize("key", [rsa_key(), ec_key()])
def test_a_public_key_is_no_secret(key: Any) -> None:
    # PyJWT refuses to sign so, and an attacker would not ask it.
    header, payload = (base64url(json.dumps(part).encode()) for part in ({"alg": "HS256"}, CLAIMS))
    text = f"{header}.{payload}"
    for secret in (pem(key), pem(key).strip(), pem(key).replace("\n", "")):
        signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(
            text.encode(), secret.encode()
        )
        refused(f"{text}.{base64url(signature)}", PublicKey(pem(key)))


@pytest.mark.parametrize(("key", "algorithm"), [(rsa_key(), "RS256"), (ec_key(), "ES256")])
def test_a_secret_is_no_public_key(key: Any, algorithm: str) -> None:
    refused(signed(CLAIMS, key, algorithm), SecretKey(SECRET))
    refused(signed(CLAIMS, key, algorithm, header={"alg": "HS256"}), SecretKey(SECRET))


def test_kinds_of_public_keys_are_not_mixed_up() -> None:
    refused(signed(CLAIMS, ec_key(), "ES256"), PublicKey(pem(rsa_key())))
    refused(signed(CLAIMS, rsa_key(), "RS256"), PublicKey(pem(ec_key())))
    refused(signed(CLAIMS, ec_key(), "ES256", header={"alg": "RS256"}), PublicKey(pem(rsa_key())))


def test_a_key_in_the_header_is_not_looked_at() -> None:
    mine = jwt.algorithms.RSAAlgorithm.to_jwk(rsa_key("attacker").public_key(), as_dict=True)
    offers = {
        "jwk": mine,
        "jku": "http://127.0.0.1:9/keys",
        "x5u": "http://127.0.0.1:9/",
        "x5c": [],
    }
    keys = PublicKey(pem(rsa_key()))
    refused(signed(CLAIMS, rsa_key("attacker"), "RS256", header=offers), keys)
    token = signed(CLAIMS, rsa_key(), "RS256", header={**offers, "kid": "http://127.0.0.1:9/"})
    assert verifier(keys).verify(token).principal == ANN


@pytest.mark.parametrize("crit", [["b64"], ["exp"], [], None, "exp", ["x"]])
def test_extensions_that_must_be_understood(crit: Any) -> None:
    refused(signed(header={"crit": crit, "exp": 1, "b64": True}))


@pytest.mark.parametrize("b64", [False, None, 0, "false"])
def test_payloads_are_encoded(b64: Any) -> None:
    refused(signed(header={"b64": b64}))


def test_a_type_is_not_needed() -> None:
    assert verifier().verify(signed(header=b'{"alg":"HS256"}')).principal == ANN


@pytest.mark.parametrize("kid", [None, 1, ["a"], {}])
def test_the_name_of_a_key_is_a_text(kid: Any) -> None:
    refused(signed(header={"kid": kid}))


def test_an_algorithm_that_is_there_twice() -> None:
    refused(signed(header=b'{"alg":"none","alg":"HS256"}'))
    refused(signed(header=b'{"alg":"HS256","alg":"none"}'))


@pytest.mark.parametrize("name", ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt"])
def test_types(name: str) -> None:
    assert verifier().verify(signed(header={"typ": name})).principal == ANN


@pytest.mark.parametrize("name", ["JWE", "", "logout+jwt", "JWT\n", "x/jwt", None, 1, ["JWT"]])
def test_other_types(name: Any) -> None:
    refused(signed(header={"typ": name}))
