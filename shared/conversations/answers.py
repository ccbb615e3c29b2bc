"""What a frame is answered with, on the connection that it came from."""

from collections.abc import Mapping
from typing import Any

from shared.clock import Clock
from shared.conversations.stream import Poster
from shared.errors import ParleyError
from shared.protocol import events


class Answers:
    """Posts answers."""

    def __init__(self, poster: Poster, clock: Clock) -> None:
        self._poster = poster
        self._clock = clock

    def final(
        self,
        connection: str,
        request_id: str | None,
        data: Mapping[str, Any],
        message: str | None = None,
    ) -> None:
        """This is all."""
        event = events.immediate_response(
            request_id, events.FINAL, at=self._clock.now(), data=data, message=message
        )
        self._post(connection, event)

    def accepted(self, connection: str, request_id: str, data: Mapping[str, Any]) -> None:
        """A turn follows."""
        event = events.immediate_response(
            request_id, events.ACCEPTED, at=self._clock.now(), data=data
        )
        self._post(connection, event)

    def refuse(self, connection: str, fault: ParleyError, request_id: str | None) -> None:
        """What is wrong with the frame."""
        self._post(connection, events.error_of(fault, request_id, at=self._clock.now()))

    def pong(self, connection: str, request_id: str | None) -> None:
        self._post(connection, events.pong(request_id, at=self._clock.now()))

    def event(self, connection: str, event: Mapping[str, Any]) -> None:
        """Something else than the answer to a frame."""
        self._post(connection, event)

    def again(self, connection: str, terminal: str) -> None:
        """How a turn ended, as it was sent before."""
        self._poster.post(connection, terminal.encode())

    def _post(self, connection: str, event: Mapping[str, Any]) -> None:
        self._poster.post(connection, events.encode(event))
