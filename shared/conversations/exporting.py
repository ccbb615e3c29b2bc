"""Exporting a conversation: everything that was said and done in it, as lines of JSON.

The first line of the first page is the conversation; each further one is a message of the log, the
oldest first, with the steps between a question and its answer. FORMAT says which version of this
they are written in.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.conversations.items import begun_key, turn_id
from shared.conversations.listing import title_of
from shared.conversations.messages import Message
from shared.errors import ServiceUnavailable, ValidationError
from shared.mailbox.box import BoxKey
from shared.mailbox.jobs import message_key
from shared.protocol.replies import iso_time
from shared.runner.knowledge import NOT_REPEATED, SEARCH
from shared.storage.artifacts import Artifacts, ArtifactsUnavailable
from shared.storage.table import MAX_GET_KEYS, Item, Table
from shared.tools.workspace import conversation_folder

FORMAT = "parley-conversation"
VERSION = 1

PAGE_BYTES = 1024 * 1024
"""What the lines of a page have, unless it is a single one."""

READ = 100
MAX_RESOLVED = 512 * 1024
"""Bytes of a long result that stands in its line; a longer one is named there."""

_NUMBER = re.compile(r"0|[1-9][0-9]{0,11}", re.ASCII)

_FIELDS = (
    *("role", "text", "said", "content", "stop_reason", "stopped", "asks", "attachments"),
    *("call", "call_id", "name", "is_error", "citations", "directive", "escalation"),
)
"""What of a message is exported as it is kept."""


@dataclass(frozen=True)
class ExportPage:
    """Lines, and where the next page begins."""

    lines: Sequence[str]
    next_cursor: str | None


class Exports:
    """Writes the pages."""

    def __init__(self, table: Table, artifacts: Artifacts) -> None:
        self._table = table
        self._artifacts = artifacts

    def page(self, box: BoxKey, meta: Item, cursor: str | None) -> ExportPage:
        """A page of a conversation that the caller may read, of which META is this.

        Raises:
            ValidationError: the cursor is none of ours.
            ServiceUnavailable: a file cannot be read now.
        """
        lines: list[str] = []
        shared = bool(meta.attrs.get("shared"))
        below: str | None = None
        if cursor is None:
            lines.append(_line(self._conversation(box, meta)))
        else:
            below = message_key(box, _read_cursor(cursor)).sk
        size = sum(len(line.encode()) for line in lines)
        page = self._table.query(box.partition, prefix="MSG#", limit=READ, cursor=below)
        turns = self._turns(box, [item.body or {} for item in page.items])
        last: int | None = None
        for item in page.items:
            number = int(item.key.sk.removeprefix("MSG#"))
            message = _unread(item.body or {}) if shared else item.body or {}
            line = _line(self._message(box, number, message, turns))
            size += len(line.encode())
            if last is not None and size > PAGE_BYTES:
                return ExportPage(lines, _cursor(last))
            lines.append(line)
            last = number
        following = None if page.cursor is None or last is None else _cursor(last)
        return ExportPage(lines, following)

    def _conversation(self, box: BoxKey, meta: Item) -> dict[str, Any]:
        attrs = meta.attrs
        begun = self._table.get([begun_key(box)])[0] if attrs.get("begun") else None
        updated = attrs.get("listed_at")
        return {
            "type": "conversation",
            "format": FORMAT,
            "version": VERSION,
            "conversation_id": box.id,
            "title": title_of(meta),
            "agent_id": attrs["agent"],
            "user": attrs["owner"],
            "shared": bool(attrs.get("shared", False)),
            "created_at": iso_time(int(attrs["created_at"])),
            "updated_at": None if updated is None else iso_time(int(updated)),
            "began_with": dict(begun.body or {}) if begun else {},
        }

    def _turns(self, box: BoxKey, messages: Sequence[Message]) -> Mapping[str, Item]:
        """The turns of the answers among them: what they have used stands there."""
        refs = {str(each["turn"]) for each in messages if _ends(each)}
        keys = [box.job(ref) for ref in sorted(refs)]
        reads = [keys[at : at + MAX_GET_KEYS] for at in range(0, len(keys), MAX_GET_KEYS)]
        found = [item for read in reads for item in self._table.get(read) if item]
        return {item.key.sk: item for item in found}

    def _message(
        self, box: BoxKey, number: int, message: Message, turns: Mapping[str, Item]
    ) -> dict[str, Any]:
        line: dict[str, Any] = {
            "type": "message",
            "number": number,
            "id": message["id"],
            "created_at": iso_time(int(message["at"])),
            "turn_id": turn_id(box.id, str(message["turn"])),
        }
        line |= {name: message[name] for name in _FIELDS if name in message}
        turn = turns.get(str(message["turn"])) if _ends(message) else None
        if turn is not None:
            line["usage"] = (turn.body or {}).get("result", {}).get("usage")
        if message.get("artifact"):
            line |= self._result(box, str(message["artifact"]))
        return line

    def _result(self, box: BoxKey, name: str) -> dict[str, Any]:
        """A long result: all of it, or else the name of its file in the conversation's folder."""
        folder = conversation_folder(box.tenant, box.id)
        if not name.startswith(folder):
            return {}
        named = {"file": name.removeprefix(folder)}
        try:
            data = self._artifacts.get(name)
        except ArtifactsUnavailable as fault:
            raise ServiceUnavailable from fault
        if data is None or len(data) > MAX_RESOLVED:
            return named
        return {**named, "full_text": data.decode("utf-8", "replace")}


def _unread(message: Message) -> Message:
    """A message of several people without what one of them could look up: another one may not."""
    kept = {**message}
    if message["role"] == "tool" and message.get("name") == SEARCH:
        kept = {name: value for name, value in kept.items() if name != "artifact"}
        kept["text"] = NOT_REPEATED
    if "citations" in message:
        kept["citations"] = [
            {name: value for name, value in each.items() if name != "snippet"}
            for each in message["citations"]
        ]
    return kept


def _ends(message: Message) -> bool:
    """Whether it is the end of a turn."""
    return message["role"] == "assistant" and "text" in message


def _line(entry: Mapping[str, Any]) -> str:
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":")) + "\n"


def _cursor(last: int) -> str:
    return base64.urlsafe_b64encode(f"x{last}".encode()).rstrip(b"=").decode()


def _read_cursor(cursor: str) -> int:
    """The number of the message after which it goes on."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except (ValueError, binascii.Error) as fault:
        raise _unknown() from fault
    number = text.removeprefix("x")
    if text == number or not _NUMBER.fullmatch(number):
        raise _unknown()
    return int(number)


def _unknown() -> ValidationError:
    return ValidationError(
        "cursor: is none of this export. Take it from the Link of the page before.",
        details={"field": "cursor"},
    )
