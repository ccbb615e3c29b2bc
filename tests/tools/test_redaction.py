"""Secrets that servers repeat, in whatever way they write them, do not reach the model."""

import base64
import html
import json
import re
from collections.abc import Callable
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from shared.tools.redaction import HIDDEN, redacted
from tests.messaging.receivers import receiver
from tests.tools.http_calls import call, fault

SECRET = 'to"ken/wi+th\\slash<&> =12345'


def as_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def hexadecimal(text: str) -> str:
    return "".join(f"\\u{ord(each):04X}" for each in text)


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def urlsafe(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


WAYS: list[Callable[[str], str]] = [
    str,
    as_json,
    lambda text: as_json(text).replace("/", "\\/"),
    lambda text: as_json(text).replace("<", "\\u003c").replace("&", "\\u0026"),
    hexadecimal,
    lambda text: as_json(as_json(text)),
    quote,
    quote_plus,
    lambda text: quote(text, safe=""),
    lambda text: re.sub("%..", lambda found: found[0].lower(), quote(text)),
    lambda text: quote(quote(text, safe=""), safe=""),
    lambda text: as_json(quote(text)),
    lambda text: quote(as_json(text)),
    html.escape,
    lambda text: "".join(f"&#{ord(each)};" for each in text),
    lambda text: "".join(f"&#x{ord(each):x};" for each in text),
    lambda text: repr(text)[1:-1],
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("secret", [SECRET, "sk-live_abc+def/ghi==", "100%41&amp;\\u0041"])
def test_a_secret_is_found_however_it_is_written(way: Callable[[str], str], secret: str) -> None:
    written = way(secret)
    text = f'{{"before": "a%20b\\n", "it": "Bearer {written}", "after": "é&lt;"}}'

    said = redacted(text, [secret, "another"])

    assert said == f'{{"before": "a%20b\\n", "it": "Bearer {HIDDEN}", "after": "é&lt;"}}'


@given(
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=12, max_size=40),
    st.sampled_from(WAYS),
)
@example("\\" * 12 + "abcdefgh", as_json)
def test_whatever_the_secret_it_is_not_in_what_is_left(
    secret: str, way: Callable[[str], str]
) -> None:
    # Of a secret that has escapes of its own less may be left to look for.
    assume(len(secret.replace("\\", "")) >= 6 and not {"%", "&"} & set(secret))
    text = f"<{way(secret)}>"
    assert way(secret) not in redacted(text, [secret])


@pytest.mark.parametrize("encode", [base64_of, urlsafe])
@pytest.mark.parametrize("before", ["", "a", "ab", "Bearer ", "user:"])
@pytest.mark.parametrize("after", ["", "x", "xy", "\r\nAccept: */*"])
def test_base64_of_a_secret_or_of_what_it_is_in(
    encode: Callable[[str], str], before: str, after: str
) -> None:
    said = redacted(f"it is {encode(before + SECRET + after)}.", [SECRET])

    assert HIDDEN in said
    left = said.removeprefix("it is ").removesuffix(".").split(HIDDEN)
    assert len(left) == 2
    assert len(left[0]) <= 4 * len(before) / 3 + 2
    assert len(left[1]) <= 4 * len(after) / 3 + 4


def test_the_credentials_of_basic_are_hidden_too() -> None:
    secret = base64_of("ada:p4ss/word")
    text = f'{{"auth": "Basic {secret}", "user": "ada", "password": "p4ss\\/word"}}'

    assert redacted(text, [secret]) == (
        f'{{"auth": "Basic {HIDDEN}", "user": "ada", "password": "{HIDDEN}"}}'
    )


def test_a_short_secret_is_hidden_where_it_stands_alone() -> None:
    assert redacted("pin 1234, 12345, x1234, 1234_", ["1234"]) == (
        f"pin {HIDDEN}, 12345, x1234, {HIDDEN}_"
    )
    assert redacted("a", [""]) == "a"


@pytest.mark.parametrize("way", WAYS)
def test_a_secret_that_was_cut(way: Callable[[str], str]) -> None:
    written = way(SECRET)
    for length in range(len(written) // 2, len(written)):
        said = redacted(f"it is {written[:length]}", [SECRET], cut=True)
        assert said == f"it is {HIDDEN}", written[:length]


def test_an_end_that_begins_no_secret_stays() -> None:
    assert redacted("it is tok", ["token-123"], cut=True) == "it is tok"
    assert redacted("it is tokem", ["token-123"], cut=True) == "it is tokem"
    assert redacted("it is token-1", ["token-123"]) == "it is token-1"
    assert redacted("100%", ["token-123"], cut=True) == "100%"


def test_several_secrets_in_each_other() -> None:
    assert redacted("<secret-one-two>", ["secret-one", "one-two"]) == f"<{HIDDEN}>"
    assert redacted("secret-onesecret-one", ["secret-one"]) == HIDDEN * 2


def test_what_is_no_secret_is_not_touched() -> None:
    text = '{"a": "\\u00e9 \\\\ %41 &amp; + \\ud83d &#9999999;"}' * 10
    assert redacted(text, [SECRET], cut=True) == text
    assert redacted(text, []) == text


@pytest.mark.parametrize("kind", ["text/plain", "application/json", ""])
def test_an_http_tool_hides_its_secrets(kind: str) -> None:
    headers = {"Authorization": "Bearer {secret:refunds}"}
    with receiver() as server:
        server.headers = {"Content-Type": kind} if kind else {}
        server.body = json.dumps({"headers": f"Bearer {SECRET}"}).encode()
        said = call(server, "/", headers=headers, secrets={"PARLEY_SECRET_REFUNDS": SECRET})
        server.status = 400
        server.body = urlencode({"a": SECRET}).encode()
        refused = fault(server, headers=headers, secrets={"PARLEY_SECRET_REFUNDS": SECRET})

    assert said == f'{{"headers": "Bearer {HIDDEN}"}}'
    assert refused.endswith(f"It said:\na={HIDDEN}")


def test_an_http_tool_hides_a_secret_at_the_limit_and_in_the_kind_of_its_answer() -> None:
    headers = {"Authorization": "Bearer {secret:refunds}"}
    secrets = {"PARLEY_SECRET_REFUNDS": "sk-live-abcdef"}
    with receiver() as server:
        server.headers = {"Content-Type": "text/plain"}
        server.body = b"x" * 999_990 + b"sk-live-abcdef"
        said = call(server, "/", headers=headers, secrets=secrets)
        server.headers = {"Content-Type": "image/sk-live-abcdef"}
        kind = call(server, "/", headers=headers, secrets=secrets)

    assert said == "x" * 999_990 + f"{HIDDEN}\n[cut: the answer has more than 1000000 bytes]"
    assert f"image/{HIDDEN}" in kind
