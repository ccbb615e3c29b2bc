"""The log of a conversation: read by people in pages, by turns within a budget."""

import base64
import binascii
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
from shared.storage.table import Item, Table

Message = Mapping[str, Any]
"""`{id, role: user|assistant, text, at, turn}`; `at` in milliseconds."""

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
        below = None if cursor is None else _number(cursor)
        found = [] if cursor else self._waiting(session.box)
        start = None if below is None else message_key(session.box, below).sk
        page = self._table.query(
            session.box.partition, prefix="MSG#", descending=True, limit=limit + 1, cursor=start
        )
        logged = [(_position(item), item.body or {}) for item in page.items]
        candidates = [*[(None, message) for message in found], *logged][: limit + 1]
        return self._fitting(candidates, limit, more=page.cursor is not None)

    def _fitting(
        self, candidates: Sequence[tuple[int | None, Message]], limit: int, *, more: bool
    ) -> Reply:
        items: list[Reply] = []
        size = 0
        last: int | None = None
        for position, message in candidates[:limit]:
            item = _wire(message)
            size += len(encode(item))
            if items and size > PAGE_BYTES:
                break
            items.append(item)
            last = position if position is not None else last
        rest = more or len(items) < len(candidates)
        if rest and last is None:  # only waiting messages fitted: the log begins next
            next_log = next((p for p, _ in candidates if p is not None), None)
            last = None if next_log is None else next_log + 1
        return messages_page(items, _cursor(last) if rest and last is not None else None)

    def _waiting(self, box: BoxKey) -> list[Message]:
        """The messages of turns that have not entered the log, the newest first."""
        head = self._table.get([box.item])[0]
        refs = Box.read(box, head).jobs if head else ()
        turns = self._table.get([box.job(ref) for ref in reversed(refs)]) if refs else []
        return [
            user_message(turn)
            for turn in turns
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


def _cursor(position: int) -> str:
    return base64.urlsafe_b64encode(f"m{position}".encode()).rstrip(b"=").decode()


def _number(cursor: str) -> int:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        number = int(text.removeprefix("m"))
    except (ValueError, binascii.Error) as fault:
        raise _unknown_cursor() from fault
    if text != f"m{number}" or not 0 <= number < 10**12:
        raise _unknown_cursor()
    return number


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
            cached = Remembered(count, self._read(box, count))
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
