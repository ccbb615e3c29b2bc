"""One turn: a message goes out, its events come in, until exactly one ending.

A message is sent again whenever it is not sure that it arrived, with its own request id and in
its own session: there a repeat is the same turn. After a lost connection the server is asked to go
on where the text broke off (`resume_turn`). Until it does, and where it would have to take back
what stands on the screen, only the ending counts, which has the whole reply.
"""

import contextlib
from collections.abc import Iterable, Iterator, Sequence

from shared.cli.chat import events
from shared.cli.chat.clean import clean
from shared.cli.chat.client import AUTH_EXPIRED, Client, is_expired, is_gateway_error
from shared.cli.chat.connection import Event
from shared.cli.chat.events import Ending, Failed, Left, Notice, TurnEvent
from shared.cli.chat.faults import ConnectionLost, Expired, Interrupted, NoAnswer, Unreachable
from shared.ids import new_id

MAX_SENDS = 3
"""How often a message is sent that nobody acknowledges."""

MAX_RENEWALS = 3
"""How often the credential of the connection is renewed for one turn."""

SESSION_GONE = "SESSION_NOT_FOUND"
_PREVIEWS = (events.Token, events.Thought)


class Turn:
    """`sure` is False when a connection was lost that may have delivered the message."""

    def __init__(self, client: Client, session: str, message: str, **fields: str) -> None:
        self._client = client
        self._frame = {
            "action": "send_message",
            "requestId": new_id(),
            "sessionId": session,
            "message": message,
            **fields,
        }
        self._due = True
        self._sends = 0
        self._renewals = 0
        self._acknowledged = False
        self._stopping = False
        self._muted = False
        self._received = 0
        self._behind = False
        self.sure = True

    def run(self) -> Iterator[TurnEvent]:
        """The events of the turn; the last one is its ending. The first Ctrl-C stops the turn,
        the second one the waiting."""
        while True:
            said: Iterable[TurnEvent]
            try:
                if self._due:
                    self._send()
                said = self._read(self._client.next(self._patience))
            except ConnectionLost as lost:
                yield Notice(f"{lost.message} Connecting again …")
                said = self._reconnect()
            except TimeoutError:
                said = self._unanswered()
            except Interrupted:
                said = self._stop()
            for each in said:
                yield each
                if isinstance(each, Ending):
                    return

    @property
    def _patience(self) -> float | None:
        # A turn may take as long as it likes: the WebSocket's own pings tell if nobody is there.
        return None if self._acknowledged else self._client.patience.answer

    def _send(self) -> None:
        self._due = self._acknowledged = False
        self._sends += 1
        self._client.send(self._frame)

    def _unanswered(self) -> Sequence[TurnEvent]:
        if self._sends == MAX_SENDS:
            return [Failed("NO_ANSWER", "The server does not answer. Try again later.")]
        self._due = True
        return []

    def _stop(self) -> Sequence[TurnEvent]:
        if self._stopping:
            return [Left()]
        self._stopping = self._muted = True
        if self._acknowledged:
            # A connection that is lost right now shows at the next read, and then the stop
            # follows the acknowledgement of the message that is sent again.
            with contextlib.suppress(ConnectionLost):
                self._cancel()
        return [Notice("Stopping …")]

    def _cancel(self) -> None:
        # Never before the message is acknowledged: a stop that overtakes it would stop nothing.
        session, request = self._frame["sessionId"], self._frame["requestId"]
        self._client.send({"action": "cancel", "sessionId": session, "requestId": request})

    def _reconnect(self) -> Sequence[TurnEvent]:
        self.sure = False
        self._muted = self._behind = True
        self._sends = 0
        self._due = True
        try:
            self._client.reconnect()
        except Unreachable as fault:
            return [Failed("NOT_CONNECTED", fault.message)]
        except Interrupted:
            return [Left()]
        return [Notice("Connected again.")]

    def _renew(self) -> Sequence[TurnEvent]:
        """Renew the connection's credential, and ask for the turn again: what streamed meanwhile
        is missed, its ending is not."""
        if self._renewals == MAX_RENEWALS:
            return [Failed(AUTH_EXPIRED, "The server does not go on with a fresh token either.")]
        self._renewals += 1
        self._muted = self._muted or self._acknowledged
        self._behind = self._behind or self._acknowledged
        # Also for whoever interrupts this.
        self._due, self._sends = True, 0
        try:
            self._client.renew()
        except (Expired, NoAnswer) as fault:
            return [Failed(AUTH_EXPIRED, fault.message)]
        return [Notice("Your token had expired; renewed.")]

    def _resume(self) -> None:
        session, request = self._frame["sessionId"], self._frame["requestId"]
        asked = {"action": "resume_turn", "sessionId": session, "requestId": request}
        self._client.send({**asked, "received": self._received})

    def _go_on(self, begin: int, missed: str) -> Sequence[TurnEvent]:
        """The server goes on; what stands on the screen cannot be taken back."""
        if not self._behind or self._stopping or begin != self._received:
            return []
        self._muted = self._behind = False
        self._received += len(missed)
        return [events.Token(clean(missed))]

    def _read(self, event: Event) -> Sequence[TurnEvent]:
        if is_gateway_error(event) and not self._acknowledged:
            return self._unanswered()
        if is_expired(event) and event.get("requestId") in (None, self._frame["requestId"]):
            return self._renew()
        if event.get("requestId") != self._frame["requestId"]:
            return []
        if not self._acknowledged:
            self._acknowledged = True
            if self._stopping:
                self._cancel()
            elif self._behind:
                self._resume()
        if self._behind and events.error_of(event)[0] == "UNSUPPORTED_ACTION":
            # The refused frame is the asking, not the message.
            self._behind = False
            return []
        if (back := events.back(event)) is not None:
            return self._go_on(*back)
        if self._stopping and events.error_of(event)[0] == "UNSUPPORTED_ACTION":
            # The refused frame is the stop, not the message: the turn goes on.
            return [Notice("This server cannot stop a reply. Ctrl-C again: do not wait for it.")]
        said = events.read(event)
        self._received += 0 if self._muted else events.streamed(event)
        return [each for each in said if not (self._muted and isinstance(each, _PREVIEWS))]
