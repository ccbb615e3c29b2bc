"""What of a reply has been received, and whether what comes follows it."""

from collections.abc import Sequence
from typing import Any

from shared.cli.chat.clean import clean
from shared.cli.chat.connection import Event
from shared.cli.chat.events import Restarted, Thought, Token, TurnEvent, kept, read, streamed

MAX_ASKED = 3
"""How often the server is asked where it goes on, if it does not say."""


class Received:
    """`is_muted`: what comes does not follow, so only the ending counts, which has the whole reply.
    `is_behind`: it is not known where the server goes on. `is_queued`: it will say so by itself."""

    def __init__(self) -> None:
        self.is_muted = False
        self.is_behind = False
        self.is_queued = False
        self._text = ""
        self._asked = 0

    def lost(self) -> None:
        """From here on something may be missed."""
        self.is_muted = self.is_behind = True
        self.is_queued = False
        self._asked = 0

    def ask(self, session: str, request: str) -> dict[str, Any]:
        """The frame that asks where the server goes on."""
        self._asked += 1
        asked = {"action": "resume_turn", "sessionId": session, "requestId": request}
        return {**asked, "received": len(self._text)}

    @property
    def is_given_up(self) -> bool:
        """Whether the server was asked as often as it is asked at all."""
        return self._asked >= MAX_ASKED

    def go_on(self, begin: int, missed: str) -> Sequence[TurnEvent]:
        """The server goes on with this, from there."""
        if not self.is_behind or begin > len(self._text):
            return []
        said = self._cut(begin)
        self.is_muted = False
        self._text += missed
        return [*said, Token(clean(missed))] if missed else said

    def read(self, event: Event) -> Sequence[TurnEvent]:
        """What is to be shown of an event."""
        said = read(event)
        if self.is_muted:
            return [each for each in said if not isinstance(each, Token | Thought)]
        stands = kept(event)
        if stands is not None:
            return self._cut(stands)
        self._text += streamed(event)
        return said

    def _cut(self, stands: int) -> Sequence[TurnEvent]:
        if stands >= len(self._text):
            return []
        self._text = self._text[:stands]
        return [Restarted(clean(self._text))]
