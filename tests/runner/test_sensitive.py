"""Which of a call's arguments nobody is shown."""

from typing import Any

import pytest

from shared.runner.describing import shown_arguments
from tests.runner.refund import (
    CARD,
    HIDDEN,
    JWT,
    PASSWORD,
    PEM,
    WRITE_ONLY,
    RefundTool,
    shown,
)

# -- secrets by name --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        *("password", "userPassword", "PASSWD", "old-passwd", "passphrase", "pass_code"),
        *("secret", "clientSecret", "secrets", "token", "access_token", "refreshTokens", "x-token"),
        *("api_key", "apikey", "apiKey", "API-KEY", "x api key", "X-Auth-Key", "authorization"),
        *("Authorization", "credential", "userCredentials", "private_key", "privateKey"),
        *("accessKey", "aws_secret_access_key", "pin", "PIN", "cardPin", "userPIN", "PINCode"),
        *("cvv", "CVV2", "cvc", "cardCvc", "card_number", "cardNumber", "cardno", "securityCode"),
        *("pwd", "otp", "jwt", "bearer", "Set-Cookie", "cookies"),
        *("pass\u200bword", "\uff50assword"),
    ],
)
def test_names_of_secrets(name: str) -> None:
    for value in ("hunter2", 1234, 1.5, ["a"], {"a": "b"}):
        assert shown({name: value}) == {name: HIDDEN}
        assert shown({"a": [{"b": {name: value}}]}) == {"a": [{"b": {name: HIDDEN}}]}


@pytest.mark.parametrize(
    "name",
    [
        *("id", "amount", "iban", "secretary", "shipping", "pinned", "spin", "opinion", "author"),
        *("key", "passenger", "compass", "tokenize", "card", "keyboard", "footpath", "happiness"),
    ],
)
def test_names_of_other_things(name: str) -> None:
    assert shown({name: "text"}) == {name: "text"}


def test_what_cannot_be_a_secret_is_shown() -> None:
    values = {"reset_password": True, "token": None, "has_pin": False}
    assert shown(values) == values


# -- secrets by the schema --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "value", "seen"),
    [
        (PASSWORD, "x", HIDDEN),
        (WRITE_ONLY, 5, HIDDEN),
        ({"type": "string", "writeOnly": "yes"}, "x", "x"),
        ({"anyOf": [{"type": "null"}, PASSWORD]}, "x", HIDDEN),
        ({"if": {}, "then": PASSWORD}, "x", HIDDEN),
        ({"type": "array", "items": PASSWORD}, ["x", "y"], [HIDDEN, HIDDEN]),
        ({"prefixItems": [{"type": "string"}, PASSWORD]}, ["x", "y"], [HIDDEN, HIDDEN]),
        ({"properties": {"k": WRITE_ONLY, "l": {}}}, {"k": "x", "l": "y"}, {"k": HIDDEN, "l": "y"}),
        (
            {"properties": {"k": {}}, "additionalProperties": PASSWORD},
            {"k": "x", "l": "y", "m": "z"},
            {"k": "x", "l": HIDDEN, "m": HIDDEN},
        ),
        ({"patternProperties": {"^k": PASSWORD}}, {"k": "x"}, {"k": HIDDEN}),
        ({"dependentSchemas": {"a": {"properties": {"k": PASSWORD}}}}, {"k": "x"}, {"k": HIDDEN}),
        ({"additionalProperties": False, "properties": []}, {"k": "x"}, {"k": "x"}),
        (True, "x", "x"),
    ],
)
def test_what_the_schema_marks(schema: Any, value: Any, seen: Any) -> None:
    assert shown({"field": value, "other": "x"}, field=schema) == {"field": seen, "other": "x"}


def test_marks_behind_references_also_circular_ones() -> None:
    tool = RefundTool(properties={"user": {"$ref": "#/$defs/user"}, "odd": {"$ref": "#/$defs/no"}})
    user = {"properties": {"code": {"$ref": "#/$defs/code"}, "boss": {"$ref": "#/$defs/user"}}}
    tool.parameters = {**tool.parameters, "$defs": {"user": user, "code": PASSWORD}}
    found = shown_arguments(tool, {"user": {"code": "x", "boss": {"code": "y"}}, "odd": "z"})
    assert found == {"user": {"code": HIDDEN, "boss": {"code": HIDDEN}}, "odd": "z"}


# -- secrets in texts -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("Authorization: Bearer xyz", "Authorization: Bearer [redacted]"),
        ('curl -H "bearer: a.b-c_d~e+f/g==" x', 'curl -H "bearer: [redacted]" x'),
        (f"Bearer {JWT}!", "Bearer [redacted]!"),
        (f"look: {JWT}.", "look: [redacted]"),
        ("eyJust a text. Really.", "eyJust a text. Really."),
        (f"before\n{PEM}\nafter", "before\n[redacted]\nafter"),
        (PEM[:50], HIDDEN),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nabc", HIDDEN),
        ("-----BEGIN CERTIFICATE-----\nabc", "-----BEGIN CERTIFICATE-----\nabc"),
        (f"card {CARD}, 12/29", "card [redacted], 12/29"),
        (f"{CARD} 123", "[redacted] 123"),
        (f"7 {CARD}", "7 [redacted]"),
        (f"{CARD} {CARD}", "[redacted] [redacted]"),
        ("4111-1111-1111-1111", HIDDEN),
        ("4111\u200b1111\u200b1111\u200b1111", HIDDEN),
        ("\uff14" + 15 * "\uff11", HIDDEN),
        ("378282246310005", HIDDEN),
        ("5555555555554444", HIDDEN),
        ("2223003122003222", HIDDEN),
        ("30569309025904", HIDDEN),
        ("6011111111111117", HIDDEN),
        ("3530111333300000", HIDDEN),
        ("4111111111111112", "4111111111111112"),
        ("1700000000000", "1700000000000"),
        ("order 20260131123045", "order 20260131123045"),
        ("+41 1111 1111 1111 114", "+41 1111 1111 1111 114"),
        ("52.41111111111111114", "52.41111111111111114"),
        ("4111111111111111" * 2, "4111111111111111" * 2),
        (4111111111111111, HIDDEN),
        (4111111111111111.0, HIDDEN),
        (4111111111111112, 4111111111111112),
        (-(10**25), -(10**25)),
    ],
)
def test_what_looks_like_a_secret_in_a_text(text: Any, seen: Any) -> None:
    assert shown({"a": text}) == {"a": seen}
    assert shown({"a": [{"b": text}]}) == {"a": [{"b": seen}]}


def test_names_are_texts_too() -> None:
    found = shown({f"{CARD} a": 1, "4111-1111-1111-1111 a": 2, "b": {JWT: 3}})
    assert found == {"[redacted] a": 1, "[redacted] a (2)": 2, "b": {HIDDEN: 3}}
