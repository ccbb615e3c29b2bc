"""A client of the WebSocket protocol that keeps every frame it gets, as it came."""

import itertools
import json
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.support.gateway import PATIENCE

Event = dict[str, Any]

TERMINAL = frozenset({"eventual_response", "error", "cancelled"})


class FramesClient:
    """One connection. `received` are all events so far; `raw` the same as text."""

    def __init__(self, url: str, query: str = "", *, patience: float = PATIENCE) -> None:
        self._open = ExitStack()
        opening = connect(url + query, open_timeout=PATIENCE, proxy=None)
        self._socket = self._open.enter_context(opening)
        self._patience = patience
        self._numbers = itertools.count(1)
        self._unread: list[Event] = []
        self.received: list[Event] = []
        self.raw: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._open.close()

    def send(self, frame: Mapping[str, Any] | str | bytes) -> None:
        """One message: an object as JSON, anything else as it is."""
        self._socket.send(frame if isinstance(frame, str | bytes) else json.dumps(frame))

    def next(self, request_id: str | None, *, tokens: bool = False) -> Event:
        """The next event of that request; pieces of text are passed over unless asked for."""
        give_up = time.monotonic() + self._patience
        while True:
            for event in self._unread:
                if event.get("requestId") != request_id:
                    continue
                self._unread.remove(event)
                if tokens or event.get("type") != "stream_token":
                    return event
                break
            else:
                self._read(give_up, f"the next event of {request_id}")

    def terminal(self, request_id: str) -> Event:
        """The end of that turn; what comes before it is passed over."""
        while (event := self.next(request_id))["type"] not in TERMINAL:
            pass
        return event

    def unread(self) -> list[Event]:
        """What nobody has asked for, without pieces of text."""
        return [event for event in self._unread if event.get("type") != "stream_token"]

    def read_all(self) -> None:
        """Read what has been sent to this connection up to now."""
        request_id = f"barrier-{next(self._numbers)}"
        self.send({"action": "ping", "requestId": request_id})
        self.next(request_id)

    def close_code(self) -> int:
        """Read until the server closes; with which code it did."""
        give_up = time.monotonic() + self._patience
        try:
            while True:
                self._read(give_up, "the end of the connection")
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006

    def ask(self, action: str, **fields: Any) -> Event:
        """One action, and the one event that answers it."""
        request_id = f"ask-{next(self._numbers)}"
        self.send({"action": action, "requestId": request_id, **fields})
        return self.next(request_id)

    def open_session(self, agent: str = "assistant", **fields: Any) -> Event:
        """The ids of a new session."""
        event = self.ask("create_conversation_session", agentId=agent, **fields)
        assert event["type"] == "immediate_response", event
        data: Event = event["data"]
        return data

    def send_message(self, session: str, request_id: str, message: str) -> None:
        self.send(message_frame(session, request_id, message))

    def say(self, session: str, request_id: str, message: str) -> str:
        """One whole turn; the reply."""
        self.send_message(session, request_id, message)
        return text_of(self.terminal(request_id))

    def log(self, session: str) -> list[tuple[str, str]]:
        """All messages of the conversation as (direction, text), the oldest first."""
        messages: list[Event] = []
        cursor: dict[str, str] = {}
        while True:
            event = self.ask("get_conversation_messages", sessionId=session, limit=100, **cursor)
            assert event["type"] == "immediate_response", event
            messages += event["data"]["messages"]
            if not event["data"]["hasMore"]:
                break
            cursor = {"cursor": event["data"]["nextCursor"]}
        return [(each["direction"], each["content"]["text"]) for each in reversed(messages)]

    def _read(self, give_up: float, wanted: str) -> None:
        try:
            text = self._socket.recv(timeout=max(0.0, give_up - time.monotonic()))
        except TimeoutError:
            kinds = [(event.get("type"), event.get("requestId")) for event in self.received]
            raise AssertionError(f"waited in vain for {wanted}; got {kinds}") from None
        assert isinstance(text, str), "the server sent a binary message"
        event = json.loads(text)
        self.raw.append(text)
        self.received.append(event)
        self._unread.append(event)


def message_frame(session: str, request_id: str, message: str) -> Event:
    return {
        "action": "send_message",
        "requestId": request_id,
        "sessionId": session,
        "message": message,
    }


def text_of(terminal: Mapping[str, Any]) -> str:
    """The reply in the event that ends a turn."""
    assert terminal["type"] == "eventual_response", terminal
    return "".join(terminal["data"]["data"]["response"]["responseParts"])


def streamed(events: Iterable[Mapping[str, Any]], request_id: str, held: str = "") -> str:
    """The text of that request as a client has it that had `held` before and does what it is told:
    adds pieces, cuts at markers, goes on where the answer to `resume_turn` says."""
    text = held
    for event in events:
        if event.get("requestId") != request_id:
            continue
        match event:
            case {"type": "stream_token", "data": {"token": str(token)}}:
                text += token
            case {
                "type": "stream_chunk",
                "node": "restart",
                "data": {"state": {"rawResponse": {"truncate": int(kept)}}},
            }:
                text = text[:kept]
            case {
                "type": "immediate_response",
                "data": {"begin": int(begin), "text": str(missed)},
            }:
                text = text[:begin] + missed
    return text
