"""One turn: a message goes out, its events come in, until exactly one ending.

After a lost connection the server is asked to go on where the text broke off (`resume_turn`). Until
it does, only the ending counts, which has the whole reply. So it is with a turn that is there when
its conversation is come back to.

A turn may wait for a person. The question is on the screen while events are read, and off it
whenever something else is shown.
"""

import contextlib
from collections.abc import Generator, Sequence

from shared.cli.chat import events
from shared.cli.chat.asking import Person
from shared.cli.chat.client import AUTH_EXPIRED, Client, is_expired, is_gateway_error
from shared.cli.chat.connection import Event
from shared.cli.chat.events import Ending, Failed, Left, Notice, TurnEvent
from shared.cli.chat.faults import ConnectionLost, Expired, Interrupted, NoAnswer, Unreachable
from shared.cli.chat.inquiry import Inquiry
from shared.cli.chat.opening import Opening
from shared.cli.chat.received import Received
from shared.cli.chat.shapes import mapping, string

MAX_RENEWALS = 3
"""How often the credential of the connection is renewed before the turn goes on."""

NO_ANSWER = "The server does not answer. Try again later."
SESSION_GONE = "SESSION_NOT_FOUND"


class Turn:
    """`sure` is False when the message has arrived, or a connection was lost that may have
    delivered it. Without a `person` a turn that waits for one ends with `Unattended`."""

    def __init__(self, client: Client, opening: Opening, person: Person | None) -> None:
        self._client = client
        self._opening = opening
        self._inquiry = Inquiry(person, client.clock, opening.session, opening.request)
        self._renewals = 0
        self._stopping = False
        self._received = Received()
        self.sure = True

    def run(self) -> Generator[TurnEvent, None, None]:
        """The events of the turn; the last one is its ending. The first Ctrl-C stops the turn,
        the second one the waiting."""
        try:
            said = self._open()
            while True:
                for each in said:
                    self._inquiry.withdraw()
                    yield each
                    if isinstance(each, Ending):
                        return
                self._attend()
                said = yield from self._step()
        finally:
            self._inquiry.withdraw()

    def _open(self) -> Sequence[TurnEvent]:
        if self._opening.answer is None:
            return []
        self._received.lost()
        return [Notice("The agent is at work here already:"), *self._read(self._opening.answer)]

    def _step(self) -> Generator[TurnEvent, None, Sequence[TurnEvent]]:
        """Wait for the next thing that happens; what is to be shown of it."""
        try:
            if self._opening.is_due:
                self._send()
            event = self._client.next(self._patience)
            return self._inquiry.answered() if event is None else self._read(event)
        except ConnectionLost as lost:
            self._inquiry.lost()
            yield Notice(f"{lost.message} Connecting again …")
            return self._reconnect()
        except TimeoutError:
            return self._quiet()
        except Interrupted:
            return self._stop()

    @property
    def _patience(self) -> float | None:
        # A turn may take as long as it likes: the WebSocket's own pings tell if nobody is there.
        answers = self._opening.is_acknowledged and not self._received.is_behind
        is_waited = self._inquiry.is_unconfirmed or not answers
        return self._client.patience.answer if is_waited else None

    def _attend(self) -> None:
        """Send what the person has answered, or go on asking; not before it is clear how the turn
        stands."""
        if self._stopping or not self._opening.is_acknowledged or not self._is_certain:
            return
        if (frame := self._inquiry.due()) is not None:
            # A connection that is lost right now shows at the next read.
            with contextlib.suppress(ConnectionLost):
                self._client.send(frame)
        self._inquiry.ask()

    @property
    def _is_certain(self) -> bool:
        """Whether it is known what the turn waits for."""
        return not self._received.is_behind or self._inquiry.is_certain

    def _send(self) -> None:
        if (message := self._opening.due()) is not None:
            self._client.send(message)
            return
        self._resume()
        if self._stopping:
            self._cancel()

    def _quiet(self) -> Sequence[TurnEvent]:
        """What was waited for did not come in time."""
        if not self._opening.is_acknowledged:
            return self._unanswered()
        if self._received.is_behind and not (self._received.is_queued or self._stopping):
            self._received.is_behind = not self._received.is_given_up
            if self._received.is_given_up and self._opening.answer is not None:
                return [Failed("NO_ANSWER", NO_ANSWER)]
            with contextlib.suppress(ConnectionLost):  # which shows at the next read
                self._resume()
        return self._inquiry.unconfirmed()

    def _unanswered(self) -> Sequence[TurnEvent]:
        if self._opening.is_given_up:
            return [Failed("NO_ANSWER", NO_ANSWER)]
        self._opening.is_due = True
        return []

    def _stop(self) -> Sequence[TurnEvent]:
        if self._stopping:
            return [Left()]
        self._stopping = self._received.is_muted = True
        self._inquiry.end()
        if self._opening.is_acknowledged:
            # A connection that is lost right now shows at the next read, and then the stop
            # follows the acknowledgement of the message that is sent again.
            with contextlib.suppress(ConnectionLost):
                self._cancel()
        return [Notice("Stopping …")]

    def _cancel(self) -> None:
        # Never before the message is acknowledged: a stop that overtakes it would stop nothing.
        session, request = self._opening.session, self._opening.request
        self._client.send({"action": "cancel", "sessionId": session, "requestId": request})

    def _reconnect(self) -> Sequence[TurnEvent]:
        self.sure = False
        self._received.lost()
        self._opening.again()
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
        if self._opening.is_acknowledged:
            self._received.lost()
        self._inquiry.lost()
        # Also for whoever interrupts this.
        self._opening.again()
        try:
            self._client.renew()
        except (Expired, NoAnswer) as fault:
            return [Failed(AUTH_EXPIRED, fault.message)]
        return [Notice("Your token had expired; renewed.")]

    def _resume(self) -> None:
        if self._received.is_behind:
            self._client.send(self._received.ask(self._opening.session, self._opening.request))

    def _go_on(self, event: Event, begin: int, missed: str) -> Sequence[TurnEvent]:
        """The server says how the turn stands, and goes on with the reply from there."""
        self._renewals = 0
        data = mapping(event, "data")
        said = [] if self._stopping else self._received.go_on(begin, missed)
        self._received.is_behind = False
        asked = self._inquiry.resumed(string(data, "status"), mapping(data, "prompt"))
        return [*said, *asked] if not self._stopping else []

    def _read(self, event: Event) -> Sequence[TurnEvent]:
        if is_gateway_error(event):
            is_known = self._opening.is_acknowledged
            return self._inquiry.unconfirmed() if is_known else self._unanswered()
        mine = event.get("requestId") == self._opening.request
        answer = self._inquiry.is_answer(event)
        if is_expired(event) and (mine or answer or event.get("requestId") is None):
            return self._renew()
        if mine and not self._opening.is_acknowledged:
            self._acknowledge(event)
        if mine and (said := self._resuming(event)) is not None:
            return said
        if mine or answer:
            return self._heard(event)
        return []

    def _acknowledge(self, event: Event) -> None:
        self._opening.is_acknowledged = True
        self.sure = self.sure and event.get("type") == "error"
        if self._stopping:
            self._cancel()
        else:
            self._resume()

    def _resuming(self, event: Event) -> Sequence[TurnEvent] | None:
        """What an event says of coming back to the turn, or of stopping it; None: nothing."""
        is_unknown = events.error_of(event)[0] == "UNSUPPORTED_ACTION"
        if self._received.is_behind and is_unknown:
            # The refused frame is the asking, not the message.
            self._received.is_behind = False
            return []
        if events.is_queued(event):
            self._received.is_queued = True
            return []
        if (back := events.back(event)) is not None:
            return self._go_on(event, *back)
        if self._stopping and is_unknown:
            # The refused frame is the stop, not the message: the turn goes on.
            return [Notice("This server cannot stop a reply. Ctrl-C again: do not wait for it.")]
        return None

    def _heard(self, event: Event) -> Sequence[TurnEvent]:
        said = self._inquiry.hear(event)
        if said is not None and self._stopping:
            self._inquiry.end()
            return []
        if said is not None:
            return said
        said = self._received.read(event)
        says = events.read(event) and self._is_certain
        return [*self._inquiry.passed(said), *said] if says else said
