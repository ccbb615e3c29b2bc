"""One WebSocket, read by a thread of its own into an inbox."""

import contextlib
import json
import queue
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from shared.cli.chat.address import Address
from shared.cli.chat.faults import ConnectionLost, Unreachable

Event = dict[str, Any]

PIECE = 8_000
"""Characters of one WebSocket frame: at most four bytes each, and API Gateway takes 32 KB."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long to wait, in seconds, and how often to try."""

    opening: float = 10.0
    answer: float = 30.0
    ping: float = 240.0
    """Silence after which a `ping` keeps API Gateway, which closes after ten minutes, awake."""
    tries: int = 6
    pause: float = 0.5
    longest_pause: float = 8.0


@dataclass(frozen=True)
class Opened:
    source: "Connection"


@dataclass(frozen=True)
class Received:
    source: "Connection"
    event: Event


@dataclass(frozen=True)
class Lost:
    """The connection is over, or never came to be."""

    source: "Connection"
    fault: Unreachable | ConnectionLost


@dataclass(frozen=True)
class Fetched:
    """What renews the connection, or why there is nothing."""

    source: "Connection"
    credential: Mapping[str, str] | Unreachable


@dataclass(frozen=True)
class Interrupt:
    """Ctrl-C."""


@dataclass(frozen=True)
class Nudge:
    """Something happened outside of the connection."""


Item = Opened | Received | Lost | Fetched | Interrupt | Nudge
Inbox = queue.SimpleQueue[Item]


class Connection:
    """Connects at once, in the background: the first item is `Opened` or `Lost`, the last one is
    always `Lost`."""

    def __init__(self, address: Address, inbox: Inbox, patience: Patience) -> None:
        self._address = address
        self._inbox = inbox
        self._patience = patience
        self._closed = threading.Event()
        self._socket: ClientConnection | None = None
        self._thread = threading.Thread(target=self._run, name="chat-connection", daemon=True)
        self._thread.start()

    def send(self, frame: Mapping[str, Any]) -> None:
        """Send one frame; once it is `Opened`.

        Raises:
            ConnectionLost: it cannot be sent.
        """
        if self._socket is None:
            raise ConnectionLost("There is no connection yet.")
        _send(self._socket, frame)

    def fetch_credential(self) -> None:
        """Get what renews it, in the background: `Fetched` tells."""
        threading.Thread(target=self._fetch, name="chat-credential", daemon=True).start()

    def _fetch(self) -> None:
        found: Mapping[str, str] | Unreachable = Unreachable("There is no token.", lasting=True)
        try:
            found = self._address.credential(self._patience.opening)
        except Unreachable as fault:
            found = fault
        finally:
            self._inbox.put(Fetched(self, found))

    def close(self) -> None:
        """Close the socket. A connection that is still being made is closed when it is there."""
        self._closed.set()
        if self._socket is not None:
            self._socket.close()
            self._thread.join()

    def _run(self) -> None:
        over: Unreachable | ConnectionLost = ConnectionLost("The connection is lost.")
        try:
            with self._address.connected(self._patience.opening) as socket:
                self._socket = socket
                if self._closed.is_set():
                    return
                self._inbox.put(Opened(self))
                while True:
                    self._read(socket)
        except Unreachable as fault:
            over = fault
        except (ConnectionClosed, ConnectionLost):
            return
        finally:
            # Whatever happened: somebody waits for word of it.
            self._inbox.put(Lost(self, over))

    def _read(self, socket: ClientConnection) -> None:
        try:
            message = socket.recv(timeout=self._patience.ping)
        except TimeoutError:
            _send(socket, {"action": "ping"})
            return
        # What is no event is nobody's: a server that speaks something else shows as silence.
        with contextlib.suppress(ValueError, RecursionError):
            event = json.loads(message)
            if isinstance(event, dict):
                self._inbox.put(Received(self, event))


def _send(socket: ClientConnection, frame: Mapping[str, Any]) -> None:
    text = json.dumps(frame, ensure_ascii=False)
    pieces = [text[start : start + PIECE] for start in range(0, len(text), PIECE)]
    try:
        socket.send(pieces if len(pieces) > 1 else text)
    except ConnectionClosed as fault:
        raise ConnectionLost("The connection is lost.") from fault
