"""API Gateway on one local port: the WebSocket API, its connection API, and the HTTP API.

    /ws                             the WebSocket API
    /@connections/{id}              the connection API, as boto3 calls it
    /{stage}/@connections/{id}      the same
    /_demo/…                        an ASGI app of the caller, if given
    /_files/…                       links to files, if given
    everything else                 the HTTP API

Signatures on the connection API are not checked: whoever reaches the port and knows a connection
id may post to it, so listen on loopback only.
"""

import asyncio
import json
from collections.abc import Callable, Collection
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from shared.clock import Clock, SystemClock
from shared.local.connections import Connection, Connections, Ending, GatewayLimits
from shared.local.files import FileLinks
from shared.local.http_events import HttpResponse, http_event, http_response, json_response
from shared.local.runtime import Handler, LambdaRuntime, log
from shared.local.sockets import SocketApi
from shared.local.threads import awaitable
from shared.storage.links import PATH

__all__ = ["Faults", "GatewayLimits", "gateway"]

Faults = Callable[[str, bytes], int | None]
"""Asked before every post, with the connection id and the data: a status refuses the post."""

ERROR_TYPES = {
    403: "ForbiddenException",
    410: "GoneException",
    413: "PayloadTooLargeException",
    429: "LimitExceededException",
}


def gateway(
    *,
    runtime: LambdaRuntime,
    connect: Handler,
    message: Handler,
    http: Handler,
    routes: Collection[str] = (),
    demo: ASGIApp | None = None,
    files: FileLinks | None = None,
    limits: GatewayLimits | None = None,
    faults: Faults | None = None,
    clock: Clock | None = None,
) -> Starlette:
    """The gateway as an ASGI app. Every handler runs on a thread of `runtime`.

    `connect` gets $connect and $disconnect, `message` every frame: under the route that its
    `action` names if that is one of `routes`, else under $default. `http` gets HTTP API events.
    """
    limits, clock = limits or GatewayLimits(), clock or SystemClock()
    connections = Connections()
    sockets = SocketApi(
        runtime=runtime,
        connections=connections,
        connect=connect,
        message=message,
        routes=frozenset(routes),
        limits=limits,
        clock=clock,
    )
    callbacks = ConnectionApi(connections, limits, faults)
    methods = ["POST", "GET", "DELETE"]
    paths: list[BaseRoute] = [
        WebSocketRoute("/ws", sockets.serve),
        Route("/ws", _upgrade_required),
        Route("/@connections/{id:path}", callbacks.answer, methods=methods),
        Route("/{stage}/@connections/{id:path}", callbacks.answer, methods=methods),
    ]
    if demo is not None:
        paths.append(Mount("/_demo", app=demo))
    if files is not None:
        methods = ["GET", "PUT", "OPTIONS"]
        paths.append(Route(f"{PATH}{{token}}", files.answer, methods=methods))
    app = Starlette(routes=paths)
    app.router.redirect_slashes = False
    app.router.default = HttpApi(runtime, http, limits, clock)
    return app


class ConnectionApi:
    """Posts to sockets, looks at them, closes them."""

    def __init__(
        self, connections: Connections, limits: GatewayLimits, faults: Faults | None
    ) -> None:
        self._connections = connections
        self._limits = limits
        self._faults = faults

    async def answer(self, request: Request) -> Response:
        """One call of the connection API."""
        try:
            body = await _read(request, self._limits.message_bytes)
        except ClientDisconnect:
            return Response(status_code=400)
        connection_id = request.path_params["id"]
        if request.method == "POST":
            return self._post(connection_id, body)
        connection = self._connections.reachable(connection_id)
        if connection is None:
            return _refused(410)
        if request.method == "DELETE":
            connection.close(Ending(1000, "Connection closed by the service"))
            return Response(status_code=204)
        return Response(json.dumps(_described(connection)), media_type="application/json")

    def _post(self, connection_id: str, body: bytes | None) -> Response:
        if body is None:
            return _refused(413)
        fault = self._faults(connection_id, body) if self._faults else None
        if fault is not None:
            return _refused(fault)
        connection = self._connections.reachable(connection_id)
        if connection is None:
            return _refused(410)
        try:
            accepted = connection.offer(body.decode())
        except UnicodeDecodeError:
            accepted = connection.offer(body)
        return Response() if accepted else _refused(429)


class HttpApi:
    """The HTTP API, as an ASGI app: one invocation per request."""

    def __init__(
        self, runtime: LambdaRuntime, handler: Handler, limits: GatewayLimits, clock: Clock
    ) -> None:
        self._runtime = runtime
        self._handler = handler
        self._limits = limits
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await WebSocketClose()(scope, receive, send)
            return
        try:
            body = await _read(Request(scope, receive), self._limits.http_bytes)
        except ClientDisconnect:
            return
        answer = await self._invoke(scope, body)
        response = Response(answer.body, status_code=answer.status)
        response.raw_headers.extend(answer.headers)
        await response(scope, receive, send)

    async def _invoke(self, scope: Scope, body: bytes | None) -> HttpResponse:
        if body is None:
            return json_response(413, {"message": "Request Entity Too Large"})
        event = http_event(scope, body, self._clock.now())
        seconds = self._limits.function_seconds
        running = awaitable(self._runtime.invoke("http", self._handler, event, seconds))
        await asyncio.wait({running}, timeout=self._limits.http_seconds)
        if not running.done():
            return json_response(503, {"message": "Service Unavailable"})
        if running.exception() is not None:
            return json_response(500, {"message": "Internal Server Error"})
        try:
            return self._checked(http_response(running.result()))
        except (ValueError, TypeError, AttributeError):
            log.exception("http returned no valid response")
            return json_response(500, {"message": "Internal Server Error"})

    def _checked(self, answer: HttpResponse) -> HttpResponse:
        if len(answer.body) > self._limits.http_bytes:
            raise ValueError("the response is longer than Lambda allows")
        return answer


async def _read(request: Request, limit: int) -> bytes | None:
    """The whole body; None when it is longer than `limit`, but even then read to its end."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= limit:
            chunks.append(chunk)
    return b"".join(chunks) if size <= limit else None


def _refused(status: int) -> Response:
    named = ERROR_TYPES.get(status, "InternalServerErrorException")
    body = json.dumps({"message": named})
    return Response(
        body, status, headers={"x-amzn-errortype": named}, media_type="application/json"
    )


def _described(connection: Connection) -> dict[str, object]:
    client = connection.client
    return {
        "connectedAt": _iso(client.connected_at),
        "identity": {"sourceIp": client.source_ip, "userAgent": client.user_agent},
        "lastActiveAt": _iso(connection.last_active_at),
    }


def _iso(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")


async def _upgrade_required(_: Request) -> Response:
    body = json.dumps({"message": "Upgrade Required"})
    return Response(body, 426, headers={"upgrade": "websocket"}, media_type="application/json")
