"""The promises about histories that somebody else keeps, checked after a run: by what the historian
has, what the log says, and what is noted of the records."""

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from shared.conversations.history_state import Histories as States
from shared.conversations.history_state import HistoryState
from shared.mailbox.box import Box, BoxKey
from shared.mailbox.dead_letters import DeadLetters
from shared.mailbox.records import record_box
from shared.mailbox.requests import Requests
from tests.faults.seeded.calls import Kept, kept_calls
from tests.faults.seeded.historian import Historian, Request, first_of_each
from tests.faults.seeded.keeping import Keeping
from tests.faults.seeded.records import COMPLETED, DEAD, Entry, Record, read, shown
from tests.simulation.hub import Process, SimClock

if TYPE_CHECKING:
    from tests.faults.seeded.audit import Audit

CLOCKS = 4.1
"""Seconds by which two clocks of a run may differ."""

FROZEN = 40.0
"""Seconds that may lie between what a worker has read on its clock and its write, at most: then it
has lost its lease."""

LATE = 1000.0
"""Seconds after its time by which a call is over: where a turn had not left yet it is looked at
again after ten minutes, and what is long overdue is swept every fifth minute."""


class Histories:
    """Of one run; see `Audit`."""

    def __init__(self, audit: "Audit", historian: Historian, keeping: Keeping) -> None:
        self.audit = audit
        self.historian = historian
        self.keeping = keeping
        self.diary = audit.diary
        self.now = audit.world.hub.time
        self.records: dict[str, dict[str, Record]] = {}
        """By conversation, those of it, by their refs."""
        self._table = audit.world.table()
        self._clock = SimClock(Process(audit.world.hub, "reader"))
        for box in audit.boxes:
            self.records[box.id] = read(audit, box)

    def all(self) -> Iterator[str]:
        for box in self.audit.boxes:
            yield from self._rest(record_box(box))
            yield from self._conversation(box)
        yield from self._foreign()
        yield from self._dead_letters()
        yield from self.requests()

    def _rest(self, key: BoxKey) -> Iterator[str]:
        item = self._table.get([key.item])[0]
        if item is None:
            return
        box = Box.read(key, item)
        if box.owner is not None or box.jobs or box.unlisted:
            yield f"the records of {key.id} are not at rest: {box}"
        if box.due is not None and box.due <= self._clock.now():
            yield f"the records of {key.id} are due in the past"

    # -- what is noted --------------------------------------------------------------------

    def _conversation(self, box: BoxKey) -> Iterator[str]:
        records = self.records[box.id]
        entries = shown(self.audit, box)
        for ref, record in records.items():
            if record.state not in (COMPLETED, DEAD):
                yield f"{box.id} {ref}: is {record.state}"
        for entry in entries:
            if entry.ref not in records:
                yield f"{box.id}: message {entry.number} has no record"
        if len(entries) != sum(record.is_said for record in records.values()):
            yield f"{box.id}: {len(entries)} messages, recorded {sorted(records)}"
        calls = kept_calls(self, box, entries)
        for call in calls:
            yield from call.all()
        yield from self._order(box, calls)
        yield from self._state(box, entries, calls)

    def _order(self, box: BoxKey, calls: list[Kept]) -> Iterator[str]:
        """What was never given up came in its order, call after call."""
        mains = [call.main for call in calls]
        firsts = first_of_each([told for told in self.historian.told if told.call in mains])
        steady = {
            record.key: record
            for record in self.records[box.id].values()
            if record.state == COMPLETED and DEAD not in record.states
        }
        came = [told.request.key for told in firsts if told.request.key in steady]
        if came != list(steady):
            yield f"{box.id}: {list(steady)} came as {came}"

    def _state(self, box: BoxKey, entries: list[Entry], calls: list[Kept]) -> Iterator[str]:
        """What is noted of the last call, and what is said of it to whoever asks, is true."""
        meta = self.audit.stored(box, "META")[0].attrs.get("history", {})
        drain = int(self.audit.world.settings.history_finalize_drain_timeout_sec * 1000)
        said = States(self._table, self._clock, drain=drain).of(box)
        if not entries or not calls:
            if meta or said or entries or calls:
                yield f"{box.id}: {len(entries)} messages, {len(calls)} calls, {meta}, {said}"
            return
        last = calls[-1]
        noted = {"last": last.ref, "end": last.end.ref} if last.end else {"call": last.ref}
        if {name: meta.get(name) for name in ("call", "last", "end") if name in meta} != noted:
            yield f"{box.id}: noted {meta}, is {noted}"
        closed = last.end is not None
        missing = sum(call.missing for call in calls)
        delivered = last.end is not None and last.end.state == COMPLETED
        true = HistoryState(
            state="ended" if closed else "open",
            complete=delivered and not missing if closed else None,
            waiting=0,
            behind=False,
            missing=missing,
            call_id=last.noted_id,
            ended_at=meta.get("ended_at") if closed else None,
        )
        if said != true:
            yield f"{box.id}: said {said}, is {true}"
        yield from self._ends(box, calls)

    def _ends(self, box: BoxKey, calls: list[Kept]) -> Iterator[str]:
        """A call ends because somebody asked for it, or because nothing was said for a while; and
        then it does."""
        idle = self.audit.world.settings.history_idle_sec
        asked = [
            each
            for each in self.diary.ends
            if each.conversation == box.id and not each.refused and each.user == calls[0].owner
        ]
        failed = any(
            item.attrs.get("outcome") != "completed" for item in self.audit.stored(box, "END#")
        )
        for call in calls:
            came = [self.diary.arrived[entry.turn] for entry in call.entries]
            if not came:
                continue
            if call.end is not None:
                at = call.end.written
                for_it = [
                    each for each in asked if each.at <= at and (each.over or at) >= min(came)
                ]
                if not for_it and at < call.last_written + idle - CLOCKS - FROZEN:
                    yield f"{call.name}: ended at {at} by nobody, last {call.last_written}"
            elif not failed:
                late = self.now - call.last_written - idle - CLOCKS - LATE
                ignored = [each for each in asked if each.over and each.at > min(came)]
                if late > 0 or ignored:
                    yield f"{call.name}: open, {late} s too late, though asked: {ignored}"

    def _foreign(self) -> Iterator[str]:
        """Nothing is told of what there is not, and nobody ends what is somebody else's."""
        known = {box.id for box in self.audit.boxes}
        for call in self.historian.calls.values():
            if call.record.conversation not in known:
                yield f"{call.record} was begun"
        for each in self.diary.ends:
            owner = self.audit.owner(each.conversation)
            if each.over is not None and each.refused != (each.user != owner):
                yield f"{each} of {owner}"

    def _dead_letters(self) -> Iterator[str]:
        requests = Requests(self._table, self._clock)
        page = DeadLetters(self._table, requests).page("t", 1000)
        listed = sorted((each.conversation, each.kind) for each in page.letters)
        there = sorted(
            (conversation, record.word)
            for conversation, records in self.records.items()
            for record in records.values()
            if record.state == DEAD
        )
        if listed != there:
            yield f"dead letters {there}, listed {listed}"
        untroubled = not self.audit.world.chaos.troubles and self.keeping.patience is None
        limit = self.audit.world.settings.history_retry_max_attempts
        for records in self.records.values():
            for record in records.values():
                refused = [r for r in self.historian.requests if r.refused and r.key in record.keys]
                if untroubled and DEAD in record.states and len(refused) < limit:
                    yield f"{record.ref}: given up after {len(refused)} refusals"

    # -- what was sent --------------------------------------------------------------------

    def requests(self) -> Iterator[str]:
        """Requests are made by whoever holds the mailbox, and again only for a reason."""
        by_key: dict[str, list[Request]] = {}
        for request in self.historian.requests:
            if not request.leased:
                yield f"{request.key} at {request.at}: sent without the lease"
            by_key.setdefault(request.key, []).append(request)
        records = {
            record.key: record for found in self.records.values() for record in found.values()
        }
        for key, made in by_key.items():
            record = records.get(key)
            if record is None:
                yield f"{key}: is the key of no record"
                continue
            for before, again in pairwise(made):
                if not self._reason(record, before, again):
                    yield f"{key}: sent at {before.at}, and for no reason at {again.at}"

    def _reason(self, record: Record, before: Request, again: Request) -> bool:
        troubles = self.audit.world.chaos.troubles
        heard = before.answered is not None and before.answered <= again.at
        if not heard or troubles[before.process] > before.troubles or not again.leased:
            return True
        # A call that was given up is begun by each of its records, until one has come through.
        return record.is_call and record.missing(before.at)
