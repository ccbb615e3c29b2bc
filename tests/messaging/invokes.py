"""A server on 127.0.0.1 that speaks Lambda's Invoke, and real clients for it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

import boto3

from shared.messaging.lambda_functions import LambdaFunctions, client_config

HOST = "127.0.0.1"
PATIENT = 30.0


@dataclass
class Invoked:
    function: str
    headers: Message
    payload: Any


@dataclass
class Lambda:
    """What the server was asked, and what it answers."""

    port: int = 0
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: bytes = b"null"
    promised: int | None = None
    """The length that the answer claims, where that is not true."""
    got: list[Invoked] = field(default_factory=list)
    silent: bool = False
    over: threading.Event = field(default_factory=threading.Event)

    def refuse(self, status: int, code: str) -> None:
        self.status = status
        self.headers = {"x-amzn-ErrorType": code}
        self.body = json.dumps({"Type": "User", "Message": "internal details"}).encode()

    def functions(self) -> LambdaFunctions:
        """A real client of this server, made as the deployed one is."""
        return LambdaFunctions(
            lambda: boto3.client(
                "lambda",
                region_name="eu-central-1",
                endpoint_url=f"http://{HOST}:{self.port}",
                aws_access_key_id="test",
                aws_secret_access_key="test",
                config=client_config(),
            )
        )


@contextmanager
def lambda_api() -> Iterator[Lambda]:
    state = Lambda()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            _, _, rest = self.path.partition("/2015-03-31/functions/")
            name, _, end = rest.rpartition("/")
            assert end == "invocations", self.path
            payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state.got.append(Invoked(unquote(name), self.headers, payload))
            if state.silent:
                state.over.wait(PATIENT)
                return
            self.send_response(state.status)
            for header, value in state.headers.items():
                self.send_header(header, value)
            length = len(state.body) if state.promised is None else state.promised
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(state.body)

        def log_message(self, *args: object) -> None:
            """Nothing: tests look at `got`."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """Nothing: a client that goes away is what some tests are about."""

    with Server((HOST, 0), Handler) as server:
        state.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), name="lambda")
        thread.start()
        try:
            yield state
        finally:
            state.over.set()
            server.shutdown()
            thread.join()
