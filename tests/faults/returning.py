"""A client of one turn that comes back as often as it has to, and does as it is told."""

import itertools
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from websockets.exceptions import ConnectionClosed

from tests.support.frames_client import TERMINAL, Event, FramesClient, streamed, text_of

if TYPE_CHECKING:
    from tests.faults.audit import Audit

ANSWER_SECONDS = 5.0
"""After so long without an answer to `resume_turn` a client asks again."""

ASKED = 6
"""So often in all."""


class Client(FramesClient):
    """A connection of a client, which may end without a goodbye."""

    def vanish(self) -> None:
        """Be gone, in the middle of whatever comes."""
        self._socket.socket.shutdown(socket.SHUT_RDWR)

    def within(self, request_id: str, seconds: float) -> Event | None:
        """The next event of the request, pieces of text included; None if none comes so soon."""
        before, self._patience = self._patience, seconds
        try:
            return self.next(request_id, tokens=True)
        except AssertionError:
            return None
        finally:
            self._patience = before

    def text_of(self, event: Event) -> str:
        """An event just as it came."""
        pairs = zip(self.raw, self.received, strict=True)
        return next(raw for raw, each in pairs if each is event)


@dataclass
class Returning:
    """One turn as its client has it. A connection that breaks is no error: `ended` tells."""

    session: str
    message: str
    request_id: str = "q"
    text: str = ""
    terminals: list[str] = field(default_factory=list[str])
    tokens: list[str] = field(default_factory=list[str])
    """The live pieces of text, as they came."""
    acknowledged: bool = False
    outcome: Event | None = None
    cuts: int = 0
    ended_unanswered: int = 0
    """How often the end of the turn came, and the answer to `resume_turn` before it did not."""
    ends: list[str] = field(default_factory=list[str])

    @property
    def ended(self) -> bool:
        return self.outcome is not None

    def copy(self) -> Self:
        """Another client that has the same of the turn."""
        return replace(self, terminals=[*self.terminals], tokens=[*self.tokens], ends=[*self.ends])

    def send(self, client: Client, *, pieces: int | None = None) -> None:
        """Send the message, and follow the turn to its end, or until the connection breaks or so
        many `pieces` of text have come."""
        self._guarded(lambda: self._send(client, pieces))

    def resume(self, client: Client, *, pieces: int | None = None) -> None:
        """Come back. A turn that nobody knows is sent again."""
        self._guarded(lambda: self._resume(client, pieces))

    def ask(self, client: Client) -> None:
        """Come back, and wait for nothing."""
        frame = {
            "action": "resume_turn",
            "requestId": self.request_id,
            "sessionId": self.session,
            "received": len(self.text),
        }
        client.send(frame)

    def check(self, audit: "Audit", ledger: Path) -> None:
        """What else must be true when all is at rest, of such a client."""

    def _guarded(self, follow: Callable[[], None]) -> None:
        try:
            follow()
        except ConnectionClosed:
            return

    def _send(self, client: Client, pieces: int | None) -> None:
        client.send_message(self.session, self.request_id, self.message)
        self._follow(client, pieces)

    def _resume(self, client: Client, pieces: int | None) -> None:
        for _ in range(ASKED):
            self.ask(client)
            event = self._answer(client)
            if event is not None:
                break
        else:
            raise AssertionError(f"resume_turn was not answered, though sent {ASKED} times")
        if event["type"] == "error":
            assert not self.acknowledged, "a turn that was acknowledged is gone"
            self._send(client, pieces)
            return
        self._apply(event)
        self._follow(client, pieces)

    def _answer(self, client: Client) -> Event | None:
        """Wait for the answer: what else comes of the turn is told again after it. None if there
        is none: it was lost with a worker, or the turn has ended without it."""
        give_up = time.monotonic() + ANSWER_SECONDS
        while (left := give_up - time.monotonic()) > 0:
            event = client.within(self.request_id, left)
            if event is None:
                return None
            if event["type"] == "error":
                return event if event["error"]["code"] == "TURN_NOT_FOUND" else None
            if event["type"] in TERMINAL:
                self.terminals.append(client.text_of(event))
                self.ended_unanswered += 1
                return None
            if event["type"] == "immediate_response" and "begin" in event.get("data", {}):
                return event
        return None

    def _follow(self, client: Client, pieces: int | None) -> None:
        for _ in itertools.count() if pieces is None else range(pieces):
            event = self._next(client)
            if event is None:
                return

    def _next(self, client: Client) -> Event | None:
        """The next piece of text; None at the end of the turn."""
        while True:
            event = client.next(self.request_id, tokens=True)
            self._apply(event)
            if event["type"] in TERMINAL:
                self._end(event, client.text_of(event))
                return None
            if event["type"] == "stream_token":
                self.tokens.append(event["data"]["token"])
                return event

    def _apply(self, event: Event) -> None:
        if event["type"] == "immediate_response" and event.get("status") == 202:
            self.acknowledged = True
        self.cuts += event.get("node") == "restart"
        self.text = streamed([event], self.request_id, self.text)

    def _end(self, event: Event, raw: str) -> None:
        self.terminals.append(raw)
        self.outcome = event
        self.ends.append(self.text)


def reply_of(turn: Returning) -> str:
    """The whole text of a turn that was completed."""
    assert turn.outcome is not None
    return text_of(turn.outcome)
