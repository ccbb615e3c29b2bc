"""Sending a turn's events to its connections without slowing the model down.

The first piece of text goes out at once; what arrives while a post is under way, and until the
window since it began is over, goes out together. Order is kept. Whoever comes back is told what it
missed, and in the same order what follows.
"""

import logging
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from shared.conversations.outbox import MAX_PIECE, Part, Text, Whole
from shared.conversations.poster import Poster
from shared.conversations.senders import PATIENCE, Senders
from shared.conversations.transcript import Transcript, missed
from shared.protocol import events

__all__ = ["MAX_PIECE", "PATIENCE", "Poster", "Stream"]

log = logging.getLogger("parley")


class Stream(Senders):
    """What one turn says, on its way to some connections. Any thread may speak, and end it."""

    used = False
    """Whether anything was said, though it be to nobody."""

    @cached_property
    def _transcript(self) -> Transcript:
        return Transcript()

    @property
    def said(self) -> Transcript:
        """The answer so far. For whoever speaks."""
        return self._transcript

    def begin(self, transcript: Transcript) -> None:
        """Go on with an answer of which this has been said, by others."""
        with self._lock:
            self._transcript = transcript

    def text(self, piece: str, *, hidden: bool = False) -> None:
        """Say a piece of the answer. Takes PATIENCE at most, as each of these does. A `hidden` one
        is shown to nobody but those who come back for it."""
        # Half a character has no UTF-8; the rest must not suffer for it.
        piece = piece.encode(errors="replace").decode()
        if not hidden:
            self._say(events.stream_token, piece)
            return
        with self._lock:
            self._transcript.add(piece)

    def restart(self, kept: int, *, tell: bool) -> None:
        """Only the first `kept` code points of the answer still stand. `tell` the clients so."""
        with self._lock:
            self._transcript.restart(kept)
        if tell and self._senders:
            event = events.truncated(self._request_id, kept, at=self._clock.now())
            self._put([Whole(events.encode(event))])

    def say_again(self) -> None:
        """Nobody knows what the clients have of the answer: they are to forget all of it, and it
        is said once more. Before anybody may `join`."""
        standing = self._transcript
        self.begin(Transcript())
        event = events.truncated(self._request_id, 0, at=self._clock.now())
        self._put([Whole(events.encode(event))])
        self._say(events.stream_token, standing.text)
        self._transcript.cut = standing.cut

    def join(
        self,
        connection: str,
        received: int,
        *,
        truncates: bool,
        status: str = "running",
        session: str | None = None,
        prompt: Mapping[str, Any] | None = None,
    ) -> bool:
        """Let a connection in whose client has come back with so many code points of the answer:
        it is told what it missed, and everything from here on. False: it is too late for that.
        One that is here already is told so too, behind what is on its way to it: its client may
        have ignored that."""
        with self._lock:
            if self._closing:
                return False
            if connection in self._line.expired:  # it may hear again
                self._line.expired.remove(connection)
            here = next((each for each in self._senders if self._hears(each, connection)), None)
            missing = self._transcript.missing(received, truncates=truncates)
            now = self._clock.now()
            told, rest = missed(
                self._request_id, status, missing, at=now, session=session, prompt=prompt
            )
            parts: list[Part] = [Whole(event) for event in told]
            parts += [Text(events.stream_token, piece) for piece in rest]
            outbox = here.outbox if here else self._outbox(connection)
            for part in parts:
                outbox.add(part)
            if here is not None:
                here.wake()
            else:
                self._open(outbox)
            return True

    def reasoning(self, piece: str) -> None:
        """Say a piece of what the model thinks."""
        self._say(events.stream_reasoning, piece.encode(errors="replace").decode())

    def chunk(self, node: str, state: Mapping[str, Any]) -> None:
        """Say what a step did. One that no event can hold is logged and left out."""
        self.used = True
        if not self._senders:
            return
        try:
            event = events.stream_chunk(self._request_id, node, state, at=self._clock.now())
            data = events.encode(event)
        except (TypeError, ValueError, RecursionError):
            log.exception("a step of the turn could not be shown", extra={"node": node})
            return
        self._put([Whole(data)])

    # -- whoever speaks -------------------------------------------------------------------

    def _say(self, kind: Callable[..., events.Event], text: str) -> None:
        self.used = self.used or bool(text)
        begins = range(0, len(text), MAX_PIECE)
        self._put([Text(kind, text[begin : begin + MAX_PIECE]) for begin in begins])

    def event(self, event: Mapping[str, Any]) -> None:
        """Say an event that is no piece of text, to whoever hears the turn now."""
        self._put([Whole(events.encode(event))])

    def whole(self, data: bytes) -> None:
        """Say an event that is encoded already, the turn's last. Never waits: it goes behind all
        else, though an outbox be full."""
        self.used = True
        self._last(data)

    def _add(self, part: Part) -> None:
        if isinstance(part, Text) and part.kind is events.stream_token:
            self._transcript.add(part.text)
        super()._add(part)
