"""HTTP tools against real servers: what is sent, and what never is."""

import json

import pytest

from shared.tools.http_tool import MAX_BODY
from shared.tools.port import InvalidArguments, Tool
from shared.tools.secrets import ToolSecrets
from shared.tools.specs import ToolSpec
from tests.messaging.receivers import client, receiver
from tests.support.clock import FakeClock
from tests.tools.calls import context
from tests.tools.http_calls import call, fault, schema, texts, tool

UNSAFE = ["POST", "PUT", "PATCH", "DELETE"]
ANY_ID = {**schema(id={"type": "string"}), "additionalProperties": True}


def test_it_is_what_its_entry_says() -> None:
    made: Tool = tool("https://api.example/{id}", parameters=texts("id"), timeout=7)
    assert (made.name, made.description, made.timeout) == ("find_order", "Find an order", 7)
    assert made.parameters == texts("id")
    assert (made.repeatable, made.parallel) == (True, False)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_what_the_url_does_not_take_becomes_the_body(method: str) -> None:
    arguments = {"id": "a/1", "amount": 2.5, "why": "grün", "lines": [{"n": 1}]}
    with receiver() as server:
        call(server, "/refunds/{id}?v=1", method, arguments=arguments, parameters=ANY_ID)

    (got,) = server.got
    assert (got.method, got.path) == (method, "/refunds/a%2F1?v=1")
    assert json.loads(got.body) == {"amount": 2.5, "why": "grün", "lines": [{"n": 1}]}
    assert got.headers.get_all("Content-Type") == ["application/json"]


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_what_the_url_does_not_take_becomes_the_query(method: str) -> None:
    arguments = {"id": "1", "tags": ["a", "b"], "note": "x&y"}
    with receiver() as server:
        call(server, "/orders/{id}", method, arguments=arguments, parameters=ANY_ID)

    (got,) = server.got
    assert (got.method, got.path) == (method, "/orders/1?tags=a&tags=b&note=x%26y")
    assert got.body == b""
    assert "Content-Type" not in got.headers


@pytest.mark.parametrize("method", UNSAFE)
def test_an_unsafe_request_says_which_call_it_is(method: str) -> None:
    with receiver() as server:
        call(server, "/", method)

    assert server.got[0].headers.get_all("Idempotency-Key") == ["t1:k1"]


def test_a_key_that_no_header_can_hold_is_sent_as_a_digest() -> None:
    with receiver() as server:
        made = tool(f"http://api.example:{server.port}/", "POST")
        made.run({}, context(idempotency_key="a\r\nX-Evil: 1"))
        made.run({}, context(idempotency_key="a\r\nX-Evil: 1"))
        made.run({}, context(idempotency_key="b" * 256))

    first, second, third = (got.headers["Idempotency-Key"] for got in server.got)
    assert first == second != third
    assert {len(first), len(third)} == {64}
    assert "X-Evil" not in server.got[0].headers


def test_a_get_has_no_key_and_says_who_asks() -> None:
    with receiver() as server:
        call(server, "/")

    headers = server.got[0].headers
    assert "Idempotency-Key" not in headers
    assert headers["User-Agent"] == "Parley"
    assert headers["Accept"].startswith("application/json")


def test_who_has_shown_who_they_are_is_said_by_us_alone() -> None:
    own = {"x-parley-verified-email": "anybody@example.com"}
    with receiver() as server:
        made = tool(f"http://api.example:{server.port}/", headers=own)
        made.run({}, context(verified_email="ada@example.com"))
        made.run({}, context(email="ada@example.com"))

    told = [got.headers.get_all("X-Parley-Verified-Email") for got in server.got]
    assert told == [["ada@example.com"], None]


def test_the_author_s_headers_win() -> None:
    own = {"idempotency-key": "mine", "USER-AGENT": "Shop", "content-type": "application/x+json"}
    with receiver() as server:
        call(server, "/", "POST", headers={**own, "X-More": "1"})

    headers = server.got[0].headers
    for name, value in own.items():
        assert headers.get_all(name) == [value]
    assert headers["X-More"] == "1"


def test_a_secret_is_sent_and_not_told() -> None:
    with receiver() as server:
        server.headers = {"Content-Type": "text/plain"}
        server.body = b"You sent: Bearer s3cret-key"
        result = call(
            server,
            "/",
            headers={"Authorization": "Bearer {secret:refunds}"},
            secrets={"PARLEY_SECRET_REFUNDS": "s3cret-key"},
        )

        server.status = 400
        said = fault(
            server,
            headers={"Authorization": "secret:refunds"},
            secrets={"PARLEY_SECRET_REFUNDS": "s3cret-key"},
        )

    assert server.got[0].headers["Authorization"] == "Bearer s3cret-key"
    assert result == "You sent: Bearer [redacted]"
    assert "[redacted]" in said
    assert "s3cret-key" not in said


def test_an_entry_of_another_kind_makes_no_tool() -> None:
    made = tool("https://api.example/")
    spec = {"lambda": {"function": "f"}, "name": "a", "description": "b", "parameters": {}}
    with pytest.raises(TypeError):
        type(made)(
            ToolSpec.model_validate(spec),
            made.check,
            http=client(),
            secrets=ToolSecrets({}, FakeClock()),
            clock=FakeClock(),
        )


def test_arguments_that_do_not_fit_are_not_sent() -> None:
    with receiver() as server:
        with pytest.raises(InvalidArguments):
            call(server, "/{id}", arguments={"id": 7}, parameters=texts("id"))
        with pytest.raises(InvalidArguments):
            call(server, "/{id}", arguments={"id": ".."}, parameters=texts("id"))
        with pytest.raises(InvalidArguments, match="finite"):
            call(server, "/", "POST", arguments={"n": float("nan")})
        with pytest.raises(InvalidArguments, match="shorten"):
            call(server, "/", "POST", arguments={"n": "x" * MAX_BODY})

    assert server.got == []
