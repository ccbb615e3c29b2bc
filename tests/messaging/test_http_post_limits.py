"""A post to a server that is slow, silent or talks without end."""

import socket
import threading

import pytest

from shared.messaging.http import HttpFailed
from tests.messaging.receivers import HOST, PATIENT, Answer, by_hand, dripping, poster, silent

SHORT = 0.3
"""Longer than the pauses of a dripping server, so that no single read times out."""

OK = b"HTTP/1.1 200 OK\r\n"


def post(port: int, timeout: float) -> int:
    return poster().post(f"http://hooks.example:{port}/", b"{}", {}, timeout=timeout)


def test_a_server_that_says_nothing_times_out() -> None:
    with by_hand(silent) as port, pytest.raises(HttpFailed):
        post(port, SHORT)


def test_a_body_that_stalls_times_out() -> None:
    def stall(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(OK + b"Content-Length: 10\r\n\r\nhalf")
        silent(connection, over)

    with by_hand(stall) as port, pytest.raises(HttpFailed):
        post(port, SHORT)


@pytest.mark.parametrize(
    "drips",
    [
        dripping(b"", OK[:1] * 1),
        dripping(OK, b"X: y\r\n", 0.05),
        dripping(OK + b"X: ", b"y"),
        dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        dripping(OK + b"Content-Length: 60000\r\n\r\n", b"x"),
        dripping(OK + b"\r\n", b"x"),
        dripping(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    ],
    ids=["status", "headers", "one header", "continue", "body", "endless body", "chunks"],
)
def test_an_answer_that_drips_is_bounded_in_total(drips: Answer) -> None:
    """Each drop comes in time: what bounds a single read would wait for ever."""
    with by_hand(drips) as port, pytest.raises(HttpFailed):
        post(port, SHORT)


def test_a_server_that_does_not_accept_times_out() -> None:
    with socket.create_server((HOST, 0), backlog=0) as full:
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex((HOST, port))
        try:
            with pytest.raises(HttpFailed):
                post(port, SHORT)
        finally:
            for one in waiting:
                one.close()


@pytest.mark.parametrize(
    "head",
    [
        b"\r\n",
        b"Content-Length: 1000000000000\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nfffffffff\r\n",
    ],
    ids=["until closed", "declared", "one chunk"],
)
def test_of_a_huge_answer_no_more_than_a_bound_is_read(head: bytes) -> None:
    gone = threading.Event()

    def flood(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(OK + head)
        try:
            while not over.is_set():
                connection.sendall(b"x" * 65536)
        except OSError:
            gone.set()

    with by_hand(flood) as port:
        assert post(port, PATIENT) == 200
        assert gone.wait(PATIENT), "the connection was left open"


@pytest.mark.parametrize(
    "drop", [b"X: y\r\n" * 1000, b"x" * 65536], ids=["many headers", "a long one"]
)
def test_huge_headers_are_no_answer(drop: bytes) -> None:
    with by_hand(dripping(OK + b"X: ", drop, 0)) as port, pytest.raises(HttpFailed):
        post(port, PATIENT)


def test_a_compressed_answer_is_not_unpacked() -> None:
    """A few bytes could become more than the memory holds."""

    def bomb(connection: socket.socket, over: threading.Event) -> None:
        head = b"Content-Encoding: gzip, gzip, gzip\r\nContent-Length: 6\r\n\r\n"
        connection.sendall(OK + head + b"a bomb")

    with by_hand(bomb) as port:
        assert post(port, PATIENT) == 200
