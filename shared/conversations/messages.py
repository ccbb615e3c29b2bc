"""The log of a conversation: read by people in pages, by turns within a budget."""

import base64
import binascii
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, Literal

from shared.conversations.items import Session
from shared.errors import ValidationError
from shared.mailbox.box import Box, BoxKey
from shared.mailbox.jobs import message_key
from shared.protocol.events import encode, shortened
from shared.protocol.replies import Reply, message_item, messages_page
from shared.storage.table import MAX_GET_KEYS, Item, Table

Message = Mapping[str, Any]
"""`{id, role: user|assistant, text, at, turn}`; `at` in milliseconds."""

_NUMBER = re.compile(r"m(?:0|[1-9][0-9]{0,11})", re.ASCII)
_WAITING = re.compile(r"w[0-9a-f-]{36}", re.ASCII)

LOOK_BACK = 500
"""Messages among which one is looked for that entered the log between two pages: more than a full
queue and its replies."""

PAGE_BYTES = 96 * 1024
"""A page is one message to the client, which may have 128 KB."""


def estimate_tokens(text: str) -> int:
    """A cautious guess: four bytes of UTF-8 a token, and a little for the message itself."""
    return len(text.encode()) // 4 + 8


class Messages:
    """Pages of messages for people, the newest first."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def page(self, session: Session, limit: int, cursor: str | None) -> Reply:
        """A page, with its cursor for the next. The first begins with what waits to be answered:
        such a message enters the log when its turn does.

        Raises:
            ValidationError: the cursor is none of ours.
        """
        found, below = self._beginning(session.box, cursor)
        start = None if below is None else message_key(session.box, below).sk
        page = self._table.query(
            session.box.partition, prefix="MSG#", descending=True, limit=limit + 1, cursor=start
        )
        logged = [(_position(item), item.body or {}) for item in page.items]
        # One that entered the log between the two reads stands in both.
        entered = {message["id"] for _, message in logged}
        waiting = [(None, message) for message in found if message["id"] not in entered]
        candidates = [*waiting, *logged][: limit + 1]
        return self._fitting(candidates, limit, more=page.cursor is not None)

    def _beginning(self, box: BoxKey, cursor: str | None) -> tuple[list[Message], int | None]:
        """Where a page begins: the waiting messages for it, and below which number of the log."""
        if cursor is None:
            return self._waiting(box), None
        after = _read_cursor(cursor)
        if isinstance(after, int):
            return [], after
        waiting = self._waiting(box)
        ids = [message["id"] for message in waiting]
        if after in ids:
            return waiting[ids.index(after) + 1 :], None
        # It has left the queue meanwhile, for the log unless it was stopped.
        newest = self._table.query(box.partition, prefix="MSG#", descending=True, limit=LOOK_BACK)
        below = (_position(item) for item in newest.items if (item.body or {})["id"] == after)
        return [message for message in waiting if message["id"] < after], next(below, None)

    def _fitting(
        self, candidates: Sequence[tuple[int | None, Message]], limit: int, *, more: bool
    ) -> Reply:
        items: list[Reply] = []
        size = 0
        for _, message in candidates[:limit]:
            item = _wire(message)
            size += len(encode(item))
            if items and size > PAGE_BYTES:
                break
            items.append(item)
        if not more and len(items) == len(candidates):
            return messages_page(items, None)
        position, last = candidates[len(items) - 1]
        return messages_page(items, _cursor(last["id"] if position is None else position))

    def _waiting(self, box: BoxKey) -> list[Message]:
        """The messages of turns that have not entered the log, the newest first."""
        head = self._table.get([box.item])[0]
        keys = [box.job(ref) for ref in reversed(Box.read(box, head).jobs if head else ())]
        reads = [keys[at : at + MAX_GET_KEYS] for at in range(0, len(keys), MAX_GET_KEYS)]
        return [
            user_message(turn)
            for read in reads
            for turn in self._table.get(read)
            if turn and turn.attrs.get("state") != "done" and "log_len" not in turn.attrs
        ]


def user_message(turn: Item) -> Message:
    """The user's message of a turn, as it will stand in the log."""
    payload = (turn.body or {})["payload"]
    return {
        "id": payload["message_id"],
        "role": "user",
        "text": payload["message"],
        "at": turn.attrs["added_at"],
        "turn": turn.key.sk,
    }


def _wire(message: Message) -> Reply:
    direction: Literal["inbound", "outbound"] = (
        "inbound" if message["role"] == "user" else "outbound"
    )
    text = str(message["text"])
    text = shortened(text, PAGE_BYTES)
    return message_item(message["id"], direction, text, created_at=message["at"])


def _position(item: Item) -> int:
    return int(item.key.sk.removeprefix("MSG#"))


def _cursor(last: int | str) -> str:
    """What follows the message with this number of the log, or the waiting one with this id."""
    text = f"m{last}" if isinstance(last, int) else f"w{last}"
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _read_cursor(cursor: str) -> int | str:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except (ValueError, binascii.Error) as fault:
        raise _unknown_cursor() from fault
    if _NUMBER.fullmatch(text):
        return int(text[1:])
    if _WAITING.fullmatch(text):
        return text[1:]
    raise _unknown_cursor()


def _unknown_cursor() -> ValidationError:
    return ValidationError("The cursor is not one of this list. Use `nextCursor` as it came.")


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
        kept = self._newest([*cached.messages, *messages])
        self._keep(box, Remembered(count + len(messages), kept))

    def _keep(self, box: BoxKey, remembered: Remembered) -> None:
        with self._lock:
            self._cache[box.pk] = remembered
            self._cache.move_to_end(box.pk)
            while len(self._cache) > self._size:
                self._cache.popitem(last=False)

    def _read(self, box: BoxKey, count: int) -> tuple[Message, ...]:
        newest: list[Message] = []
        spent = 0
        cursor: str | None = message_key(box, count).sk
        while cursor is not None and spent < self._budget:
            page = self._table.query(
                box.partition, prefix="MSG#", descending=True, limit=100, cursor=cursor
            )
            for item in page.items:
                newest.append(item.body or {})
                spent += estimate_tokens(str(newest[-1].get("text", "")))
            cursor = page.cursor
        return self._newest(newest[::-1])

    def _newest(self, messages: Sequence[Message]) -> tuple[Message, ...]:
        """The longest end of the messages that fits the budget."""
        spent = 0
        start = len(messages)
        while start > 0:
            spent += estimate_tokens(str(messages[start - 1].get("text", "")))
            if spent > self._budget:
                break
            start -= 1
        return tuple(messages[start:])
