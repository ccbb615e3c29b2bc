"""uvicorn, set up so that the gateway behaves like API Gateway on the wire."""

import asyncio
import socket
import threading
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from shared.local.connections import GatewayLimits

LOOPBACK = "127.0.0.1"
SHUTDOWN_SECONDS = 5


def server_config(
    app: ASGIApp,
    *,
    host: str = LOOPBACK,
    port: int = 0,
    limits: GatewayLimits | None = None,
    access_log: bool = False,
) -> uvicorn.Config:
    """Settings for a uvicorn server in front of `gateway(...)`, with the same limits.

    Like API Gateway it neither compresses WebSocket messages nor pings.
    """
    limits = limits or GatewayLimits()
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        ws=_protocol(limits.frame_bytes),
        ws_max_size=limits.message_bytes,
        ws_per_message_deflate=False,
        ws_ping_interval=None,
        lifespan="off",
        # The caller's address is part of the events; nothing in front of us may replace it.
        proxy_headers=False,
        server_header=False,
        access_log=access_log,
        log_config=None,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )


def _protocol(frame_bytes: int) -> type[asyncio.Protocol]:
    """uvicorn's WebSocket protocol with a limit on single frames.

    The ASGI app only ever sees whole messages, so the limit must sit here.
    """

    class FrameLimitedProtocol(WebSocketsSansIOProtocol):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.conn.max_fragment_size = frame_bytes

        async def send(self, message: Any) -> None:
            await super().send(message)
            if message["type"] == "websocket.http.response.body":
                # A refused handshake is complete; without this uvicorn logs it as an error.
                self.handshake_complete = True

        def handle_parser_exception(self) -> None:
            # uvicorn closes at once, with the rest of a too long message still unread; then the
            # reset that follows may overtake the close frame. So: no more out, read to the end.
            if self.close_sent:
                return
            ending = self.conn.close_sent
            code, reason = (ending.code, ending.reason) if ending else (1006, "")
            self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
            self.close_sent = True
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.write_eof()
            self.transport.resume_reading()
            self.close_timer = self.loop.call_later(self.close_timeout, self.transport.close)

    return FrameLimitedProtocol


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.settled = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.settled.set()

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            super().run(sockets)
        finally:
            self.settled.set()


class GatewayServer:
    """The gateway served from a thread of this process; use it in a `with` block.

    Port 0 takes a free one; `port` says which.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        host: str = LOOPBACK,
        port: int = 0,
        limits: GatewayLimits | None = None,
    ) -> None:
        self._socket = socket.create_server((host, port))
        self.host = host
        self.port = int(self._socket.getsockname()[1])
        self._server = _Server(server_config(app, host=host, port=self.port, limits=limits))
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name="gateway", daemon=True
        )

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def socket_url(self) -> str:
        return f"ws://{self.host}:{self.port}/ws"

    def start(self) -> None:
        """Serve; the port answers when this returns."""
        self._thread.start()
        self._server.settled.wait()
        if not self._server.started:
            raise RuntimeError("the gateway could not start; the log says why")

    def stop(self) -> None:
        """Close all sockets with 1012, run their $disconnect, and end."""
        self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join()
        self._socket.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
