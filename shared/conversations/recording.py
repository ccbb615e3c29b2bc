"""What a conversation tells the product that keeps the history of it: its calls.

A call begins with the first turn that is said in it and ends when the conversation is ended, or
has been idle; what is said later is another call. META has `history`, which only the holder of the
conversation's mailbox writes:

    {call, began, last_at, answered}    a call is open: the ref of its record, times in
                                        milliseconds, whether the agent has said anything
    {last, end, ended_at}               the last call has ended: the refs of its two records
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.clock import Clock
from shared.conversations.items import turn_id
from shared.conversations.messages import Message, question
from shared.conversations.notices import Ended, Told
from shared.conversations.prompts import asker
from shared.mailbox.box import BoxKey, Job
from shared.mailbox.jobs import Queued
from shared.mailbox.records import (
    CALL,
    END,
    ESCALATED,
    SAID,
    Record,
    Records,
    record_box,
    record_ref,
)

History = Mapping[str, Any]

SOURCE = "external"
"""What the calls' records say of where they come from."""


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What is written with a turn or with the end of a call: META's `history`, and the records for
    the mailbox `box`, which is woken afterwards."""

    history: dict[str, Any]
    queued: Queued
    box: BoxKey


class Recording:
    """Makes records of what is said. `idle` is how long (ms) a conversation rests before its call
    counts as over."""

    def __init__(self, records: Records, clock: Clock, *, idle: int) -> None:
        self._records = records
        self._clock = clock
        self.idle = idle

    def follow(self, told: Told, job: Job, ended: Ended) -> None:
        """See `Follower`."""
        if ended.end is None:
            return
        numbered = enumerate(ended.said, start=ended.end - len(ended.said))
        first = (int(job.attrs["count"]), question(job))
        recorded = self.turn(job, [first, *numbered], escalated=ended.escalated)
        told.queued.append((recorded.queued, recorded.box))
        told.noted["history"] = recorded.history
        told.next_at = self._clock.now() + self.idle

    def turn(
        self, job: Job, said: Sequence[tuple[int, Message]], *, escalated: int | None = None
    ) -> Recorded:
        """The records of one turn, whose messages stand in the log at these numbers: the user's,
        and the agent's if there is one. `escalated`: see `Ended`."""
        history = dict(job.attrs.get("history", {}))
        records: list[Record] = []
        first = said[0][0]
        if "call" not in history:
            history = {"call": record_ref(first, CALL), "began": job.added_at}
            begins = {
                "conversation": job.key.id,
                "user": asker(job.payload),
                "agent": job.payload["agent"],
                "source": SOURCE,
                "began": job.added_at,
            }
            records.append(Record(history["call"], begins))
        for index, (number, message) in enumerate(said, start=int(job.attrs["messages"])):
            records.append(_said(job, history, number, index, message))
            if message.get("escalation"):
                records.append(_escalated(job, history, number))
        if escalated is not None:
            records.append(_escalated(job, history, escalated))
            records.sort(key=lambda record: record.ref)
        answered = any(message["role"] == "assistant" for _, message in said)
        if answered:
            history["answered"] = True
        # The clocks of two machines differ; time does not run backwards in a record.
        times = [int(message["at"]) for _, message in said]
        history["last_at"] = max(*times, int(history["began"]), int(history.get("last_at", 0)))
        return self._recorded(job.key, history, records)

    def end(self, conversation: BoxKey, history: History, count: int, now: int) -> Recorded | None:
        """The record of the end of the open call of a log of `count` messages; None: none is
        open."""
        call = history.get("call")
        if call is None:
            return None
        ref = record_ref(count, END)
        ends = {
            "call": call,
            "status": "connected" if history.get("answered") else "failed",
            "lasted_ms": int(history["last_at"]) - int(history["began"]),
            "ended_at": now,
        }
        closed = {"last": call, "end": ref, "ended_at": now}
        return self._recorded(conversation, closed, [Record(ref, ends)])

    def _recorded(
        self, conversation: BoxKey, history: dict[str, Any], records: Sequence[Record]
    ) -> Recorded:
        box = record_box(conversation)
        return Recorded(history=history, queued=self._records.queue(box, records), box=box)


def _escalated(job: Job, history: History, number: int) -> Record:
    payload = {
        "call": history["call"],
        "log": job.key.kind,
        "number": number,
        "user": asker(job.payload),
        "turn": turn_id(job.key.id, job.ref),
    }
    return Record(record_ref(number, ESCALATED), payload)


def _said(job: Job, history: History, number: int, index: int, message: Message) -> Record:
    began = int(history["began"])
    at = int(message["at"])
    asked = message["role"] == "user"
    start = max(0, (at if asked else job.added_at) - began)
    payload = {
        "call": history["call"],
        "log": job.key.kind,
        "number": number,
        "index": index,
        "start_ms": start,
        "end_ms": max(start, at - began),
        "user": asker(job.payload),
        "turn": turn_id(job.key.id, job.ref),
    }
    return Record(record_ref(number, SAID), payload)
