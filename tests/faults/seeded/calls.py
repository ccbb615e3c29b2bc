"""One call of a conversation, as it should be with the historian, and as it is."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from shared.backends.control_plane import CallRecord, Finalized, TranscriptSegment
from shared.conversations.items import turn_id
from shared.mailbox.box import BoxKey
from tests.faults.seeded.historian import Body, Call, Told
from tests.faults.seeded.records import COMPLETED, DEAD, Entry, Record

if TYPE_CHECKING:
    from tests.faults.seeded.histories import Histories


def kept_calls(histories: "Histories", box: BoxKey, entries: Sequence[Entry]) -> "list[Kept]":
    """The calls of a conversation with these messages: each begins with its record."""
    found: list[list[Record]] = []
    for record in histories.records[box.id].values():
        if record.is_call or not found:
            found.append([])
        found[-1].append(record)
    return [Kept(histories, box, records, entries) for records in found]


class Kept:
    """`records` are all of the call, `entries` the messages of the log that belong to it."""

    def __init__(
        self,
        histories: "Histories",
        box: BoxKey,
        records: Sequence[Record],
        entries: Sequence[Entry],
    ) -> None:
        self._audit = histories.audit
        self._historian = histories.historian
        self._box = box
        self._begin = records[0]
        self.records = records
        self.ref = self._begin.ref
        self.name = f"{box.id}-{self._begin.number}"
        mine = {record.ref for record in records}
        self._indexed = {at: each for at, each in enumerate(entries) if each.ref in mine}
        self.entries = list(self._indexed.values())
        self.end = records[-1] if records[-1].is_end else None
        self.owner = histories.audit.owner(box.id)
        self.copies = [
            call for call in self._historian.calls.values() if call.record.id == self.name
        ]
        """More than one only with a historian that knows no keys."""

    @property
    def noted_id(self) -> str | None:
        """The historian's name for the call, as it was noted."""
        return self._begin.item.attrs.get("call_id")

    @property
    def last_written(self) -> float:
        """When the last that was said entered the log."""
        return max((record.written for record in self.records if record.is_said), default=0.0)

    @property
    def missing(self) -> int:
        return sum(record.state == DEAD for record in self.records)

    @property
    def main(self) -> Call | None:
        """The copy that everything is told to."""
        return next((call for call in self.copies if call.id == self.noted_id), None)

    def all(self) -> Iterator[str]:
        words = [record.word for record in self.records]
        said = ["transcript"] * len(self.entries)
        if words != ["call_record", *said, *(["finalize"] if self.end else [])] or not said:
            yield f"{self.name}: is recorded as {[record.ref for record in self.records]}"
            return
        if self.entries[0].number != self._begin.number:
            yield f"{self.name}: begins with message {self.entries[0].number}"
        if (self._begin.state == COMPLETED) != (self.main is not None):
            yield f"{self.name}: {self._begin.state}, known as {self.noted_id}"
        if self._historian.honours_keys and len(self.copies) > 1:
            yield f"{self.name}: was begun {len(self.copies)} times"
        for copy in self.copies:
            for told in copy.told:
                yield from self._true(copy, told)
        for record in self.records:
            yield from self._has(record)

    def _has(self, record: Record) -> Iterator[str]:
        """The historian has what was delivered, once, and not what was given up."""
        everywhere = [
            told for copy in self.copies for told in copy.told if told.request.key == record.key
        ]
        if record.state == COMPLETED:
            times = sum(told.call is self.main for told in everywhere)
            if times == 0 or (self._historian.honours_keys and len(everywhere) > 1):
                yield f"{self.name} {record.ref}: delivered, is there {times} times"
            return
        heard = [told for told in everywhere if not self._unheard(told)]
        if heard:
            yield f"{self.name} {record.ref}: given up, and is there since {heard[0].at}"

    def _unheard(self, told: Told) -> bool:
        """Whether its sender may not know that it has been done."""
        request, troubles = told.request, self._audit.world.chaos.troubles
        return request.answered is None or troubles[request.process] > request.troubles

    def _true(self, copy: Call, told: Told) -> Iterator[str]:
        """What the historian was told is what is so."""
        true = self._bodies(copy).get(told.request.key)
        if told.body != true:
            yield f"{told.request.key}: told {told.body}, is {true}"

    def _missing_at_end(self) -> int:
        """How many had been given up when the end was first told of: a repeat says the same. The
        record of the call itself comes with the end."""
        assert self.end is not None
        tries = [r.at for r in self._historian.requests if r.key == self.end.key]
        deaths = [at for at, state in self.end.course if state == DEAD]
        first = min([*tries, *deaths], default=0.0)
        return sum(record.missing(first) for record in self.records if record.is_said)

    def _bodies(self, copy: Call) -> dict[str, Body]:
        """What is to be told of the call, by key."""
        first = self._audit.jobs[self.entries[0].turn]
        began, tenant = first.added_at, self._box.tenant
        bodies: dict[str, Body] = {
            self._begin.key: CallRecord(
                id=self.name,
                tenant=tenant,
                conversation=self._box.id,
                user=self.owner,
                agent=first.payload["agent"],
                source="external",
                started_at=began,
            )
        }
        said = [record for record in self.records if record.is_said]
        for record, (index, entry) in zip(said, self._indexed.items(), strict=True):
            message, job = entry.message, self._audit.jobs[entry.turn]
            start = max(0, job.added_at - began)
            bodies[record.key] = TranscriptSegment(
                tenant=tenant,
                call=copy.id,
                index=index,
                user=self.owner,
                speaker="human" if message["role"] == "user" else "ai",
                content=message["text"],
                start_ms=start,
                end_ms=max(start, message["at"] - began),
                message_id=message["id"],
                turn_id=turn_id(self._box.id, job.ref),
                stopped=bool(message.get("stopped", False)),
            )
        if self.end is not None:
            last = max(entry.message["at"] for entry in self.entries)
            answered = any(entry.message["role"] == "assistant" for entry in self.entries)
            bodies[self.end.key] = Finalized(
                tenant=tenant,
                call=copy.id,
                status="connected" if answered else "failed",
                duration_seconds=(last - began) / 1000,
                ended_at=self.end.payload["ended_at"],
                missing=self._missing_at_end(),
            )
        return bodies
