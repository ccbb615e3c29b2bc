"""A post to a well-behaved server: what it gets, and what comes of its answer."""

import socket

import pytest

from shared.messaging.addresses import AddressGuard
from shared.messaging.http import AddressRefused, HttpFailed
from shared.messaging.http_post import GuardedHttpPost
from tests.messaging.receivers import HOST, PATIENT, Receiver, by_hand, poster, receiver, saying

BODY = '{"text":"grüß dich"}'.encode()
HEADERS = {"Content-Type": "application/json", "X-Parley-Delivery": "d1"}


def post(server: Receiver, path: str = "/hook", host: str = "hooks.example") -> int:
    return poster().post(f"http://{host}:{server.port}{path}", BODY, HEADERS, timeout=PATIENT)


def test_body_and_headers_arrive_as_they_are() -> None:
    with receiver() as server:
        assert post(server) == 200

    (got,) = server.got
    assert (got.method, got.body) == ("POST", BODY)
    assert got.headers.get_all("Content-Type") == ["application/json"]
    assert got.headers.get_all("X-Parley-Delivery") == ["d1"]
    assert got.headers.get_all("Content-Length") == [str(len(BODY))]


def test_the_host_header_names_the_host_of_the_url_and_its_port() -> None:
    with receiver() as server:
        post(server)

    assert server.got[0].headers.get_all("Host") == [f"hooks.example:{server.port}"]


@pytest.mark.parametrize(
    ("host", "shown"),
    [("HOOKS.Example", "hooks.example"), ("bücher.example", "xn--bcher-kva.example")],
)
def test_the_host_header_is_in_lower_case_and_ascii(host: str, shown: str) -> None:
    with receiver() as server:
        assert post(server, host=host) == 200

    assert server.got[0].headers["Host"] == f"{shown}:{server.port}"


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("", "/"),
        ("/", "/"),
        ("/a/b", "/a/b"),
        ("/a?b=c&d=%2F", "/a?b=c&d=%2F"),
        ("?only=query", "/?only=query"),
        ("/a%20b;c=d/", "/a%20b;c=d/"),
        ("/a#fragment", "/a"),
        ("/ä?ö=ü", "/%C3%A4?%C3%B6=%C3%BC"),
        ("/a//b/../c", "/a//b/../c"),
    ],
)
def test_path_and_query_are_kept(path: str, sent: str) -> None:
    with receiver() as server:
        assert post(server, path) == 200

    assert server.got[0].path == sent


@pytest.mark.parametrize("status", [200, 201, 204, 400, 401, 404, 409, 410, 422, 429, 500, 503])
def test_the_status_of_the_answer_is_returned(status: int) -> None:
    with receiver() as server:
        server.status = status
        server.headers = {"Retry-After": "1"}

        assert post(server) == status
    assert len(server.got) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with receiver() as server:
        server.status = status
        server.headers = {"Location": f"http://{HOST}:{server.port}/elsewhere"}

        assert post(server) == status
    assert [got.path for got in server.got] == ["/hook"]


def test_an_answer_that_is_not_what_its_encoding_says_is_an_answer_all_the_same() -> None:
    with receiver() as server:
        server.headers = {"Content-Encoding": "gzip"}
        server.body = b"this is not gzip"

        assert post(server) == 200


def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    answers = [[HOST], ["192.0.2.1"]]
    guard = AddressGuard(allow_private=True, resolver=lambda host, port: answers.pop(0))
    with receiver() as server:
        url = f"http://rebinding.example:{server.port}/"

        assert GuardedHttpPost(guard).post(url, BODY, HEADERS, timeout=PATIENT) == 200

    assert server.got[0].headers["Host"].startswith("rebinding.example")
    assert answers == [["192.0.2.1"]], "the name was resolved once more"


def test_a_refused_address_is_not_connected_to() -> None:
    with receiver() as server, pytest.raises(AddressRefused):
        poster(allow_private=False).post(
            f"http://hooks.example:{server.port}/", BODY, HEADERS, timeout=PATIENT
        )

    assert server.got == []


def test_the_environment_s_proxy_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would connect to whatever it resolves the name to."""
    with receiver() as server, receiver() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://{HOST}:{proxy.port}")
        post(server)

    assert (len(server.got), len(proxy.got)) == (1, 0)


def test_a_closed_port_is_no_answer() -> None:
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]

    with pytest.raises(HttpFailed):
        poster().post(f"http://hooks.example:{port}/", BODY, {}, timeout=PATIENT)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"HTTP/1.1 20",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_an_answer_that_breaks_off_or_makes_no_sense_is_none(text: bytes) -> None:
    with by_hand(saying(text)) as port, pytest.raises(HttpFailed):
        poster().post(f"http://hooks.example:{port}/", BODY, {}, timeout=PATIENT)
