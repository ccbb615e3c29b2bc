"""The local gateway on a free loopback port, with a real boto3 client and real sockets."""

import http.client
import json
import queue
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from starlette.types import ASGIApp
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from shared.local.connections import GatewayLimits
from shared.local.gateway import Faults, gateway
from shared.local.runtime import Handler, LambdaRuntime, RuntimeSettings
from shared.local.server import GatewayServer

PATIENCE = 30.0
"""Seconds after which a test that waits for something gives up."""

Event = dict[str, Any]


class Recorder:
    """A handler that keeps the events it gets and then does what it was given to do."""

    def __init__(self, then: Callable[[Event], Any] | None = None) -> None:
        self._then = then or (lambda _: {"statusCode": 200})
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()

    def __call__(self, event: Event, context: Any) -> Any:
        self._events.put(event)
        return self._then(event)

    def take(self) -> Event:
        """The next event, waiting for it."""
        return self._events.get(timeout=PATIENCE)

    def is_empty(self) -> bool:
        return self._events.empty()


def accept(event: Event, context: Any) -> Any:
    """A handler that says yes."""
    return {"statusCode": 200}


class Gateway:
    """A served gateway."""

    def __init__(self, server: GatewayServer, runtime: LambdaRuntime) -> None:
        self.runtime = runtime
        self.url = server.url
        self.port = server.port
        self.socket_url = server.socket_url
        self.api = connection_api(server.url)

    @contextmanager
    def open(self, query: str = "", **options: Any) -> Iterator[ClientConnection]:
        """A client's WebSocket."""
        with connect(self.socket_url + query, open_timeout=PATIENCE, **options) as socket:
            yield socket

    def post(self, connection_id: str, data: bytes) -> None:
        self.api.post_to_connection(ConnectionId=connection_id, Data=data)


def connection_api(url: str) -> Any:
    """boto3's client for the connection API at `url`; it does not retry."""
    return boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(retries={"total_max_attempts": 1}, max_pool_connections=64),
    )


@contextmanager
def serving(
    *,
    connect: Handler = accept,
    message: Handler = accept,
    http: Handler = accept,
    routes: Collection[str] = (),
    demo: ASGIApp | None = None,
    limits: GatewayLimits | None = None,
    faults: Faults | None = None,
    settings: RuntimeSettings | None = None,
) -> Iterator[Gateway]:
    """Serve these handlers for the length of the block."""
    runtime = LambdaRuntime(settings=settings)
    app = gateway(
        runtime=runtime,
        connect=connect,
        message=message,
        http=http,
        routes=routes,
        demo=demo,
        limits=limits,
        faults=faults,
    )
    with GatewayServer(app, limits=limits) as server:
        served = Gateway(server, runtime)
        try:
            yield served
        finally:
            served.api.close()
    assert runtime.stop(PATIENCE)


@dataclass
class Answer:
    """An HTTP response."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def all(self, name: str) -> list[str]:
        """Every header of that name, given in lower case."""
        return [value for key, value in self.headers if key.lower() == name]


def ask(
    gateway: Gateway,
    method: str,
    path: str,
    headers: list[tuple[str, str]] | None = None,
    body: bytes | None = None,
) -> Answer:
    """One request, with repeated headers if need be."""
    client = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=PATIENCE)
    try:
        client.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers or []:
            client.putheader(name, value)
        if body is not None:
            client.putheader("Content-Length", str(len(body)))
        client.endheaders(body)
        response = client.getresponse()
        return Answer(response.status, response.getheaders(), response.read())
    finally:
        client.close()


def connection_of(event: Event) -> str:
    """The connection id in a socket event."""
    return str(event["requestContext"]["connectionId"])


def close_of(socket: ClientConnection) -> tuple[int, str]:
    """Read until the server closes; its code and reason."""
    try:
        while True:
            socket.recv(timeout=PATIENCE)
    except ConnectionClosed as closed:
        return (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, "")
