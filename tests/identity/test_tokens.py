"""Tokens: their form and signature. What else they hold: `test_tokens_header.py`, `_claims.py`."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import jwt
import pytest

from shared.errors import ServiceUnavailable
from shared.identity.keys import Keys, PublicKey, SecretKey
from shared.identity.principal import Principal
from shared.identity.tokens import MAX_TOKEN
from tests.identity.logged import Lines, logged
from tests.identity.refusals import refused
from tests.identity.token_samples import (
    CLAIMS,
    NOW,
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


@pytest.fixture
def lines() -> Iterator[Lines]:
    with logged() as lines:
        yield lines


@pytest.mark.parametrize(
    ("keys", "key", "algorithm"),
    [
        (SecretKey(SECRET), SECRET_BYTES, "HS256"),
        (PublicKey(pem(rsa_key())), rsa_key(), "RS256"),
        (PublicKey(pem(ec_key())), ec_key(), "ES256"),
    ],
)
def test_a_token_says_who_bears_it(keys: Keys, key: Any, algorithm: str) -> None:
    credential = verifier(keys).verify(jwt.encode(claims(), key, algorithm))
    assert credential.principal == ANN
    assert credential.expires_at == (NOW + 600) * 1000
    assert credential.once is None
    assert verifier(keys).verify(signed(CLAIMS, key, algorithm)) == credential


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_somebody_elses_key(algorithm: str) -> None:
    make: Any = rsa_key if algorithm == "RS256" else ec_key
    refused(signed(CLAIMS, make("two"), algorithm), PublicKey(pem(make("one"))))


def test_somebody_elses_secret() -> None:
    refused(signed(CLAIMS, SECRET_BYTES + b"x"))
    refused(signed(CLAIMS, SECRET_BYTES.upper()))


def test_detached_payloads() -> None:
    header, _, signature = signed().split(".")
    refused(f"{header}..{signature}")
    detached = jwt.PyJWS().encode(b"{}", SECRET_BYTES, "HS256", is_payload_detached=True)
    refused(detached)


def test_the_length() -> None:
    def padded(length: int) -> str:
        return signed(claims(x="y" * length))

    fits = next(length for length in range(6200, 5000, -1) if len(padded(length)) <= MAX_TOKEN)
    assert MAX_TOKEN - 4 < len(padded(fits)) <= MAX_TOKEN
    assert verifier().verify(padded(fits)).principal == ANN
    refused(padded(fits + 3))
    refused("x" * 10_000_000)


HEADER, PAYLOAD, SIGNATURE = signed().split(".")


@pytest.mark.parametrize(
    "token",
    [
        *("", ".", "..", "...", "a.b", "a.b.c", "ä.ö.ü", "\ud800.\ud800.\ud800", "\x00"),
        f"{HEADER}.{PAYLOAD}",
        f"{HEADER}.{PAYLOAD}.",
        f"{HEADER}.{PAYLOAD}.{SIGNATURE}.",
        f"{HEADER}.{PAYLOAD}.{SIGNATURE}.{SIGNATURE}",
        f"{HEADER}.x.{PAYLOAD}.{SIGNATURE}",
        f"{HEADER}.{PAYLOAD}.{SIGNATURE}=",
        f"{HEADER}==.{PAYLOAD}.{SIGNATURE}",
        f" {HEADER}.{PAYLOAD}.{SIGNATURE}",
        f"{HEADER}.{PAYLOAD}.{SIGNATURE}\n",
        f"Bearer {HEADER}.{PAYLOAD}.{SIGNATURE}",
        f"{HEADER}.{PAYLOAD}.{SIGNATURE[:-1]}",
        f"{HEADER}A.{PAYLOAD}.{SIGNATURE}",
        f"{PAYLOAD}.{HEADER}.{SIGNATURE}",
        json.dumps({"protected": HEADER, "payload": PAYLOAD, "signature": SIGNATURE}),
    ],
)
def test_other_forms(token: str) -> None:
    refused(token)


NO_VALUES = [
    *(b"NaN", b"Infinity", b"-Infinity", b"1e999", b"9" * 5000, b"", b"1,", b"01", b"'a'"),
    *(b'"\\ud800"', b'"\\udc00\\ud800"', b'{"\\ud800":1}', b'"\xed\xa0\x80"', b'"\xff"', b'"\x00"'),
    *(b"[" * 2000 + b"]" * 2000, b'{"a":' * 500 + b"1" + b"}" * 500, b"[" * 3000),
]


@pytest.mark.parametrize("value", NO_VALUES, ids=itertools.count())
def test_parts_with_a_value_that_is_none(value: bytes) -> None:
    header = b'{"alg":"HS256","x":%s}'
    payload = b'{"sub":"ann","tenant":"acme","exp":1700000600,"x":%s}'
    good = b'{"a":["\\ud83d\\ude00",1.5e3,null]}'
    assert verifier().verify(signed(payload % good, header=header % good)).principal == ANN
    refused(signed(header=header % value))
    refused(signed(payload % value))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_parts_in_another_encoding(encoding: str) -> None:
    refused(signed(header='{"alg":"HS256"}'.encode(encoding)))
    refused(signed(json.dumps(claims()).encode(encoding)))


@pytest.mark.parametrize("data", [b"", b"null", b"[]", b"1", b'"x"', b"true"])
def test_parts_that_are_no_objects(data: bytes) -> None:
    refused(signed(header=data))
    refused(signed(data))


@pytest.mark.parametrize(
    "data",
    [
        b'{"sub":"ann","tenant":"acme","exp":1700000600,"sub":"bob"}',
        b'{"sub":"ann","tenant":"acme","exp":1700000600,"x":{"y":1,"y":2}}',
        b'{"sub":"ann","tenant":"acme","exp":1,"\\u0065xp":1700000600}',
    ],
)
def test_a_claim_that_is_there_twice(data: bytes) -> None:
    refused(signed(data))


def test_the_signature_is_checked_before_the_claims(lines: Lines) -> None:
    header, _, signature = signed().split(".")
    refused(f"{header}.{base64url(b'{}')}.{signature}")
    refused(signed(b"{}", SECRET_BYTES + b"x"))
    assert [line["fault"] for line in lines()] == ["signature", "signature"]


def test_the_log_has_the_kind_of_fault_and_nothing_of_the_token(lines: Lines) -> None:
    private = {"sub": "hunter2-ann", "tenant": "hunter2-acme", "iss": "hunter2", "aud": "hunter2"}
    tokens = [
        signed(claims(**private, exp=NOW - 100)),
        signed(claims(**private), header={"crit": ["hunter2"]}),
        signed(claims(**private), header={"alg": "hunter2"}),
        signed(claims(**private)),
        signed(claims(**private, email=5)),
        "hunter2",
    ]
    for token in tokens:
        refused(token)
    refused(tokens[4], audience=["hunter2"])
    said = lines()
    kinds = ["expired", "extension", "algorithm", "audience", "audience", "form", "email"]
    assert [line["fault"] for line in said] == kinds
    assert {(line["level"], line["message"]) for line in said} == {("INFO", "token refused")}
    text = json.dumps(said)
    assert "hunter2" not in text
    assert not any(part in text for token in tokens for part in token.split("."))


def test_without_keys_nobody_is_refused_for_good() -> None:
    class Away:
        algorithms = ("HS256",)

        def find(self, header: Any) -> Any:
            raise ServiceUnavailable

    with pytest.raises(ServiceUnavailable):
        verifier(Away()).verify(signed())
    refused(signed(header={"alg": "none"}), Away())
