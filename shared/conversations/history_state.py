"""How the history of a conversation stands with whoever keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from shared.clock import Clock
from shared.conversations.closing import is_end
from shared.conversations.items import meta_key
from shared.mailbox.box import Box, BoxKey
from shared.mailbox.records import count_key, record_box
from shared.storage.table import Item, Table


@dataclass(frozen=True, kw_only=True)
class HistoryState:
    """`complete`: whether everything that was said has arrived there. It is None while the call is
    open, and for a while after it has ended. `waiting` counts the records that are to be sent, and
    `behind` says that there are more than are counted; `missing` counts those of all its calls
    that were given up. `ended_at` is in milliseconds, `call_id` the other side's name for the last
    call."""

    state: Literal["open", "ending", "ended"]
    complete: bool | None
    waiting: int
    behind: bool
    missing: int
    call_id: str | None = None
    ended_at: int | None = None


class Histories:
    """Reads it. `drain` is for how long (ms) after the end the rest may be on its way."""

    def __init__(self, table: Table, clock: Clock, *, drain: int) -> None:
        self._table = table
        self._clock = clock
        self._drain = drain

    def of(self, conversation: BoxKey) -> HistoryState | None:
        """None: nobody keeps the history of this conversation."""
        records = record_box(conversation)
        keys = [meta_key(conversation), conversation.item, records.item, count_key(records)]
        meta, head, waiting, count = self._table.get(keys)
        missing = int(count.attrs["missing"]) if count else 0
        history: Mapping[str, Any] = meta.attrs.get("history", {}) if meta else {}
        if not history:
            return None
        call, end = history.get("call") or history["last"], history.get("end")
        items = self._table.get([records.job(ref) for ref in (call, end) if ref])
        box = Box.read(records, waiting or Item(records.item))
        jobs = Box.read(conversation, head).jobs if head else ()
        return self._state(history, box, items, missing, ending=any(map(is_end, jobs)))

    def _state(
        self,
        history: Mapping[str, Any],
        box: Box,
        items: list[Item | None],
        missing: int,
        *,
        ending: bool,
    ) -> HistoryState:
        call, *ends = (item.attrs if item else {} for item in items)
        given_up = bool(ends) and ends[0].get("outcome") == "dead"
        ended_at = history.get("ended_at")
        done = bool(ends) and ends[0].get("outcome") == "completed"
        complete: bool | None = None
        if done:
            complete = missing == 0
        elif ended_at is not None and self._clock.now() - ended_at > self._drain:
            complete = False
        state: Literal["open", "ending", "ended"] = "open"
        if ended_at is not None:
            state = "ended" if done or given_up else "ending"
        elif ending:
            state = "ending"
        return HistoryState(
            state=state,
            complete=complete,
            waiting=len(box.jobs),
            behind=box.unlisted,
            missing=missing,
            call_id=call.get("call_id"),
            ended_at=ended_at,
        )
