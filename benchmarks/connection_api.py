"""A connection API on loopback that takes its time, and notes when each post was through."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import NamedTuple
from urllib.parse import unquote


class Arrival(NamedTuple):
    """One post; `at` is in seconds of `time.perf_counter`, after the latency."""

    at: float
    connection: str
    data: bytes


class ConnectionApi(ThreadingHTTPServer):
    """Answers every post with 200, `latency` seconds after it came."""

    daemon_threads = True
    # All connections of a reply may come at once.
    request_queue_size = 64

    def __init__(self, latency: float) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.latency = latency
        self.url = f"http://127.0.0.1:{self.server_port}"
        self._arrivals: list[Arrival] = []
        self._lock = Lock()

    def note(self, connection: str, data: bytes) -> None:
        with self._lock:
            self._arrivals.append(Arrival(time.perf_counter(), connection, data))

    def take(self) -> list[Arrival]:
        """What arrived since the last call."""
        with self._lock:
            arrivals, self._arrivals = self._arrivals, []
        return arrivals


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body go out in two writes; the second must not wait for the first's answer.
    disable_nagle_algorithm = True
    server: ConnectionApi

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(self.server.latency)
        self.server.note(unquote(self.path.rpartition("/")[2]), data)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is called
        """Nobody reads it."""


@contextmanager
def serving(latency: float) -> Iterator[ConnectionApi]:
    """Serve for the length of the block."""
    api = ConnectionApi(latency)
    thread = Thread(target=api.serve_forever, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        api.shutdown()
        thread.join()
        api.server_close()
