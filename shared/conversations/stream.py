"""Sending a turn's events to its connections without slowing the model down.

One background task posts, to one connection after the other; each has an outbox of its own, and
while one must wait the others go on. The first piece of text goes out at once; what arrives while
a post is under way, and until the window since it began is over, goes out together. Order is kept.
A connection that is gone is left out; one that takes no more after patient retries, or holds the
model up, is closed, because a hole in the text would be worse than a reconnect.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Any, NamedTuple

from shared.clock import Clock, Event
from shared.conversations.outbox import MAX_PIECE, Outbox, Part, Text, Whole
from shared.conversations.poster import ATTEMPTS, Poster, pause
from shared.mailbox.leases import LeaseLost
from shared.messaging.push import PushFailed, PushThrottled
from shared.protocol import events

__all__ = ["MAX_PIECE", "PATIENCE", "Poster", "Stream"]

log = logging.getLogger("parley")

PATIENCE = 2.0
"""Seconds that whoever speaks waits, in all, for connections whose outbox is full; then those are
closed. Counted anew for the others, and once all has been sent."""


class _Step(NamedTuple):
    """The message for a connection whose turn it is; None: it has been given up, close it."""

    outbox: Outbox
    message: bytes | None


class _Wait(NamedTuple):
    """Nothing is to be done until then, unless `wake` is set."""

    wake: Event
    until: float


class Stream:
    """What one turn says, on its way to some connections. Any thread may speak, and end it."""

    def __init__(
        self,
        poster: Poster,
        clock: Clock,
        connections: Sequence[str],
        *,
        request_id: str,
        check: Callable[[], None],
        window: float,
        settle_until: int = 0,
        keepalive: float = 30.0,
        buffer: int = 64,
    ) -> None:
        """Nothing is posted before the wall clock says `settle_until` (ms), nor without `check`,
        which raises LeaseLost, right before. `window` and `keepalive` are seconds: how close
        posts of text may follow each other, and after how long a silence one says that the turn
        goes on. `buffer` is how many events may wait for each connection."""
        self._poster = poster
        self._clock = clock
        self._request_id = request_id
        self._check = check
        self._window = window
        start = clock.monotonic() + max(0.0, (settle_until - clock.now()) / 1000)
        self._lock = Lock()
        self._outboxes = [Outbox(name, buffer, start, keepalive) for name in connections]
        self._serving: Outbox | None = None
        self._patience = PATIENCE
        self._wake = clock.event()
        self._room = clock.event()
        self._closing = False
        self.gone: list[str] = []
        """The connections that were closed, by themselves or from here."""
        self.used = False
        """Whether anything was said, though it be to nobody."""
        # At once, not with the first word: a model that thinks first is a silence too.
        self._task = clock.spawn(self._run, "stream") if self._outboxes else None

    def text(self, piece: str) -> None:
        """Say a piece of the answer."""
        self._say(events.stream_token, piece)

    def reasoning(self, piece: str) -> None:
        """Say a piece of what the model thinks."""
        self._say(events.stream_reasoning, piece)

    def chunk(self, node: str, state: Mapping[str, Any]) -> None:
        """Say what a step did. One that no event can hold is logged and left out."""
        self.used = True
        if not self._outboxes:
            return
        try:
            event = events.stream_chunk(self._request_id, node, state, at=self._clock.now())
            data = events.encode(event)
        except (TypeError, ValueError, RecursionError):
            log.exception("a step of the turn could not be shown", extra={"node": node})
            return
        self._put(Whole(data))

    def close(self) -> None:
        """Send what is left; returns when nothing more will be posted."""
        with self._lock:
            self._closing = True
            self._wake.set()
            self._room.set()
        if self._task:
            self._task.join()

    def abandon(self) -> None:
        """Send nothing more; returns when a post under way has ended."""
        with self._lock:
            # Whoever has a hole in the text is still closed.
            self._outboxes = [outbox for outbox in self._outboxes if outbox.given_up]
        self.close()

    # -- whoever speaks -------------------------------------------------------------------

    def _say(self, kind: Callable[..., events.Event], text: str) -> None:
        self.used = self.used or bool(text)
        # Half a character has no UTF-8; the rest must not suffer for it.
        text = text.encode(errors="replace").decode()
        for begin in range(0, len(text), MAX_PIECE):
            self._put(Text(kind, text[begin : begin + MAX_PIECE]))

    def _put(self, part: Part) -> None:
        while (room := self._offer(part)) is not None:
            began = self._clock.monotonic()
            waited = room.wait(self._patience)
            spent = self._clock.monotonic() - began if waited else PATIENCE
            with self._lock:
                self._patience = max(0.0, self._patience - spent)

    def _offer(self, part: Part) -> Event | None:
        """Add it for all; or, as long as it does not fit, what to wait for."""
        with self._lock:
            if self._closing:
                return None
            # Who waits for the last post of one that was given up is not to blame: it gets more.
            share = 2 if self._serving and self._serving.given_up else 1
            full = [outbox for outbox in self._outboxes if not outbox.has_room(part, share)]
            if not full:
                for outbox in self._outboxes:
                    outbox.add(part)
                self._wake.set()
                return None
            if not self._patience:
                self._give_up(full)
            elif self._room.is_set():
                self._room = self._clock.event()
            return self._room

    def _give_up(self, full: Sequence[Outbox]) -> None:
        log.warning("connections hold up the model", extra={"count": len(full)})
        # A post that hangs fills the outboxes of those, too, who wait for its end.
        slow = [outbox for outbox in full if outbox.failures or outbox is self._serving]
        for outbox in slow or full:
            outbox.give_up()
        self._patience = PATIENCE
        self._room.set()

    # -- the background task --------------------------------------------------------------

    def _run(self) -> None:
        now = self._clock.monotonic()
        try:
            while (step := self._next(now)) is not None:
                if isinstance(step, _Wait):
                    if not step.wake.wait(step.until - now):
                        # By the sum of floats the clock may be a hair short of it.
                        now = step.until
                elif step.message is None:
                    self._check()
                    self._poster.close(step.outbox.connection)
                    self._leave(step.outbox)
                else:
                    self._post(step.outbox, step.message, now)
                now = max(now, self._clock.monotonic())
        except LeaseLost:
            return
        finally:
            with self._lock:
                # Whoever speaks must not wait for a task that has ended.
                self._outboxes = []
                self._room.set()

    def _next(self, now: float) -> _Step | _Wait | None:
        """What is to be done now, or what to wait for; None when nothing is, ever."""
        with self._lock:
            self._serving = None
            if self._closing:
                self._outboxes = [outbox for outbox in self._outboxes if not outbox.is_done]
            elif all(outbox.is_done for outbox in self._outboxes):
                self._patience = PATIENCE
            if not self._outboxes:
                return None
            outbox = min(self._outboxes, key=self._due)
            if self._due(outbox) <= now:
                self._serving = outbox
                return _Step(outbox, None if outbox.given_up else self._message(outbox))
            if self._wake.is_set():
                self._wake = self._clock.event()
            return _Wait(self._wake, self._due(outbox))

    def _due(self, outbox: Outbox) -> float:
        return outbox.due(closing=self._closing)

    def _message(self, outbox: Outbox) -> bytes:
        """What goes out to it now: what waits longest, or a keepalive."""
        at = self._clock.now()
        if outbox.unsent is None and (part := outbox.take()) is not None:
            outbox.unsent = part.encoded(self._request_id, at)
            self._room.set()
        return outbox.unsent or events.encode(events.keepalive(self._request_id, at=at))

    def _post(self, outbox: Outbox, message: bytes, began: float) -> None:
        try:
            there = self._poster.attempt(outbox.connection, message, self._check)
        except (PushThrottled, PushFailed) as fault:
            self._refused(outbox, began, fault)
            return
        except ValueError:
            log.warning("the connection API takes no such event", exc_info=True)
            there = True
        if there:
            with self._lock:
                outbox.posted(began, self._window)
        else:
            self._leave(outbox)

    def _refused(self, outbox: Outbox, began: float, fault: Exception) -> None:
        with self._lock:
            outbox.failed(began, self._clock.monotonic() + pause(outbox.failures + 1))
            if outbox.failures < ATTEMPTS:
                return
            outbox.give_up()
        log.warning("connection does not take what it is sent", exc_info=fault)

    def _leave(self, outbox: Outbox) -> None:
        self.gone.append(outbox.connection)
        with self._lock:
            self._outboxes = [other for other in self._outboxes if other is not outbox]
            self._room.set()
