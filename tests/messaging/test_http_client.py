"""A request of any kind: what the server gets, and what of its answer is handed on."""

import socket
import threading
from collections.abc import Sequence

import pytest

from shared.messaging.addresses import AddressGuard
from shared.messaging.http import AddressRefused, HttpAnswer, HttpFailed
from shared.messaging.http_client import GuardedHttpClient
from tests.messaging.receivers import (
    HOST,
    PATIENT,
    Answer,
    by_hand,
    client,
    dripping,
    receiver,
    saying,
    silent,
)

LIMIT = 1000
OK = b"HTTP/1.1 200 OK\r\n"


def ask(port: int, method: str = "GET", timeout: float = PATIENT, **more: bytes) -> HttpAnswer:
    url = f"http://api.example:{port}/things?a=b"
    body = more.get("body")
    return client().request(method, url, body, {}, timeout=timeout, max_bytes=LIMIT)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_every_method_arrives_with_its_body(method: str) -> None:
    with receiver() as server:
        answer = ask(server.port, method, body=b"[1]")

    (got,) = server.got
    assert (got.method, got.path, got.body) == (method, "/things?a=b", b"[1]")
    assert got.headers["Host"] == f"api.example:{server.port}"
    assert got.headers.get_all("Accept-Encoding") == ["identity"]
    assert (answer.status, answer.body, answer.cut) == (200, b"{}", False)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_without_a_body_none_is_announced(method: str) -> None:
    with receiver() as server:
        ask(server.port, method)

    assert "Content-Length" not in server.got[0].headers
    assert "Content-Type" not in server.got[0].headers


def test_of_the_headers_only_some_are_handed_on() -> None:
    with receiver() as server:
        server.status = 503
        server.headers = {
            "CONTENT-TYPE": "text/plain; charset=latin-1",
            "Retry-After": "7",
            "Set-Cookie": "a=b",
            "Location": "/elsewhere",
        }
        answer = ask(server.port)

    assert answer.headers == {"content-type": "text/plain; charset=latin-1", "retry-after": "7"}


def test_a_long_header_is_cut() -> None:
    with receiver() as server:
        server.headers = {"Content-Type": "t" * 5000}

        assert len(ask(server.port).headers["content-type"]) == 1024


@pytest.mark.parametrize(("size", "cut"), [(0, False), (LIMIT, False), (LIMIT + 1, True)])
@pytest.mark.parametrize("framing", ["length", "until closed", "chunks"])
def test_so_much_of_a_body_is_read(size: int, cut: bool, framing: str) -> None:
    body = b"x" * size
    head = {
        "length": b"Content-Length: %d\r\n\r\n" % size,
        "until closed": b"\r\n",
        "chunks": b"Transfer-Encoding: chunked\r\n\r\n",
    }[framing]
    sent = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    with by_hand(saying(OK + head + (sent if framing == "chunks" else body))) as port:
        answer = ask(port)

    assert (answer.body, answer.cut) == (body[:LIMIT], cut)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_like_any_other(status: int) -> None:
    with receiver() as server:
        server.status = status
        server.headers = {"Location": f"http://{HOST}:{server.port}/elsewhere"}

        assert ask(server.port).status == status
    assert len(server.got) == 1


def test_a_compressed_answer_stays_as_it_is() -> None:
    with receiver() as server:
        server.headers = {"Content-Encoding": "gzip"}
        server.body = b"a bomb"
        answer = ask(server.port)

    assert (answer.body, answer.headers) == (b"a bomb", {"content-encoding": "gzip"})


@pytest.mark.parametrize("size", [b"-1", b"-5", b"zz", b""])
def test_a_chunk_without_a_size_is_no_answer(size: bytes) -> None:
    """A negative one must not be taken for all that comes."""
    head = OK + b"Transfer-Encoding: chunked\r\n\r\n" + size + b"\r\n"
    with by_hand(dripping(head, b"x" * 65536, 0)) as port, pytest.raises(HttpFailed):
        ask(port)


@pytest.mark.parametrize(
    "answer",
    [
        saying(b""),
        saying(OK + b"Content-Length: 100\r\n\r\nshort"),
        silent,
        dripping(OK + b"Content-Length: 900\r\n\r\n", b"x"),
    ],
    ids=["closed", "short", "silent", "dripping"],
)
def test_what_fails_after_connecting_may_have_been_received(answer: Answer) -> None:
    with by_hand(answer) as port, pytest.raises(HttpFailed) as caught:
        ask(port, timeout=0.3)

    assert caught.value.sent


def test_an_answer_that_never_comes_to_its_point_is_bounded_in_bytes_too() -> None:
    endless = dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, 0)
    with by_hand(endless) as port, pytest.raises(HttpFailed, match="too large"):
        ask(port)


def test_a_server_that_does_not_read_the_request_times_out() -> None:
    def deaf(connection: socket.socket, over: threading.Event) -> None:
        over.wait(PATIENT)

    with by_hand(deaf) as port, pytest.raises(HttpFailed) as caught:
        ask(port, "POST", timeout=0.3, body=b"x" * 50_000_000)

    assert caught.value.sent


def test_where_nobody_listens_nothing_was_sent() -> None:
    with receiver() as server:
        port = server.port
    with pytest.raises(HttpFailed) as caught:
        ask(port)

    assert not caught.value.sent


def test_without_a_handshake_nothing_was_sent() -> None:
    with receiver() as server, pytest.raises(HttpFailed) as caught:
        client().request(
            "POST",
            f"https://api.example:{server.port}/",
            b"{}",
            {},
            timeout=PATIENT,
            max_bytes=LIMIT,
        )

    assert not caught.value.sent
    assert server.got == []


def test_a_name_that_is_looked_up_for_too_long_is_no_answer() -> None:
    over = threading.Event()

    def stalled(host: str, port: int) -> Sequence[str]:
        over.wait(PATIENT)
        return [HOST]

    http = GuardedHttpClient(AddressGuard(allow_private=True, resolver=stalled))
    try:
        with receiver() as server, pytest.raises(HttpFailed) as caught:
            http.request(
                "POST",
                f"http://api.example:{server.port}/",
                b"{}",
                {},
                timeout=0.1,
                max_bytes=LIMIT,
            )
    finally:
        over.set()

    assert not caught.value.sent
    assert server.got == []


def test_a_private_address_is_refused() -> None:
    with receiver() as server, pytest.raises(AddressRefused):
        client(allow_private=False).request(
            "GET", f"http://api.example:{server.port}/", None, {}, timeout=1, max_bytes=LIMIT
        )

    assert server.got == []


def test_a_url_is_checked_without_looking_its_name_up() -> None:
    def never(host: str, port: int) -> Sequence[str]:
        raise AssertionError("it was looked up")

    http = GuardedHttpClient(AddressGuard(resolver=never))
    http.check("https://api.example/things")
    for url in ("https://10.0.0.1/", "https://user@api.example/", "ftp://api.example/"):
        with pytest.raises(AddressRefused):
            http.check(url)


def test_the_deadline_has_passed_before_anything_is_sent() -> None:
    with receiver() as server, pytest.raises(HttpFailed) as caught:
        ask(server.port, timeout=1e-9)

    assert not caught.value.sent
    assert server.got == []
