"""A client of the WebSocket protocol: one connection at a time, frames out, events in."""

import queue
from collections.abc import Iterator, Mapping
from typing import Any

from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from shared.cli.chat.address import Address
from shared.cli.chat.connection import (
    Connection,
    Event,
    Fetched,
    Inbox,
    Interrupt,
    Item,
    Lost,
    Nudge,
    Opened,
    Patience,
    Received,
)
from shared.cli.chat.events import error_of
from shared.cli.chat.faults import (
    ConnectionLost,
    Expired,
    Interrupted,
    NoAnswer,
    Refused,
    Unreachable,
)
from shared.cli.chat.shapes import mapping
from shared.clock import Clock, SystemClock
from shared.ids import new_id

AUTH_EXPIRED = "AUTH_EXPIRED"


class Client:
    """Everything that waits ends at once with Interrupted when `interrupt` is called."""

    def __init__(
        self, address: Address, patience: Patience | None = None, clock: Clock | None = None
    ) -> None:
        self.patience = patience or Patience()
        self.address = address
        self.clock = clock or SystemClock()
        self._inbox: Inbox = queue.SimpleQueue()
        self._connection: Connection | None = None

    def interrupt(self) -> None:
        """Note a Ctrl-C; safe to call in a signal handler."""
        self._inbox.put(Interrupt())

    def nudge(self) -> None:
        """Let whoever waits for the next event look around; safe in any thread."""
        self._inbox.put(Nudge())

    @property
    def is_connected(self) -> bool:
        """Whether the connection stands, as far as is known. What came unasked is dropped, an
        interrupt that nobody waited for too."""
        while self._connection is not None:
            try:
                self._take(0.0)
            except TimeoutError:
                return True
            except (ConnectionLost, Interrupted):
                continue
        return False

    def connect(self) -> None:
        """One attempt.

        Raises:
            Unreachable, Interrupted
        """
        self.close()
        self._connection = Connection(self.address, self._inbox, self.patience)
        try:
            # The connection itself knows how long it may take.
            while self._take(None) != Opened(self._connection):
                pass
        except Interrupted:
            self.close()
            raise

    def reconnect(self) -> None:
        """Several attempts, with growing pauses.

        Raises:
            Unreachable, Interrupted
        """
        patience = self.patience
        retrying = Retrying(
            retry=retry_if_exception(lambda f: isinstance(f, Unreachable) and not f.lasting),
            stop=stop_after_attempt(patience.tries),
            wait=wait_random_exponential(multiplier=patience.pause, max=patience.longest_pause),
            sleep=self._pause,
            reraise=True,
        )
        retrying(self.connect)

    def send(self, frame: Mapping[str, Any]) -> None:
        """Send a frame. Raises ConnectionLost."""
        if self._connection is None:
            raise ConnectionLost("The connection is lost.")
        self._connection.send(frame)

    def next(self, seconds: float | None = None) -> Event | None:
        """The next event of any request, or None: somebody has nudged. Without `seconds` it waits
        for ever.

        Raises:
            TimeoutError, ConnectionLost, Interrupted
        """
        give_up = None if seconds is None else self.clock.monotonic() + seconds
        while True:
            left = None if give_up is None else max(0.0, give_up - self.clock.monotonic())
            item = self._take(left)
            if isinstance(item, Nudge):
                return None
            if isinstance(item, Received) and item.source is self._connection:
                return item.event

    def ask(self, action: str, **fields: Any) -> Event:
        """The `data` of the answer to one action. Events of other requests are dropped. A
        connection whose credential has run out is renewed first.

        Raises:
            Refused: the server answered with an error.
            Expired: the credential has run out for good.
            NoAnswer: it did not answer in time.
            ConnectionLost, Interrupted
        """
        try:
            return self._asked(action, fields)
        except Refused as refusal:
            if refusal.code != AUTH_EXPIRED:
                raise
        self.renew()
        return self._asked(action, fields)

    def renew(self) -> None:
        """Go on with a fresh credential on the open connection.

        Raises:
            Expired: there is none, or the server does not take it.
            NoAnswer, ConnectionLost, Interrupted
        """
        if self._connection is None:
            raise ConnectionLost("The connection is lost.")
        self._connection.fetch_credential()
        while True:
            item = self._take(None)
            if isinstance(item, Fetched) and item.source is self._connection:
                break
        if isinstance(item.credential, Unreachable):
            raise self._expired(item.credential.message)
        if not item.credential:
            raise self._expired("No token was given.")
        try:
            self._asked("authenticate", item.credential)
        except Refused as refusal:
            raise self._expired(refusal.message) from refusal

    def _expired(self, why: str) -> Expired:
        said = f"Your token has expired, and there is no fresh one. {why} Start again with another."
        if not self.address.renews:
            said += " With --token-command it is renewed by itself."
        return Expired(said)

    def answers(self) -> Iterator[Event]:
        """The events that come while a frame may still be answered. Raises like `next`."""
        give_up = self.clock.monotonic() + self.patience.answer
        while (left := give_up - self.clock.monotonic()) > 0:
            try:
                event = self.next(left)
            except TimeoutError:
                return
            if event is None:
                continue
            if is_gateway_error(event):
                return
            yield event

    def _asked(self, action: str, fields: Mapping[str, Any]) -> Event:
        request_id = new_id()
        self.send({"action": action, "requestId": request_id, **fields})
        for event in self.answers():
            if event.get("requestId") != request_id:
                continue
            if event.get("type") == "error":
                raise Refused(*error_of(event), mapping(mapping(event, "data"), "details"))
            if event.get("type") == "immediate_response":
                return mapping(event, "data")
        raise NoAnswer

    def close(self) -> None:
        """Close the connection, if there is one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _take(self, seconds: float | None) -> Item:
        """The next item of any connection.

        Raises:
            TimeoutError, Interrupted
            Unreachable, ConnectionLost: the present connection is over.
        """
        try:
            item = self._inbox.get(timeout=seconds) if seconds != 0 else self._inbox.get_nowait()
        except queue.Empty:
            raise TimeoutError from None
        if isinstance(item, Interrupt):
            raise Interrupted
        if isinstance(item, Lost) and item.source is self._connection:
            self._connection = None
            raise item.fault
        return item

    def _pause(self, seconds: float) -> None:
        give_up = self.clock.monotonic() + seconds
        while (left := give_up - self.clock.monotonic()) > 0:
            try:
                self._take(left)
            except TimeoutError:
                return


def is_expired(event: Mapping[str, Any]) -> bool:
    """Whether the server says that the credential of the connection has run out: in answer to a
    frame, or in place of what a turn would have streamed."""
    return event.get("type") == "error" and error_of(event)[0] == AUTH_EXPIRED


def is_gateway_error(event: Mapping[str, Any]) -> bool:
    """Whether API Gateway itself says that a frame's handler failed or took too long. It names
    none of our requests, so it may mean any that is not answered yet."""
    return "type" not in event and "connectionId" in event
