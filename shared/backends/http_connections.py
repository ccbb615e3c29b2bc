"""Connections to a backend that are kept open, and whose requests end by a deadline.

By itself a socket's time-out bounds each of its calls, not all of them: an answer that drips would
never end. Here one deadline bounds all of a request: the look-up of the name, the handshake, what
is sent, and each byte that is read.
"""

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from http.client import BadStatusLine, RemoteDisconnected
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import TimeoutError as RequestTimeout

from shared.messaging.addresses import resolve
from shared.messaging.within import within

MAX_KEPT = 16
"""Connections that are kept; more are made when more threads ask at once."""

_deadline: ContextVar[float] = ContextVar("deadline")


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Bounds what this thread does with the connections here."""
    token = _deadline.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _deadline.reset(token)


def pool(scheme: str, host: str, port: int | None) -> HTTPConnectionPool:
    """Connections to one server. No proxy that the environment names is asked."""
    if scheme == "http":
        return _Pool(host, port, maxsize=MAX_KEPT)
    context = ssl.create_default_context()
    context.sslsocket_class = _SecureSocket
    return _SecurePool(host, port, maxsize=MAX_KEPT, ssl_context=context)


def cause(fault: BaseException, seconds: float) -> str:
    """Why there was no answer within `seconds`, in our words: libraries' own quote addresses."""
    known = list(_behind(fault))
    for kinds, said in (
        ((TimeoutError, RequestTimeout), f"no answer within {seconds:g} s"),
        ((socket.gaierror,), "the name is not known"),
        ((ssl.SSLCertVerificationError,), "the certificate is not accepted"),
        ((ssl.SSLEOFError, ssl.SSLZeroReturnError), "the connection broke off"),
        ((ssl.SSLError,), "the TLS handshake failed"),
        ((ConnectionRefusedError,), "connection refused"),
        ((RemoteDisconnected, ConnectionError), "the connection broke off"),
        ((BadStatusLine,), "the answer is no HTTP"),
    ):
        if any(isinstance(each, kinds) for each in known):
            return said
    if any(type(each) is OSError for each in known):
        return "the host cannot be reached"
    return "the connection broke off"


def _behind(fault: BaseException) -> Iterator[BaseException]:
    """The fault, and what it was made from."""
    seen: list[BaseException] = [fault]
    for each in seen:
        more = [each.__cause__, each.__context__, *each.args]
        seen += [inner for inner in more if isinstance(inner, BaseException) and inner not in seen]
        yield each


def _left() -> float:
    left = _deadline.get() - time.monotonic()
    if left <= 0:
        raise TimeoutError("no time is left")
    return left


class _Socket(socket.socket):
    """Each call ends by the deadline of its thread."""

    def recv_into(self, *rest: Any) -> int:
        self.settimeout(_left())
        return super().recv_into(*rest)

    def send(self, *rest: Any) -> int:
        self.settimeout(_left())
        return super().send(*rest)

    def sendall(self, *rest: Any) -> None:
        self.settimeout(_left())
        super().sendall(*rest)


class _SecureSocket(_Socket, ssl.SSLSocket):
    def do_handshake(self, block: bool = False) -> None:
        self.settimeout(_left())
        super().do_handshake(block)


def _connected(host: str, port: int) -> socket.socket:
    addresses = within(_left(), lambda: resolve(host, port), "look-up")
    failed: OSError | None = None
    for index, address in enumerate(addresses):
        try:
            # One that never answers leaves some time for the others.
            plain = socket.create_connection((address, port), _left() / (len(addresses) - index))
        except OSError as fault:
            failed = fault
        else:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            made = _Socket(fileno=plain.detach())
            made.settimeout(_left())
            return made
    raise failed or OSError("the name has no address")


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _connected(self._dns_host, self.port)


class _SecureConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _connected(self._dns_host, self.port)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection
