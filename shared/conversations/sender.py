"""Posting what waits for one connection, by a background task of its own.

So a post that hangs delays nobody else. One lock guards all that a stream's senders share with
whoever speaks; no post is made while it is held.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import NamedTuple

from shared.clock import Clock, Event
from shared.conversations.outbox import Outbox
from shared.conversations.poster import ATTEMPTS, Poster, pause
from shared.errors import auth_expired
from shared.mailbox.leases import LeaseLost
from shared.messaging.push import PushFailed, PushThrottled
from shared.protocol import events

log = logging.getLogger("parley")


class Wait(NamedTuple):
    """Nothing is to be done until then, unless `wake` is set."""

    wake: Event
    until: float


class Signal:
    """An event that can be waited for again and again; to be used with the lock held."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._event = clock.event()

    def set(self) -> None:
        self._event.set()

    def next(self) -> Event:
        """What the next `set` will set."""
        if self._event.is_set():
            self._event = self._clock.event()
        return self._event


@dataclass(frozen=True)
class Line:
    """What the senders of one stream share."""

    poster: Poster
    clock: Clock
    request_id: str
    check: Callable[[], None]
    """Called right before each post and each closing; raises LeaseLost."""
    window: float
    """Seconds from one post of text to the next."""
    may_hear: Callable[[str], bool]
    """Whether a connection may still be told anything; asked right before each post."""
    lock: Lock
    room: Signal
    """Set whenever something has left an outbox."""
    gone: list[str] = field(default_factory=list)
    """The connections that were closed, by themselves or from here."""
    expired: list[str] = field(default_factory=list)
    """Those that may hear nothing more until they have authenticated again."""


class Sender:
    """Posts to one connection until its stream closes or it is given up."""

    def __init__(self, line: Line, outbox: Outbox) -> None:
        self.outbox = outbox
        self.ended = False
        """Whether it posts nothing more."""
        self._line = line
        self._clock = line.clock
        self._wake = Signal(line.clock)
        self._closing = False

    # -- with the lock held ---------------------------------------------------------------

    def wake(self, *, closing: bool = False) -> None:
        """There is something to be done. `closing`: and nothing will be added."""
        self._closing = self._closing or closing
        self._wake.set()

    def give_up(self) -> bool:
        """Post nothing more, from the end of a post under way on. Whether it is to be shut."""
        if self.ended or self.outbox.given_up:
            return False
        self.outbox.give_up()
        self._wake.set()
        self._line.room.set()
        return True

    # -- tasks ----------------------------------------------------------------------------

    def run(self) -> None:
        """Post what there is, when it is due."""
        now = self._clock.monotonic()
        try:
            while (step := self._next(now)) is not None:
                if isinstance(step, bytes):
                    self._post(step, now)
                elif not step.wake.wait(step.until - now):
                    # By the sum of floats the clock may be a hair short of it.
                    now = step.until
                now = max(now, self._clock.monotonic())
        except LeaseLost:
            return
        except Exception:
            # A hole in the text would be worse than a reconnect.
            log.exception("connection could not be posted to")
            self.shut()
        finally:
            with self._line.lock:
                # Whoever speaks must not wait for a task that has ended.
                self.ended = True
                self.outbox.drop()
                self._line.room.set()

    def shut(self) -> None:
        """Close the connection, though a post to it hang: nobody waits for that one."""
        try:
            self._line.check()
        except LeaseLost:
            return
        self._line.poster.close(self.outbox.connection)
        self._leave()

    def _next(self, now: float) -> bytes | Wait | None:
        """What is to be posted now, or what to wait for; None when nothing is, ever."""
        with self._line.lock:
            outbox = self.outbox
            if outbox.given_up or (self._closing and outbox.is_done):
                return None
            due = outbox.due(closing=self._closing)
            return self._message() if due <= now else Wait(self._wake.next(), due)

    def _message(self) -> bytes:
        """What goes out now: what waits longest, or a keepalive."""
        outbox, at = self.outbox, self._clock.now()
        if outbox.unsent is None and (part := outbox.take()) is not None:
            outbox.unsent = part.encoded(self._line.request_id, at)
            self._line.room.set()
        return outbox.unsent or events.encode(events.keepalive(self._line.request_id, at=at))

    def _post(self, message: bytes, began: float) -> None:
        line = self._line
        connection = self.outbox.connection
        try:
            may_hear = line.may_hear(connection)
            if not may_hear:
                message = events.encode(events.error_of(auth_expired(), None, at=self._clock.now()))
            there = line.poster.attempt(connection, message, line.check)
        except (PushThrottled, PushFailed) as fault:
            self._refused(began, fault)
            return
        except ValueError:
            log.warning("the connection API takes no such event", exc_info=True)
            there = may_hear = True
        if not there:
            self._leave()
        elif not may_hear:
            self._expire()
        else:
            with line.lock:
                self.outbox.posted(began, line.window)

    def _refused(self, began: float, fault: Exception) -> None:
        with self._line.lock:
            self.outbox.failed(began, self._clock.monotonic() + pause(self.outbox.failures + 1))
            if self.outbox.failures < ATTEMPTS or not self.give_up():
                return
        log.warning("connection does not take what it is sent", exc_info=fault)
        self.shut()

    def _expire(self) -> None:
        """It stays open, so that its client can authenticate and come back to the turn."""
        with self._line.lock:
            self.outbox.give_up()
            self._line.expired.append(self.outbox.connection)

    def _leave(self) -> None:
        with self._line.lock:
            self.outbox.give_up()
            if self.outbox.connection not in self._line.gone:
                self._line.gone.append(self.outbox.connection)
