"""The connections of one turn, and what is on its way to them.

Each connection has an outbox and a background task that posts from it, so a slow one delays
nobody else. A connection that is gone is left out; one that takes no more after patient retries,
stays too far behind, or has not got everything when the time for closing is over, is closed,
because a hole in the text would be worse than a reconnect.
"""

import logging
from collections.abc import Callable, Sequence
from threading import Lock
from typing import NamedTuple

from shared.clock import Clock, Task
from shared.conversations.outbox import GROWTH, Outbox, Part, Whole
from shared.conversations.poster import Poster
from shared.conversations.sender import Line, Sender, Signal, Wait

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


class Senders:
    """What one turn sends, on its way to some connections. Any thread may end it."""

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
        self._start = start
        self._buffer, self._keepalive = buffer, keepalive
        self._senders: list[Sender] = []
        self._patience: dict[Sender, float] = {}
        self._sending: list[Task] = []
        self._closers: list[Task] = []
        # At once, not with the first word: a model that thinks first is a silence too.
        for name in connections:
            self._open(self._outbox(name))

    @property
    def connections(self) -> Sequence[str]:
        """All to whom it was opened, the gone ones too."""
        with self._lock:
            return [sender.outbox.connection for sender in self._senders]

    @property
    def gone(self) -> Sequence[str]:
        """The connections that were closed, by themselves or from here."""
        return self._line.gone

    @property
    def expired(self) -> Sequence[str]:
        """The connections that were told to authenticate, and heard nothing since."""
        return self._line.expired

    def _last(self, data: bytes) -> None:
        """Send this behind all else, though an outbox be full."""
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

    def flush(self, seconds: float) -> None:
        """Say nothing more, and give what is on its way so many seconds."""
        with self._lock:
            self._end()
        self._await(self._clock.monotonic() + seconds)

    def abandon(self) -> None:
        """Send nothing more; returns when a post under way has ended."""
        with self._lock:
            for sender in self._senders:
                sender.outbox.drop()
            self._end()
        # Whoever has a hole in the text is still being closed.
        self._join()

    # -- for whoever speaks ---------------------------------------------------------------

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
        self._closers += [self._clock.spawn(sender.shut, "close connection") for sender in late]

    def _end(self) -> None:
        self._closing = True
        self._room.set()
        for sender in self._senders:
            sender.wake(closing=True)

    def _hears(self, sender: Sender, connection: str) -> bool:
        outbox = sender.outbox
        return outbox.connection == connection and not (sender.ended or outbox.given_up)

    def _outbox(self, connection: str) -> Outbox:
        return Outbox(connection, self._buffer, self._start, self._keepalive)

    def _open(self, outbox: Outbox) -> None:
        sender = Sender(self._line, outbox)
        self._senders.append(sender)
        self._patience[sender] = PATIENCE
        self._sending.append(self._clock.spawn(sender.run, "stream"))

    # -------------------------------------------------------------------------------------

    def _await(self, deadline: float) -> None:
        """Return when all senders have ended, or then."""
        for task in list(self._sending):
            task.join(max(0.0, deadline - self._clock.monotonic()))

    def _join(self) -> None:
        with self._lock:
            tasks = [*self._sending, *self._closers]
        for task in tasks:
            task.join()


def _less(patience: float, seconds: float) -> float:
    left = patience - seconds
    return left if left > _MOMENT else 0.0
