"""Sending a turn's events to its connections without slowing the model down.

Each connection has an outbox and a background task that posts from it, so a slow one delays
nobody else. The first piece of text goes out at once; what arrives while a post is under way, and
until the window since it began is over, goes out together. Order is kept. A connection that is
gone is left out; one that takes no more after patient retries, stays too far behind, or has not
got everything when the time for closing is over, is closed, because a hole in the text would be
worse than a reconnect.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Any, NamedTuple

from shared.clock import Clock, Task
from shared.conversations.outbox import GROWTH, MAX_PIECE, Outbox, Part, Text, Whole
from shared.conversations.poster import Poster
from shared.conversations.sender import Line, Sender, Signal, Wait
from shared.protocol import events

__all__ = ["MAX_PIECE", "PATIENCE", "Poster", "Stream"]

log = logging.getLogger("parley")

PATIENCE = 2.0
"""Seconds. Whoever says something waits no longer for room in full outboxes; nor longer for one
connection in all, until its outbox has been half empty. One that takes nothing for so long, while
more should go into its full outbox, is closed. And so long `close` waits."""

MANY = 8
"""With more connections each gets posts of text less often, so that together they take no more of
the processor than so many do."""

_MOMENT = 1e-6
"""Seconds: less than this is the error of sums of floats."""

_BEHIND = "connections hold up the model"
_LATE = "connections hold up the end of the turn"


class _Pending(NamedTuple):
    """What is to be waited for, and on whose account."""

    wait: Wait
    senders: Sequence[Sender]


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
        may_hear: Callable[[str], bool] = lambda _connection: True,
    ) -> None:
        """Nothing is posted before the wall clock says `settle_until` (ms), nor without `check`,
        which raises LeaseLost, right before; it is called from several threads. `window` and
        `keepalive` are seconds: how close posts of text may follow each other, and after how long
        a silence one says that the turn goes on. `buffer` is how many events may wait for each
        connection; up to 4 times as many for one that goes on taking posts. `may_hear` is asked
        right before each post; one that may not is told to authenticate, and nothing else."""
        self._clock = clock
        self._request_id = request_id
        self._lock = Lock()
        self._room = Signal(clock)
        self._closing = False
        self._line = Line(
            poster,
            clock,
            request_id,
            check,
            window * max(1.0, len(connections) / MANY),
            may_hear,
            self._lock,
            self._room,
        )
        start = clock.monotonic() + max(0.0, (settle_until - clock.now()) / 1000)
        self._names = tuple(connections)
        outboxes = [Outbox(name, buffer, start, keepalive) for name in connections]
        self._senders = [Sender(self._line, outbox) for outbox in outboxes]
        self._patience = dict.fromkeys(self._senders, PATIENCE)
        self.used = False
        """Whether anything was said, though it be to nobody."""
        # At once, not with the first word: a model that thinks first is a silence too.
        self._tasks: list[Task] = [clock.spawn(each.run, "stream") for each in self._senders]

    @property
    def connections(self) -> Sequence[str]:
        """All to whom it was opened, the gone ones too."""
        return self._names

    @property
    def gone(self) -> Sequence[str]:
        """The connections that were closed, by themselves or from here."""
        return self._line.gone

    @property
    def expired(self) -> Sequence[str]:
        """The connections that were told to authenticate, and heard nothing since."""
        return self._line.expired

    def text(self, piece: str) -> None:
        """Say a piece of the answer. Takes PATIENCE at most, as each of these does."""
        self._say(events.stream_token, piece)

    def reasoning(self, piece: str) -> None:
        """Say a piece of what the model thinks."""
        self._say(events.stream_reasoning, piece)

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

    def whole(self, data: bytes) -> None:
        """Say an event that is encoded already, the turn's last. Never waits: it goes behind all
        else, though an outbox be full."""
        self.used = True
        with self._lock:
            if not self._closing:
                self._add(Whole(data))

    def close(self, seconds: float = PATIENCE, *, draining: float = 0.0) -> None:
        """Send what is left, for so many seconds; returns when nothing more will be posted.

        Connections that have not got everything by then are closed; but those that would have,
        at the pace of these seconds, in `draining` seconds more, only after these. Returns at
        once when all is sent; and after `seconds` and `draining` at the latest, but for one call
        of the connection API: a post under way ends while its connection is closed beside it.
        """
        deadline = self._clock.monotonic() + seconds
        with self._lock:
            self._end()
            taken = {sender: sender.outbox.taken for sender in self._senders}
        self._await(deadline)
        with self._lock:
            late = [
                sender
                for sender, before in taken.items()
                if sender.outbox.left * seconds > (sender.outbox.taken - before) * draining
            ]
            self._give_up(late, _LATE)
        self._await(deadline + draining)
        with self._lock:
            self._give_up([sender for sender in taken if not sender.outbox.is_done], _LATE)
        self._join()

    def abandon(self) -> None:
        """Send nothing more; returns when a post under way has ended."""
        with self._lock:
            for sender in self._senders:
                sender.outbox.drop()
            self._end()
        # Whoever has a hole in the text is still being closed.
        self._join()

    # -- whoever speaks -------------------------------------------------------------------

    def _say(self, kind: Callable[..., events.Event], text: str) -> None:
        self.used = self.used or bool(text)
        # Half a character has no UTF-8; the rest must not suffer for it.
        text = text.encode(errors="replace").decode()
        begins = range(0, len(text), MAX_PIECE)
        self._put([Text(kind, text[begin : begin + MAX_PIECE]) for begin in begins])

    def _put(self, parts: Sequence[Part]) -> None:
        with self._lock:
            for sender in self._senders:
                if not sender.outbox.is_behind:
                    self._patience[sender] = PATIENCE
        now, left = self._clock.monotonic(), PATIENCE
        for part in parts:
            while (pending := self._offer(part, now, left)) is not None:
                woken = pending.wait.wake.wait(pending.wait.until - now)
                then = max(self._clock.monotonic(), now if woken else pending.wait.until)
                left = _less(left, then - now)
                with self._lock:
                    for sender in pending.senders:
                        self._patience[sender] = _less(self._patience[sender], then - now)
                now = then

    def _offer(self, part: Part, now: float, left: float) -> _Pending | None:
        """Add it for all; or, as long as it does not fit and there is patience, what to wait
        for."""
        with self._lock:
            if self._closing:
                return None
            stuck = {
                sender: sender.outbox.stuck_since(now) + PATIENCE
                for sender in self._senders
                if not sender.outbox.has_room(part)
            }
            self._give_up([sender for sender, end in stuck.items() if end <= now], _BEHIND)
            ends = {
                sender: min(end, now + left, now + self._patience[sender])
                for sender, end in stuck.items()
            }
            awaited = [sender for sender, end in ends.items() if end > now]
            if awaited:
                until = min(ends[sender] for sender in awaited)
                return _Pending(Wait(self._room.next(), until), awaited)
            far = [sender for sender in stuck if not sender.outbox.has_room(part, GROWTH)]
            self._give_up(far, _BEHIND)
            self._add(part)
            return None

    # -- with the lock held ---------------------------------------------------------------

    def _add(self, part: Part) -> None:
        for sender in self._senders:
            if not sender.ended:
                sender.outbox.add(part)
                sender.wake()

    def _give_up(self, senders: Sequence[Sender], reason: str) -> None:
        """Close their connections, beside posts to them that hang."""
        late = [sender for sender in senders if sender.give_up()]
        if late:
            log.warning(reason, extra={"count": len(late)})
        self._tasks += [self._clock.spawn(sender.shut, "close connection") for sender in late]

    def _end(self) -> None:
        self._closing = True
        self._room.set()
        for sender in self._senders:
            sender.wake(closing=True)

    # -------------------------------------------------------------------------------------

    def _await(self, deadline: float) -> None:
        """Return when all senders have ended, or then."""
        for task in self._tasks[: len(self._senders)]:
            task.join(max(0.0, deadline - self._clock.monotonic()))

    def _join(self) -> None:
        with self._lock:
            tasks = list(self._tasks)
        for task in tasks:
            task.join()


def _less(patience: float, seconds: float) -> float:
    left = patience - seconds
    return left if left > _MOMENT else 0.0
