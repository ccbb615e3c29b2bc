"""The wire of the reference backend, on the standard library's server, broken where it is told."""

import json
import socket
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.support.reference_bodies import Problem
from tests.support.reference_books import BASE, Answer, Asked, Books, matched, refusal
from tests.support.reference_faults import Fault, Faults

ADMIN = "/_admin/"


@dataclass(frozen=True)
class Seen:
    """A request that came, whatever became of it. `headers` have lower-case names."""

    operation: str
    method: str
    path: str
    headers: dict[str, str]
    body: Any


class Backend(Protocol):
    """What the wire knows of the backend. `over`: the server stops."""

    token: str | None
    down: bool
    over: threading.Event
    books: Books
    faults: Faults

    def note(self, seen: Seen) -> None: ...

    def command(self, method: str, name: str, body: Any) -> dict[str, Any]:
        """Raises KeyError for what there is not."""
        ...


class Server(ThreadingHTTPServer):
    """Listens, with a thread for each connection; `connections` counts them."""

    daemon_threads = False
    request_queue_size = 128

    def __init__(self, port: int, backend: Backend) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.backend = backend
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.connections = 0

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self.connections += 1
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def stop(self) -> None:
        """Refuse connections, hang up on everybody, and wait until all threads have ended."""
        self.backend.over.set()
        self.shutdown()
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients may leave whenever they like."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    @property
    def backend(self) -> Backend:
        return cast(Server, self.server).backend

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""

    def _serve(self) -> None:
        url = urlsplit(self.path)
        text = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.loads(text) if text else None
        if url.path.startswith(ADMIN):
            self._send(200, self.backend.command(self.command, url.path[len(ADMIN) :], body))
            return
        if self.backend.down:
            self.close_connection = True
            return
        operation, name = matched(self.command, url.path) or ("unknown", "")
        headers = {key.lower(): value for key, value in self.headers.items()}
        self.backend.note(Seen(operation, self.command, self.path, headers, body))
        tenant = unquote(headers.get("x-parley-tenant", ""))
        asked = Asked(
            operation,
            name,
            tenant,
            dict(parse_qsl(url.query)),
            headers.get("idempotency-key"),
            body,
        )
        fault = self.backend.faults.next(operation)
        if fault is None:
            answer = self._answer(asked)
            self._send(answer.status, answer.body)
        else:
            self._misbehave(fault, asked)

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - the base class's names

    def _answer(self, asked: Asked) -> Answer:
        token = self.backend.token
        if token is not None and self.headers.get("Authorization") != f"Bearer {token}":
            return refusal(Problem(401, "UNAUTHORIZED", "The token is not known."))
        if asked.operation == "unknown":
            return refusal(Problem(404, "NO_SUCH_ROUTE", f"Routes begin with {BASE}."))
        if not asked.tenant:
            return refusal(Problem(400, "TENANT_REQUIRED", "X-Parley-Tenant is missing."))
        return self.backend.books.answer(asked)

    def _misbehave(self, fault: Fault, asked: Asked) -> None:
        if fault.kind == "slow" and self.backend.over.wait(fault.seconds):
            return
        answer = self._answer(asked) if fault.commits else Answer(200, {})
        data = json.dumps(answer.body).encode()
        match fault.kind:
            case "status" | "status_after":
                told = {"success": False, "error": {"code": "BROKEN", "message": "the-fault"}}
                extra = {"Retry-After": fault.retry_after} if fault.retry_after else {}
                self._send(fault.status or 503, told, extra)
            case "drop" | "drop_after":
                self.close_connection = True
            case "slow" | "slow_after":
                if fault.kind == "slow" or not self.backend.over.wait(fault.seconds):
                    self._write(answer.status, data)
            case "drip":
                self._write(answer.status, b"", length=len(data))
                for byte in data:
                    if self.backend.over.wait(fault.seconds):
                        break
                    self.wfile.write(bytes([byte]))
            case "garbage":
                self._write(fault.status or 200, b"<html>the-fault</html>")
            case "envelope":
                self._send(fault.status or 200, fault.body)
            case "redirect":
                self._send(302, {}, {"Location": f"{BASE}/elsewhere"})
            case "huge":
                self._send(200, {"success": True, "data": {"name": "x" * fault.size}})
            case "cut":
                self._write(answer.status, data[:-1], length=len(data))
                self.close_connection = True

    def _send(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        self._write(status, json.dumps(body).encode(), headers=headers)

    def _write(
        self,
        status: int,
        data: bytes,
        *,
        length: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data) if length is None else length))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
