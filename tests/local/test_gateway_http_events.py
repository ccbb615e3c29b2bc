"""The HTTP API of the local gateway: requests as events, results as responses."""

import base64
import threading
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from shared.local.connections import GatewayLimits
from tests.support.gateway import PATIENCE, Recorder, ask, serving


def test_the_event_is_payload_format_2() -> None:
    handler = Recorder()
    headers = [
        ("Content-Type", "application/json; charset=utf-8"),
        ("User-Agent", "tester"),
        ("Cookie", "a=1; b=2"),
        ("X-Forwarded-For", "10.0.0.1"),
    ]
    with serving(http=handler) as gateway:
        ask(gateway, "POST", "/a%20b/c?x=1&x=%20", headers, b'{"ok":1}')
        event = handler.take()
    assert event["version"] == "2.0"
    assert event["routeKey"] == "$default"
    assert event["rawPath"] == "/a b/c"
    assert event["rawQueryString"] == "x=1&x=%20"
    assert event["queryStringParameters"] == {"x": "1, "}
    assert event["cookies"] == ["a=1", "b=2"]
    assert (event["body"], event["isBase64Encoded"]) == ('{"ok":1}', False)
    assert "cookie" not in event["headers"]
    assert event["headers"]["x-forwarded-for"] == "10.0.0.1, 127.0.0.1"
    assert event["headers"]["x-forwarded-proto"] == "http"
    assert event["headers"]["x-forwarded-port"] == str(gateway.port)
    context = event["requestContext"]
    assert context["http"] == {
        "method": "POST",
        "path": "/a b/c",
        "protocol": "HTTP/1.1",
        "sourceIp": "127.0.0.1",
        "userAgent": "tester",
    }
    assert context["stage"] == "$default"
    assert context["domainName"] == f"127.0.0.1:{gateway.port}"
    assert {"requestId", "time", "timeEpoch", "apiId", "accountId"} <= context.keys()


def test_without_query_cookies_and_body_the_fields_are_absent() -> None:
    handler = Recorder()
    with serving(http=handler) as gateway:
        ask(gateway, "GET", "/")
        event = handler.take()
    assert {"queryStringParameters", "cookies", "body"}.isdisjoint(event)
    assert (event["rawQueryString"], event["isBase64Encoded"]) == ("", False)


@pytest.mark.parametrize(
    ("content_type", "encoded"),
    [
        ("text/csv", False),
        ("application/json", False),
        ("application/xml", False),
        ("application/x-www-form-urlencoded", True),
        ("image/png", True),
        (None, True),
    ],
)
def test_which_bodies_are_base64(content_type: str | None, encoded: bool) -> None:
    handler = Recorder()
    headers = [("Content-Type", content_type)] if content_type else []
    with serving(http=handler) as gateway:
        ask(gateway, "POST", "/", headers, b"hello")
        event = handler.take()
    assert event["isBase64Encoded"] is encoded
    assert event["body"] == (base64.b64encode(b"hello").decode() if encoded else "hello")


@pytest.mark.parametrize(
    ("result", "status", "body", "content_type"),
    [
        ({"statusCode": 201, "body": "hi"}, 201, b"hi", ["text/plain;charset=UTF-8"]),
        ({"statusCode": "202"}, 202, b"", []),
        ({"hello": "ö"}, 200, '{"hello":"ö"}'.encode(), ["application/json"]),
        ("plain", 200, b"plain", ["application/json"]),
        (
            {"statusCode": 200, "body": "AAE=", "isBase64Encoded": True, "headers": {"X-A": 1}},
            200,
            b"\x00\x01",
            ["text/plain;charset=UTF-8"],
        ),
        ({"statusCode": "many"}, 500, b'{"message":"Internal Server Error"}', ["application/json"]),
        ({"statusCode": 200, "body": 7}, 500, None, ["application/json"]),
        ({"statusCode": 200, "body": b"bytes"}, 500, None, ["application/json"]),
        ({"statusCode": 200, "headers": ["x"]}, 500, None, ["application/json"]),
        ({"statusCode": 200, "body": "x" * 1001}, 500, None, ["application/json"]),
    ],
)
def test_results_become_responses(
    result: Any, status: int, body: bytes | None, content_type: list[str]
) -> None:
    limits = GatewayLimits(http_bytes=1000)
    with serving(http=Recorder(lambda _: result), limits=limits) as gateway:
        answer = ask(gateway, "GET", "/")
    assert answer.status == status
    assert answer.all("content-type") == content_type
    assert body is None or answer.body == body


def test_multi_value_headers_are_sent_one_by_one() -> None:
    result = {"statusCode": 200, "multiValueHeaders": {"X-A": ["1", "2"]}, "cookies": ["a=1"]}
    with serving(http=Recorder(lambda _: result)) as gateway:
        answer = ask(gateway, "GET", "/")
    assert answer.all("x-a") == ["1", "2"]
    assert answer.all("set-cookie") == ["a=1"]


def test_a_failing_handler_is_500_and_says_nothing_of_the_fault() -> None:
    def fail(_: Any) -> Any:
        raise ValueError("secret")

    with serving(http=Recorder(fail)) as gateway:
        answer = ask(gateway, "GET", "/")
    assert answer.status == 500
    assert answer.json() == {"message": "Internal Server Error"}


def test_a_slow_handler_is_503() -> None:
    release = threading.Event()
    handler = Recorder(lambda _: release.wait(PATIENCE))
    with serving(http=handler, limits=GatewayLimits(http_seconds=0.05)) as gateway:
        assert ask(gateway, "GET", "/").status == 503
        release.set()


def test_a_longer_body_than_lambda_takes_is_413() -> None:
    handler = Recorder()
    with serving(http=handler, limits=GatewayLimits(http_bytes=1000)) as gateway:
        assert ask(gateway, "POST", "/", body=b"x" * 1000).status == 200
        assert ask(gateway, "POST", "/", body=b"x" * 1001).status == 413


def test_the_demo_app_is_mounted_and_the_rest_goes_to_the_api() -> None:
    async def demo(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"].removeprefix(scope["root_path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": f"demo {path}".encode()})

    with serving(http=Recorder(lambda _: "api"), demo=demo) as gateway:
        assert ask(gateway, "GET", "/_demo/v1/messages").body == b"demo /v1/messages"
        assert ask(gateway, "GET", "/demo").body == b"api"
