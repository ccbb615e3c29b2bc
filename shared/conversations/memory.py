"""What a turn remembers of its conversation."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

from shared.conversations.messages import Message, is_shown
from shared.mailbox.box import BoxKey
from shared.mailbox.jobs import message_key
from shared.runner.history import estimate_tokens, newest
from shared.storage.table import Table


@dataclass(frozen=True)
class Remembered:
    """The newest messages of a conversation that holds `count` messages."""

    count: int
    messages: tuple[Message, ...]


class Memory:
    """What a turn remembers: the newest messages that fit a budget of tokens.

    A warm worker keeps what it last saw of a conversation; as long as the number of messages is
    what it was, nothing is read.
    """

    def __init__(self, table: Table, *, budget: int, conversations: int = 64) -> None:
        self._table = table
        self._budget = budget
        self._size = conversations
        self._cache: OrderedDict[str, Remembered] = OrderedDict()
        self._lock = Lock()

    def recall(self, box: BoxKey, count: int) -> tuple[Message, ...]:
        """The messages before number `count`, oldest first."""
        with self._lock:
            cached = self._cache.get(box.pk)
        if cached is None or cached.count != count:
            cached = Remembered(count, self._read(box, count) if count else ())
            self._keep(box, cached)
        return cached.messages

    def add(self, box: BoxKey, count: int, messages: Sequence[Message]) -> None:
        """Note what this worker itself has written after message number `count`."""
        with self._lock:
            cached = self._cache.get(box.pk)
        if cached is None or cached.count != count:
            return
        kept = (*cached.messages, *messages)
        if messages and is_shown(messages[-1]):
            # Not in the middle of a turn, whose steps may yet have to give way to its answer.
            kept = newest(kept, self._budget)
        self._keep(box, Remembered(count + len(messages), kept))

    def _keep(self, box: BoxKey, remembered: Remembered) -> None:
        with self._lock:
            self._cache[box.pk] = remembered
            self._cache.move_to_end(box.pk)
            while len(self._cache) > self._size:
                self._cache.popitem(last=False)

    def _read(self, box: BoxKey, count: int) -> tuple[Message, ...]:
        found: list[Message] = []
        spent = 0
        cursor: str | None = message_key(box, count).sk
        asked = False
        # On to a question at least: without it, the answer to it would be left out too.
        while cursor is not None and (spent < self._budget or not asked):
            page = self._table.query(
                box.partition, prefix="MSG#", descending=True, limit=100, cursor=cursor
            )
            for item in page.items:
                found.append(item.body or {})
                spent += estimate_tokens(found[-1])
                asked = asked or found[-1]["role"] == "user"
            cursor = page.cursor
        return newest(found[::-1], self._budget)
