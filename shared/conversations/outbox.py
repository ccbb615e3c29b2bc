"""What one connection is still to be sent, in order, and when something is due for it.

No lock and no clock of its own: whoever uses it has both. Times are those of the monotonic clock.
"""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from shared.protocol.events import Event, encode

MAX_PIECE = 10_000
"""Characters of text in one event, where it stands twice. Escaped, one may take six bytes."""

MAX_HELD = 256 * 1024
"""Characters of text, or bytes of other events, that usually wait for one connection at most."""

GROWTH = 4
"""How many times the usual room a connection that goes on taking posts may need."""


class Text(NamedTuple):
    """A piece of text that the next one of its kind may be added to. `kind` builds its event."""

    kind: Callable[..., Event]
    text: str

    @property
    def size(self) -> int:
        return len(self.text)

    def encoded(self, request_id: str, at: int) -> bytes:
        return encode(self.kind(request_id, self.text, at=at))


class Whole(NamedTuple):
    """An event that goes out as it is."""

    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    def encoded(self, request_id: str, at: int) -> bytes:
        del request_id, at
        return self.data


Part = Text | Whole


class Outbox:
    """The parts that wait for one connection, each an event; usually at most `limit` of them."""

    def __init__(self, connection: str, limit: int, start: float, keepalive: float) -> None:
        """Nothing is due before `start`; a keepalive after so many seconds of silence."""
        self.connection = connection
        self.unsent: bytes | None = None
        """What was taken out and is not there yet; goes before all that waits."""
        self.failures = 0
        """In a row."""
        self.taken = 0
        """Posts that have arrived."""
        self.given_up = False
        self._start = start
        self._stuck_since: float | None = None
        self._limit = limit
        self._parts: deque[Part] = deque()
        self._held = 0
        self._ready = start
        self._gathering = start
        self._silence = keepalive
        self._silent = start + keepalive

    @property
    def is_done(self) -> bool:
        """Whether nothing waits for it, nor is on its way."""
        return not self.left

    @property
    def left(self) -> int:
        """Events that wait for it, or are on their way."""
        return len(self._parts) + (self.unsent is not None)

    @property
    def is_behind(self) -> bool:
        """Whether more than half of the usual room is taken."""
        return len(self._parts) > self._limit // 2 or self._held > MAX_HELD // 2

    def stuck_since(self, now: float) -> float:
        """Since when it takes nothing though more should go in; to be asked when that is so."""
        if self._stuck_since is None:
            self._stuck_since = max(now, self._start)
        return self._stuck_since

    def has_room(self, part: Part, share: int = 1) -> bool:
        """Whether it may be added, with so many times the usual room."""
        events = len(self._parts) + (self._merged(part) is None)
        return events <= self._limit * share and self._held + part.size <= MAX_HELD * share

    def add(self, part: Part) -> None:
        """Nothing, if it was given up."""
        if self.given_up:
            return
        self._held += part.size
        if (merged := self._merged(part)) is not None:
            self._parts[-1] = merged
        else:
            self._parts.append(part)

    def take(self) -> Part | None:
        """The next part, no more in here; None if nothing waits."""
        if not self._parts:
            return None
        part = self._parts.popleft()
        self._held -= part.size
        return part

    def drop(self) -> None:
        """Forget all that waits."""
        self._parts.clear()
        self._held, self.unsent = 0, None

    def give_up(self) -> None:
        """Nothing more is for it: it is to be closed."""
        self.drop()
        self.given_up = True

    def due(self, *, closing: bool) -> float:
        """When something is to be done for it; a keepalive, if it is done.

        What may still grow waits for the window after the last post, unless the stream closes.
        """
        if self.is_done:
            return self._silent
        if closing or self.unsent is not None or not self._grows():
            return self._ready
        return max(self._ready, self._gathering)

    def posted(self, began: float, window: float) -> None:
        """What was sent at `began` has arrived."""
        self.unsent, self.failures, self._stuck_since = None, 0, None
        self.taken += 1
        self._ready, self._gathering = began, began + window
        self._silent = began + self._silence

    def failed(self, began: float, until: float) -> None:
        """What was sent at `began` has not arrived; it is not to be tried before `until`. Nobody
        misses a keepalive: that is not tried again."""
        if self.unsent is None:
            self._silent = began + self._silence
        else:
            self.failures += 1
            self._ready = until

    def _grows(self) -> bool:
        """Whether the next part may be more by what is still to come."""
        first = self._parts[0]
        return len(self._parts) == 1 and isinstance(first, Text) and first.size < MAX_PIECE

    def _merged(self, part: Part) -> Text | None:
        """The last part and this one as one event, if they can be one."""
        last = self._parts[-1] if self._parts else None
        if not isinstance(last, Text) or not isinstance(part, Text) or last.kind != part.kind:
            return None
        return (
            Text(part.kind, last.text + part.text) if last.size + part.size <= MAX_PIECE else None
        )
