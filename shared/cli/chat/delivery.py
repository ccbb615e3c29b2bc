"""One answer of a person on its way to the server, until the server confirms it."""

from collections.abc import Mapping
from typing import Any

from shared.cli.chat.prompts import Frame

MAX_SENDS = 3
"""How often an answer is sent that the server does not confirm."""


class Delivery:
    """Without a frame there is none. `moot`: the turn went on before the server confirmed it. The
    confirmation comes another way than the turn's events, and may be slower."""

    def __init__(self, frame: Frame | None = None) -> None:
        self.frame = frame or {}
        self.moot = False
        self.is_sent = False
        self._sends = 0

    @property
    def is_given_up(self) -> bool:
        """Whether it was sent as often as it is sent at all."""
        return self._sends >= MAX_SENDS

    def due(self) -> Frame | None:
        """The frame, if it is to be sent now; from then on it counts as sent."""
        if self.is_sent or not self.frame:
            return None
        self.is_sent = True
        self._sends += 1
        return self.frame

    def lost(self) -> None:
        """It may not have arrived: it is to be sent again."""
        self.is_sent = False

    def is_meant(self, event: Mapping[str, Any]) -> bool:
        """Whether the event has its request id, and may be about it; or is an error that has none.
        So is told what is wrong with a frame whose request id is that of a turn."""
        request = event.get("requestId")
        is_error = request is None and event.get("type") == "error"
        return self.is_sent and (is_error or request == self.frame["requestId"])
