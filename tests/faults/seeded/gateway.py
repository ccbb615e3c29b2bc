"""The WebSocket gateway of a run: connections, and the connection API that posts to them.

What was posted arrives though the poster dies or stands still meanwhile, as on a wire. A client
that is gone without a word is noticed only after a while; what is posted until then is lost.
"""

import json
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from shared.messaging.push import PushFailed, PushThrottled
from tests.faults.seeded.chaos import Chaos
from tests.faults.seeded.diary import Delivery, Diary, Event
from tests.faults.seeded.prompts import prompt_in
from tests.simulation.hub import Process, SimTask


class Listens(Protocol):
    """The client's end of a connection."""

    def hear(self, delivery: Delivery) -> None: ...

    def lost(self, connection: str) -> None: ...


class Socket:
    """One connection. `open`: the gateway takes it for open; `reached`: the client is there."""

    def __init__(self, client: Listens) -> None:
        self.client = client
        self.open = True
        self.reached = True
        self.latency = 0.0


class Gateway:
    """All connections, and the port that the product posts to."""

    def __init__(self, chaos: Chaos, diary: Diary, closed: Callable[[str], None]) -> None:
        """`closed` is called when the gateway has found a connection to be over."""
        self.sockets: dict[str, Socket] = {}
        self._chaos = chaos
        self._hub = chaos.hub
        self._wire = Process(self._hub, "wire")
        self._diary = diary
        self._closed = closed

    # -- the product's side ---------------------------------------------------------------

    def post(self, connection: str, data: bytes) -> bool:
        chaos, rates = self._chaos, self._chaos.rates
        event = json.loads(data)
        if prompt := prompt_in(event, ""):
            self._diary.pushed.setdefault(prompt.id, self._hub.time)
        lease = self._lease(event)
        late = chaos.point() and lease is not None and lease != self._lease(event)
        socket = self.sockets[connection]
        latency = socket.latency or chaos.rng.uniform(0.005, 0.03)
        if chaos.hits(rates.post_throttled):
            self._hub.sleep(latency)
            raise PushThrottled
        if chaos.hits(rates.post_failed):
            self._hub.sleep(latency)
            raise PushFailed
        if event.get("node") in ("look", "pay") and chaos.hits(rates.post_too_large):
            raise ValueError("413")
        if chaos.hits(rates.connection_gone):
            self.drop(connection)
        there: list[bool] = []
        arrives = partial(self._arrives, connection, data, event, late=late)
        self.after(latency / 2, lambda: there.append(arrives()))
        self._hub.sleep(latency)
        chaos.point()
        return there[0]

    def close(self, connection: str) -> None:
        self._chaos.point()
        self._hub.sleep(self._chaos.rng.uniform(0.005, 0.03))
        if self._chaos.hits(self._chaos.rates.post_failed):
            raise PushFailed
        self.drop(connection)

    def _lease(self, event: Event) -> int | None:
        """Which lease the running process holds that sends such an event."""
        process = SimTask.current().process
        turn = str(event.get("requestId"))
        return self._diary.lease(turn, process, self._hub.time)

    def _arrives(self, connection: str, data: bytes, event: Event, *, late: bool) -> bool:
        socket = self.sockets[connection]
        if socket.open and socket.reached:
            delivery = Delivery(self._hub.time, connection, data, event, late)
            self._diary.delivered.append(delivery)
            socket.client.hear(delivery)
        return socket.open

    # -- the world's side -----------------------------------------------------------------

    def after(self, seconds: float, work: Callable[[], Any]) -> None:
        """Do this so many seconds from now, whatever happens to the product."""

        def later() -> None:
            self._hub.sleep(seconds)
            work()

        self._hub.spawn(self._wire, later)

    def drop(self, connection: str) -> None:
        """The gateway closes it; both ends hear of it, the product perhaps."""
        socket = self.sockets[connection]
        if not socket.open:
            return
        socket.open = False
        if socket.reached:
            socket.reached = False
            self.after(0.0, lambda: socket.client.lost(connection))
        if self._chaos.rng.random() < 0.8 or not self._chaos.rates.on:
            self.after(self._chaos.rng.uniform(0.0, 2.0), lambda: self._closed(connection))

    def leave(self, connection: str, noticed_after: float) -> None:
        """The client is gone; the gateway notices after so many seconds."""
        socket = self.sockets[connection]
        socket.reached = False
        if noticed_after:
            self.after(noticed_after, lambda: self.drop(connection))
        else:
            self.drop(connection)
