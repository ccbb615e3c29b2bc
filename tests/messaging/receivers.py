"""Servers on 127.0.0.1 that a post may meet: well-behaved ones, and ones written by hand."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from shared.messaging.addresses import AddressGuard
from shared.messaging.http_client import GuardedHttpClient
from shared.messaging.http_post import GuardedHttpPost

HOST = "127.0.0.1"
PATIENT = 30.0
"""A time-out that no test is meant to reach."""


@dataclass
class Received:
    method: str
    path: str
    headers: Message
    body: bytes


@dataclass
class Receiver:
    """What a well-behaved server got, and what it answers."""

    port: int = 0
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: bytes = b"{}"
    got: list[Received] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)
    """The server names of TLS handshakes."""


def poster(*addresses: str, allow_private: bool = True) -> GuardedHttpPost:
    """A post for which every name means this machine, or these addresses."""
    return GuardedHttpPost(_guard(addresses, allow_private))


def client(*addresses: str, allow_private: bool = True) -> GuardedHttpClient:
    """The same for requests of all kinds."""
    return GuardedHttpClient(_guard(addresses, allow_private))


def _guard(addresses: tuple[str, ...], allow_private: bool) -> AddressGuard:
    answer = addresses or (HOST,)
    return AddressGuard(allow_private=allow_private, resolver=lambda host, port: answer)


@contextmanager
def receiver(context: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A web server; with a context over TLS."""
    state = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            state.got.append(Received(self.command, self.path, self.headers, body))
            self.send_response(state.status)
            for name, value in state.headers.items():
                self.send_header(name, value)
            if state.status >= 200 and state.status != 204:
                self.send_header("Content-Length", str(len(state.body)))
            self.end_headers()
            self.wfile.write(b"" if state.status == 204 else state.body)

        # GET also so that a followed redirect would show.
        do_GET = do_PUT = do_PATCH = do_DELETE = do_POST  # noqa: N815

        def log_message(self, *args: object) -> None:
            """Nothing: tests look at `got`."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """Nothing: a client that goes away is what some tests are about."""

    with Server((HOST, 0), Handler) as server:
        if context is not None:
            context.sni_callback = lambda _socket, name, _context: state.names.append(name)
            server.socket = context.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        state.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), name="receiver")
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()


Answer = Callable[[socket.socket, threading.Event], None]
"""Answers one connection, until the event says that the test is over."""


@contextmanager
def by_hand(answer: Answer) -> Iterator[int]:
    """The port of a server that reads a request's head and then does as it was told. When a
    client breaks off, the answer ends."""
    over = threading.Event()
    with socket.create_server((HOST, 0)) as listener:
        thread = threading.Thread(target=_serve, args=(listener, answer, over), name="by hand")
        thread.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            over.set()
            # A closed listener does not wake up a thread that accepts; a connection does.
            with suppress(OSError), socket.create_connection((HOST, listener.getsockname()[1])):
                pass
            thread.join(PATIENT)
            assert not thread.is_alive(), "the server did not see that its client had gone"


def _serve(listener: socket.socket, answer: Answer, over: threading.Event) -> None:
    while True:
        connection, _ = listener.accept()
        with connection:
            if over.is_set():
                return
            with suppress(OSError):
                connection.settimeout(PATIENT)
                connection.recv(65536)
                answer(connection, over)


def dripping(start: bytes, drop: bytes, seconds: float = 0.02) -> Answer:
    """Begins like this, then sends `drop` again and again, each soon enough for any time-out
    of a single read."""

    def answer(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(start)
        while not over.wait(seconds):
            connection.sendall(drop)

    return answer


def saying(text: bytes) -> Answer:
    """Sends this and closes."""
    return lambda connection, over: connection.sendall(text)


def silent(connection: socket.socket, over: threading.Event) -> None:
    """Says nothing until the client goes away."""
    while connection.recv(65536):
        pass
