"""The HTTP API of the local gateway, through Mangum to a FastAPI app."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response
from mangum import Mangum

from shared.local.threads import event_loop
from tests.support.gateway import Gateway, ask, serving


def tiny_app() -> FastAPI:
    app = FastAPI()

    @app.api_route("/echo/{rest:path}", methods=["GET", "POST", "PUT", "DELETE", "PATCH"])
    async def echo(request: Request, rest: str) -> dict[str, Any]:
        return {
            "method": request.method,
            "rest": rest,
            "query": request.query_params.multi_items(),
            "cookies": request.cookies,
            "twice": request.headers.get("x-twice"),
            "body": base64.b64encode(await request.body()).decode(),
            "url": str(request.url),
            "client": request.client.host if request.client else None,
        }

    @app.get("/cookies")
    async def cookies(response: Response) -> str:
        response.set_cookie("one", "1")
        response.set_cookie("two", "2")
        return "set"

    @app.get("/image")
    async def image() -> Response:
        return Response(bytes(range(256)), media_type="image/png")

    @app.delete("/nothing", status_code=204)
    async def nothing() -> None:
        return None

    return app


@pytest.fixture(scope="module")
def mangum() -> Iterator[Gateway]:
    # Mangum asks for the thread's event loop already when it is made.
    with event_loop():
        handler = Mangum(tiny_app(), lifespan="off")
    with serving(http=handler) as gateway:
        yield gateway


def test_query_values_repeat_and_keep_their_order(mangum: Gateway) -> None:
    answer = ask(mangum, "GET", "/echo/x?b=2&a=1&b=%20%26&empty=")
    assert answer.status == 200
    assert answer.json()["query"] == [["b", "2"], ["a", "1"], ["b", " &"], ["empty", ""]]


def test_paths_come_decoded(mangum: Gateway) -> None:
    answer = ask(mangum, "GET", "/echo/caf%C3%A9/%E2%98%83/a%20b")
    assert answer.json()["rest"] == "café/☃/a b"


def test_cookies_and_repeated_headers_come_through(mangum: Gateway) -> None:
    headers = [("Cookie", "a=1; b=2"), ("X-Twice", "one"), ("X-Twice", "two")]
    found = ask(mangum, "GET", "/echo/", headers).json()
    assert found["cookies"] == {"a": "1", "b": "2"}
    assert found["twice"] == "one,two"
    assert found["client"] == "127.0.0.1"
    assert found["url"] == f"http://127.0.0.1:{mangum.port}/echo/"


@pytest.mark.parametrize("content_type", ["application/octet-stream", "application/json", None])
@pytest.mark.parametrize("body", [bytes(range(256)), "ö☃".encode(), b""])
def test_bodies_arrive_byte_by_byte(mangum: Gateway, content_type: str | None, body: bytes) -> None:
    headers = [("Content-Type", content_type)] if content_type else []
    found = ask(mangum, "PUT", "/echo/", headers, body).json()
    assert base64.b64decode(found["body"]) == body
    assert found["method"] == "PUT"


def test_several_cookies_are_set(mangum: Gateway) -> None:
    cookies = ask(mangum, "GET", "/cookies").all("set-cookie")
    assert [cookie.split(";")[0] for cookie in cookies] == ["one=1", "two=2"]


def test_binary_answers_come_back_as_they_are(mangum: Gateway) -> None:
    answer = ask(mangum, "GET", "/image")
    assert answer.body == bytes(range(256))
    assert answer.all("content-type") == ["image/png"]
    assert answer.all("content-length") == ["256"]


def test_an_answer_without_a_body(mangum: Gateway) -> None:
    answer = ask(mangum, "DELETE", "/nothing")
    assert (answer.status, answer.body) == (204, b"")


def test_the_framework_answers_what_is_not_there(mangum: Gateway) -> None:
    assert ask(mangum, "GET", "/elsewhere").status == 404
    assert ask(mangum, "OPTIONS", "/cookies").status == 405
