"""The log of a conversation: what its messages are, and pages of them for people."""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from shared.conversations.items import turn_session
from shared.errors import ValidationError
from shared.mailbox.box import Box, BoxKey, Job
from shared.mailbox.jobs import message_key
from shared.protocol.events import encode, shortened
from shared.protocol.replies import Reply, message_item
from shared.storage.table import MAX_GET_KEYS, Item, Table

Message = Mapping[str, Any]
"""`{id, role, at, turn, …}`; `at` in milliseconds. By role:

    user        {text; images: [{file, media_type}], files: [names] of what came with it, as they
                are called in the workspace, and failed: [sentences] of what could not be had}
    assistant   the end of a turn: {text: the whole answer, said: the last reply's part of it,
                if that is less, stop_reason; or stopped: it is as far as the turn had come}; on
                the way to it: {content: the reply's blocks, said, usage}, which people are not
                shown
    tool        a result: {call, call_id, name, text, is_error, artifact: where all of it is}
"""

_NUMBER = re.compile(r"m(?:0|[1-9][0-9]{0,11})", re.ASCII)
_WAITING = re.compile(r"w[0-9a-f-]{36}", re.ASCII)

LOOK_BACK = 500
"""Messages among which one is looked for that entered the log between two pages: more than a full
queue and its replies."""

PAGE_BYTES = 96 * 1024
"""A page is one message to the client, which may have 128 KB."""

MAX_READS = 10
"""Reads for one page, where there are long stretches that people are not shown."""


@dataclass(frozen=True)
class MessagePage:
    """Messages, the newest first, and where the next page begins."""

    messages: list[Message]
    next_cursor: str | None


class Messages:
    """Pages of messages for people, the newest first."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def page(self, box: BoxKey, limit: int, cursor: str | None) -> MessagePage:
        """A page, as many messages as fit `PAGE_BYTES`, but one at least if there is one. The first
        page begins with what waits to be answered: such a message enters the log when its turn
        does. A page may be short, or empty, and yet have a next one.

        Raises:
            ValidationError: the cursor is none of ours.
        """
        found, below = self._beginning(box, cursor)
        logged, unread = self._logged(box, below, limit)
        # One that entered the log between the two reads stands in both.
        entered = {message["id"] for _, message in logged}
        waiting = [(None, message) for message in found if message["id"] not in entered]
        return _fitting([*waiting, *logged][: limit + 1], limit, unread)

    def _logged(
        self, box: BoxKey, below: int | None, limit: int
    ) -> tuple[list[tuple[int, Message]], int | None]:
        """At least one message more than `limit`, if there are so many, and above which number
        the reading ended, if it did not reach the beginning."""
        found: list[tuple[int, Message]] = []
        cursor = None if below is None else message_key(box, below).sk
        size = limit + 1
        for _ in range(MAX_READS):
            page = self._table.query(
                box.partition, prefix="MSG#", descending=True, limit=size, cursor=cursor
            )
            entries = [(_position(item), item.body or {}) for item in page.items]
            found += [entry for entry in entries if is_shown(entry[1])]
            if page.cursor is None or len(found) > limit:
                return found, None
            cursor, size = page.cursor, 200
        return found, int(str(cursor).removeprefix("MSG#"))

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

    def _waiting(self, box: BoxKey) -> list[Message]:
        """The messages of turns that have not entered the log, the newest first."""
        head = self._table.get([box.item])[0]
        jobs = Box.read(box, head).jobs if head else ()
        keys = [box.job(ref) for ref in reversed(jobs) if turn_session(ref)]
        reads = [keys[at : at + MAX_GET_KEYS] for at in range(0, len(keys), MAX_GET_KEYS)]
        return [
            user_message(turn)
            for read in reads
            for turn in self._table.get(read)
            if turn and turn.attrs.get("state") != "done" and "log_len" not in turn.attrs
        ]


def user_message(turn: Item) -> Message:
    """The user's message of a turn, as it will stand in the log."""
    return question(Job(BoxKey("", "", ""), turn.key.sk, turn.attrs, turn.body or {}))


def question(job: Job, *, hidden: bool = False) -> Message:
    """The user's message of a turn, as it will stand in the log. `hidden`: no later turn shows its
    pictures to a model; they are named in words."""
    brought = dict(job.body.get("brought", {}))
    if hidden and "images" in brought:
        brought["images"] = [{**image, "hidden": True} for image in brought["images"]]
    return {
        "id": job.payload["message_id"],
        "role": "user",
        "text": job.payload["message"],
        "at": job.added_at,
        "turn": job.ref,
        **brought,
    }


def is_shown(message: Message) -> bool:
    """Whether people see the message: not the steps between a question and its answer."""
    return message["role"] != "tool" and "text" in message


def wire_message(message: Message) -> Reply:
    """A message as clients see it."""
    direction: Literal["inbound", "outbound"] = (
        "inbound" if message["role"] == "user" else "outbound"
    )
    text = shortened(str(message["text"]), PAGE_BYTES)
    return message_item(message["id"], direction, text, created_at=message["at"])


def _fitting(
    candidates: Sequence[tuple[int | None, Message]], limit: int, unread: int | None
) -> MessagePage:
    """As much of the candidates as fits; `unread` is where the reading ended, if it did."""
    fitting: list[Message] = []
    size = 0
    for _, message in candidates[:limit]:
        size += len(encode(wire_message(message)))
        if fitting and size > PAGE_BYTES:
            break
        fitting.append(message)
    if len(fitting) == len(candidates):
        return MessagePage(fitting, None if unread is None else _cursor(unread))
    position, last = candidates[len(fitting) - 1]
    return MessagePage(fitting, _cursor(last["id"] if position is None else position))


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
