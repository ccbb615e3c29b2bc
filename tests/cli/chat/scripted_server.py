"""A WebSocket server that says what a test wants, in the shapes of the protocol."""

import json
import queue
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from shared.cli.chat.address import Address
from shared.cli.chat.client import Client
from shared.cli.chat.connection import Patience
from shared.protocol import events
from tests.support.gateway import PATIENCE

Frame = dict[str, Any]
Handler = Callable[["Peer", Frame], None]

QUICK = Patience(opening=PATIENCE, answer=PATIENCE, pause=0.01, longest_pause=0.02, tries=4)
AT = 1_760_000_000_000


class Peer:
    """The client, as a handler sees it."""

    def __init__(self, socket: ServerConnection) -> None:
        self._socket = socket

    def send(self, event: Mapping[str, Any]) -> None:
        self._socket.send(json.dumps(event))

    def answer(self, frame: Frame, data: Mapping[str, Any], status: int = 200) -> None:
        self.send(events.immediate_response(frame["requestId"], status, at=AT, data=data))

    def accept(self, frame: Frame) -> None:
        self.answer(frame, {}, events.ACCEPTED)

    def token(self, frame: Frame, text: str) -> None:
        self.send(events.stream_token(frame["requestId"], text, at=AT))

    def refuse(self, frame: Frame, code: str, message: str = "No.", **details: Any) -> None:
        self.send(events.error(frame["requestId"], code, message, at=AT, details=details))

    def finish(self, frame: Frame, text: str, **more: Any) -> None:
        more = {"message_id": f"reply to {frame['message']}", **more}
        self.send(events.eventual_response(frame["requestId"], text=text, at=AT, **more))

    def say(self, frame: Frame, text: str, **more: Any) -> None:
        """A whole turn."""
        self.accept(frame)
        self.token(frame, text)
        self.finish(frame, text, **more)

    def hang_up(self) -> None:
        self._socket.close()


def create(peer: Peer, frame: Frame) -> None:
    """A new session; its conversation is the one that was asked for, or "fresh"."""
    conversation = frame.get("conversationId", "fresh")
    ids = {"sessionId": f"session of {conversation}", "conversationId": conversation}
    peer.answer(frame, {**ids, "agentName": f"The {frame.get('agentId', 'assistant')}"})


def echo(peer: Peer, frame: Frame) -> None:
    peer.say(frame, f"You said: {frame['message']}")


def nothing(peer: Peer, frame: Frame) -> None:
    """There is no turn under way that one could come back to without naming it."""
    if "requestId" not in frame:
        peer.refuse({"requestId": None}, "TURN_NOT_FOUND")


class ScriptedServer:
    """Each action has its handler; `frames` are all that came, in their order."""

    def __init__(self, **handlers: Handler) -> None:
        usual = {
            "create_conversation_session": create,
            "send_message": echo,
            "resume_turn": nothing,
        }
        self._handlers: dict[str, Handler] = {**usual, **handlers}
        self._arrived: queue.SimpleQueue[Frame] = queue.SimpleQueue()
        self._server = serve(self._serve, "127.0.0.1", 0)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self.port = int(self._server.socket.getsockname()[1])
        self.url = f"ws://127.0.0.1:{self.port}/ws"

    def handle(self, action: str, handler: Handler) -> None:
        """Handle frames of that action so from now on."""
        self._handlers[action] = handler

    def client(self, patience: Patience = QUICK) -> Client:
        return Client(Address.of(self.url, None, None), patience)

    def take(self, action: str) -> Frame:
        """The next frame of that action, waiting for it; others are passed over."""
        while True:
            frame = self._arrived.get(timeout=PATIENCE)
            if frame["action"] == action:
                return frame

    def arrived(self) -> list[Frame]:
        """What came and nobody took."""
        frames = []
        while not self._arrived.empty():
            frames.append(self._arrived.get())
        return frames

    def _serve(self, socket: ServerConnection) -> None:
        peer = Peer(socket)
        try:
            for message in socket:
                frame: Frame = json.loads(message)
                self._arrived.put(frame)
                if frame["action"] in self._handlers:
                    self._handlers[frame["action"]](peer, frame)
        except ConnectionClosed:
            return

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
