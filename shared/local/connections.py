"""Open WebSockets of the local gateway, and API Gateway's limits on them."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from starlette.types import Send
from starlette.websockets import WebSocketDisconnect

from shared.clock import Clock
from shared.local.events import Client

Frame = str | bytes


@dataclass(frozen=True, kw_only=True)
class GatewayLimits:
    """API Gateway's numbers; sizes in bytes, times in seconds.

    API Gateway publishes neither how much it buffers for a slow reader nor how many frames of
    one client it handles at once; those two are ours.
    """

    message_bytes: int = 128 * 1024
    """A whole message, either way. A longer one from a client closes with 1009."""
    frame_bytes: int = 32 * 1024
    """One frame of a client; longer messages come in several. Longer frames close with 1009."""
    binary_frames: Literal["base64", "refuse"] = "base64"
    """How a client's binary message is taken. AWS documents that it refuses, closing with 1003."""
    idle_seconds: float = 600.0
    """Without a message either way; pings do not count."""
    total_seconds: float = 7200.0
    integration_seconds: float = 29.0
    """How long a client's frame, or $connect, waits for its handler."""
    http_seconds: float = 30.0
    """The same for HTTP."""
    function_seconds: float = 30.0
    """What the handlers' context counts down from."""
    http_bytes: int = 6 * 1024 * 1024
    """Lambda's payload, either way."""
    client_buffer_bytes: int = 1024 * 1024
    """Posts that wait for a client to read; more are refused with 429."""
    frames_in_flight: int = 16
    """Frames of one client that are being handled; further ones wait in the client's socket."""
    close_seconds: float = 5.0
    """How long a closing connection may take to send what was posted before."""


class Ending(NamedTuple):
    """How a connection ended: the WebSocket close code and reason."""

    code: int
    reason: str


GOING_AWAY = Ending(1001, "Going away")


class Connection:
    """One socket, used on the event loop only.

    What is offered goes out in that order, from one task. Nothing is taken before `open` nor
    after `close`.
    """

    def __init__(self, client: Client, limits: GatewayLimits, clock: Clock) -> None:
        self.client = client
        self.slots = asyncio.Semaphore(limits.frames_in_flight)
        self.ending: Ending | None = None
        self.last_active_at = client.connected_at
        self._limits = limits
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._opened = False
        self._outgoing: asyncio.Queue[Frame | Ending] = asyncio.Queue()
        self._buffered = 0
        self._heard = 0.0
        self._dies = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._pump: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether posts can reach the client."""
        return self._opened and self.ending is None

    def open(self, send: Send) -> asyncio.Task[None]:
        """The handshake is done: start to send, and to watch the clock.

        The task ends when the connection was closed from this side or can no longer send.
        """
        self._opened = True
        self._dies = self._loop.time() + self._limits.total_seconds
        self.touch()
        self._watch()
        self._pump = self._loop.create_task(self._send_all(send))
        return self._pump

    def touch(self) -> None:
        """Something was said: the idle time begins anew."""
        self._heard = self._loop.time()
        self.last_active_at = self._clock.now()

    def offer(self, frame: Frame) -> bool:
        """Queue one message for the client; False when too much waits for it already."""
        size = _size(frame)
        if self._buffered and self._buffered + size > self._limits.client_buffer_bytes:
            return False
        self._buffered += size
        self._outgoing.put_nowait(frame)
        self.touch()
        return True

    def close(self, ending: Ending) -> None:
        """Close the socket once what was offered is out, or `close_seconds` are over."""
        if self.ending is not None:
            return
        self.ending = ending
        self._outgoing.put_nowait(ending)
        if self._pump is not None:
            self._set_timer(self._loop.time() + self._limits.close_seconds, self._pump.cancel)

    async def gone(self) -> None:
        """The socket has ended: send nothing more, watch nothing more."""
        self.ending = self.ending or Ending(1006, "Connection closed abnormally")
        if self._timer is not None:
            self._timer.cancel()
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.wait({self._pump})

    def _watch(self) -> None:
        deadline = min(self._heard + self._limits.idle_seconds, self._dies)
        if self._loop.time() >= deadline:
            self.close(GOING_AWAY)
        else:
            self._set_timer(deadline, self._watch)

    def _set_timer(self, when: float, then: Callable[[], object]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(when, then)

    async def _send_all(self, send: Send) -> None:
        # A client that has gone shows as either; the reading side tells with which code.
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            while not isinstance(item := await self._outgoing.get(), Ending):
                key = "text" if isinstance(item, str) else "bytes"
                await send({"type": "websocket.send", key: item})
                self._buffered -= _size(item)
            await send({"type": "websocket.close", "code": item.code, "reason": item.reason})


class Connections:
    """The sockets by connection id, from the start of $connect until they have ended."""

    def __init__(self) -> None:
        self._known: dict[str, Connection] = {}

    def add(self, connection: Connection) -> None:
        self._known[connection.client.connection_id] = connection

    def remove(self, connection: Connection) -> None:
        self._known.pop(connection.client.connection_id, None)

    def reachable(self, connection_id: str) -> Connection | None:
        """The connection if it is open; during $connect it is not yet."""
        connection = self._known.get(connection_id)
        return connection if connection is not None and connection.is_open else None


def _size(frame: Frame) -> int:
    return len(frame.encode()) if isinstance(frame, str) else len(frame)
