"""The life of one WebSocket: $connect, its frames, $disconnect, each handed to a Lambda."""

import asyncio
import contextlib
import json
from collections.abc import Collection
from typing import Any

from starlette.responses import Response
from starlette.types import Message
from starlette.websockets import WebSocket

from shared.clock import Clock
from shared.local.connections import Connection, Connections, Ending, GatewayLimits
from shared.local.events import (
    Client,
    Event,
    connect_event,
    disconnect_event,
    first,
    message_event,
    short_id,
)
from shared.local.runtime import Handler, LambdaRuntime
from shared.local.threads import awaitable

INTERNAL_ERROR = "Internal server error"
TIMED_OUT = "Endpoint request timed out"
SUBPROTOCOL = "sec-websocket-protocol"


class SocketApi:
    """The WebSocket API."""

    def __init__(
        self,
        *,
        runtime: LambdaRuntime,
        connections: Connections,
        connect: Handler,
        message: Handler,
        routes: Collection[str],
        limits: GatewayLimits,
        clock: Clock,
    ) -> None:
        self._runtime = runtime
        self._connections = connections
        self._connect = connect
        self._message = message
        self._routes = routes
        self._limits = limits
        self._clock = clock
        # The loop keeps only weak references to its tasks.
        self._answers: set[asyncio.Task[None]] = set()

    async def serve(self, socket: WebSocket) -> None:
        """From the handshake to the end of $disconnect."""
        connection = Connection(_client(socket, self._clock.now()), self._limits, self._clock)
        self._connections.add(connection)
        try:
            if not await self._admit(socket, connection):
                return
            ending = await self._converse(socket, connection)
        finally:
            self._connections.remove(connection)
        event = disconnect_event(connection.client, self._clock.now(), *ending)
        await asyncio.wait({self._run("connect", self._connect, event)})

    async def _admit(self, socket: WebSocket, connection: Connection) -> bool:
        """Run $connect; accept the handshake, or answer it with the handler's status."""
        await socket.receive()
        event = connect_event(
            connection.client,
            self._clock.now(),
            socket.scope["headers"],
            socket.scope["query_string"],
        )
        running = self._run("connect", self._connect, event)
        await asyncio.wait({running}, timeout=self._limits.integration_seconds)
        status, result = _verdict(running)
        if 200 <= status < 300:
            # A client that has left meanwhile was admitted all the same: $disconnect follows.
            with contextlib.suppress(OSError):
                await socket.accept(subprotocol=_subprotocol(result))
            return True
        body = result.get("body") or json.dumps({"message": "Forbidden"})
        if status >= 500:
            context = event["requestContext"]
            body = _error_frame(TIMED_OUT if status == 504 else INTERNAL_ERROR, context)
        denial = Response(body, status_code=status, media_type="application/json")
        await socket.send_denial_response(denial)
        return False

    async def _converse(self, socket: WebSocket, connection: Connection) -> Ending:
        sending = connection.open(socket.send)
        reading = asyncio.create_task(self._read(socket, connection))
        try:
            await asyncio.wait({sending, reading}, return_when=asyncio.FIRST_COMPLETED)
            return connection.ending or await reading
        finally:
            await connection.gone()
            reading.cancel()
            await asyncio.wait({reading})

    async def _read(self, socket: WebSocket, connection: Connection) -> Ending:
        while (message := await socket.receive())["type"] != "websocket.disconnect":
            connection.touch()
            refusal = self._refusal(message)
            if refusal is not None:
                connection.close(refusal)
            elif connection.is_open:
                await connection.slots.acquire()
                self._hand_over(connection, _payload(message))
        return _ending(message)

    def _refusal(self, message: Message) -> Ending | None:
        payload = _payload(message)
        if isinstance(payload, bytes) and self._limits.binary_frames == "refuse":
            return Ending(1003, "Binary frames are not supported")
        encoded = payload if isinstance(payload, bytes) else payload.encode()
        if len(encoded) > self._limits.message_bytes:
            return Ending(1009, "Message too long")
        return None

    def _hand_over(self, connection: Connection, payload: str | bytes) -> None:
        """Start the handler now, so that frames start in their order, and follow it aside."""
        event = message_event(connection.client, self._clock.now(), payload, self._routes)
        running = self._run("message", self._message, event)
        running.add_done_callback(lambda _: connection.slots.release())
        answer = asyncio.create_task(self._follow(connection, event, running))
        self._answers.add(answer)
        answer.add_done_callback(self._answers.discard)

    async def _follow(
        self, connection: Connection, event: Event, running: asyncio.Future[Any]
    ) -> None:
        """Tell the client when its frame failed or took too long; the handler may go on."""
        await asyncio.wait({running}, timeout=self._limits.integration_seconds)
        status, _ = _outcome(running)
        if status >= 500 and connection.is_open:
            text = TIMED_OUT if status == 504 else INTERNAL_ERROR
            connection.offer(_error_frame(text, event["requestContext"]))

    def _run(self, name: str, handler: Handler, event: Event) -> asyncio.Future[Any]:
        seconds = self._limits.function_seconds
        return awaitable(self._runtime.invoke(name, handler, event, seconds))


def _client(socket: WebSocket, now: int) -> Client:
    headers = socket.scope["headers"]
    return Client(
        connection_id=short_id(),
        connected_at=now,
        source_ip=socket.client.host if socket.client else "127.0.0.1",
        user_agent=first(headers, b"user-agent"),
        domain=first(headers, b"host"),
    )


def _outcome(running: asyncio.Future[Any]) -> tuple[int, Any]:
    """What API Gateway makes of an invocation: 504 too slow, 500 failed, or 200 and its result."""
    if not running.done():
        return 504, None
    if running.exception() is not None:
        return 500, None
    return 200, running.result()


def _verdict(running: asyncio.Future[Any]) -> tuple[int, Event]:
    """The status of a $connect, and the handler's result. A result without a status is a fault."""
    status, result = _outcome(running)
    if status != 200:
        return status, {}
    code = result.get("statusCode") if isinstance(result, dict) else None
    return (code, result) if isinstance(code, int) and 200 <= code < 600 else (500, {})


def _subprotocol(result: Event) -> str | None:
    headers = result.get("headers") or {}
    named = (str(value) for name, value in headers.items() if name.lower() == SUBPROTOCOL)
    return next(named, None)


def _payload(message: Message) -> str | bytes:
    data = message.get("text")
    payload: str | bytes = data if data is not None else message["bytes"]
    return payload


def _ending(message: Message) -> Ending:
    # uvicorn gives no reason when the TCP connection broke off without a close frame.
    if "reason" not in message and message["code"] == 1005:
        return Ending(1006, "Connection closed abnormally")
    return Ending(message["code"], message.get("reason") or "")


def _error_frame(text: str, context: Event) -> str:
    named = {"connectionId": context["connectionId"], "requestId": context["requestId"]}
    return json.dumps({"message": text} | named, separators=(",", ":"))
