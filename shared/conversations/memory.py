"""What a turn remembers of its conversation: the newest messages, and a summary of those before.

META has `weight`, the estimated tokens of the whole log, and with a summary `summary`, the number
of the first message that is not in it, and `summary_weight`, the tokens of those that are. The
item SUMMARY has `upto`, the same number, and the text. Both are written together
(`summarising.py`), and nothing of the log is ever removed for them.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from types import MappingProxyType
from typing import Any

from shared.conversations.messages import Message, is_shown
from shared.mailbox.box import BoxKey
from shared.mailbox.jobs import message_key
from shared.runner.history import estimate_tokens, newest
from shared.storage.table import Key, Page, Table

FIRST_PAGE = 100
"""Messages of the first page, where nothing tells how large they are."""

SMALLEST_PAGE = 20
LARGEST_PAGE = 1000

UNKNOWN: Mapping[str, Any] = MappingProxyType({})


def summary_key(box: BoxKey) -> Key:
    """The summary of a conversation."""
    return Key(box.partition, "SUMMARY")


@dataclass(frozen=True)
class Remembered:
    """Of a conversation that holds `count` messages: the newest of them from number `upto` on, and
    the `summary` of those before it, if there is one."""

    count: int
    messages: tuple[Message, ...]
    upto: int = 0
    summary: str | None = None


class Memory:
    """What a turn remembers: the newest messages that fit a budget of tokens, and the summary.

    A warm worker keeps what it last saw of a conversation; as long as the number of messages and
    the summary are what they were, nothing is read.
    """

    def __init__(self, table: Table, *, budget: int, conversations: int = 64) -> None:
        self._table = table
        self._budget = budget
        self._size = conversations
        self._cache: OrderedDict[str, Remembered] = OrderedDict()
        self._lock = Lock()

    def recall(self, box: BoxKey, count: int, meta: Mapping[str, Any] = UNKNOWN) -> Remembered:
        """The messages before number `count`, oldest first, and what was before them. `meta` are
        the attributes of META, read at the same time as `count`."""
        with self._lock:
            cached = self._cache.get(box.pk)
        upto = int(meta.get("summary", 0))
        if cached is None or cached.count != count or cached.upto < upto:
            cached = self._read(box, count, meta)
            self._keep(box, cached)
        return cached

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
        count += len(messages)
        self._keep(box, Remembered(count, kept, cached.upto, cached.summary))

    def _keep(self, box: BoxKey, remembered: Remembered) -> None:
        with self._lock:
            self._cache[box.pk] = remembered
            self._cache.move_to_end(box.pk)
            while len(self._cache) > self._size:
                self._cache.popitem(last=False)

    def _read(self, box: BoxKey, count: int, meta: Mapping[str, Any]) -> Remembered:
        upto, summary = 0, None
        if "summary" in meta:
            # It may be a newer one than META said.
            item = self._table.get([summary_key(box)])[0]
            if item is not None:
                upto, summary = int(item.attrs["upto"]), str((item.body or {})["text"])
        size = page_size(meta, count, self._budget)
        found: list[Message] = []
        spent = 0
        asked = False
        for page in newest_first(self._table, box, count, upto, size):
            found += page
            spent += sum(map(estimate_tokens, page))
            asked = asked or any(message["role"] == "user" for message in page)
            # On to a question at least: without it, the answer to it would be left out too.
            if spent >= self._budget and asked:
                break
        return Remembered(count, newest(found[::-1], self._budget), upto, summary)


def page_size(meta: Mapping[str, Any], count: int, budget: int) -> int:
    """How many messages, probably, fill a budget of tokens: so large is the first page that is
    read of them."""
    messages = count - int(meta.get("summary", 0))
    weight = int(meta.get("weight", 0)) - int(meta.get("summary_weight", 0))
    if messages <= 0 or weight <= 0:
        return FIRST_PAGE
    return min(max(budget * messages // weight + 1, SMALLEST_PAGE), LARGEST_PAGE)


def newest_first(
    table: Table, box: BoxKey, below: int, down_to: int, size: int
) -> Iterator[list[Message]]:
    """Pages of the messages before number `below`, the newest first, on to number `down_to`. The
    first page has so many, each further one twice as many: few reads for many small messages, and
    few bytes too many of large ones."""
    left = below - down_to
    cursor: str | None = message_key(box, below).sk
    while cursor is not None and left > 0:
        page = table.query(
            box.partition, prefix="MSG#", descending=True, limit=min(size, left), cursor=cursor
        )
        yield _messages(page)
        left -= len(page.items)
        cursor, size = page.cursor, min(2 * size, LARGEST_PAGE)


def oldest_first(
    table: Table, box: BoxKey, start: int, below: int, size: int
) -> Iterator[list[Message]]:
    """The same from number `start` on to the one before `below`."""
    left = below - start
    # A cursor is the last key before the page.
    cursor: str | None = message_key(box, start - 1).sk if start else "MSG#"
    while cursor is not None and left > 0:
        page = table.query(box.partition, prefix="MSG#", limit=min(size, left), cursor=cursor)
        yield _messages(page)
        left -= len(page.items)
        cursor, size = page.cursor, min(2 * size, LARGEST_PAGE)


def _messages(page: Page) -> list[Message]:
    return [item.body or {} for item in page.items]
