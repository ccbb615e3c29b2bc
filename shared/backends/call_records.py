"""One record, sent: what its job says, what the log says, and what the other side is told.

The record of the call itself is kept: `call_id` is the other side's name for the call, and
`missing` counts the records of the call that were given up. One that is counted has `counted`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.backends.control_plane import (
    CallHistory,
    CallRecord,
    Escalation,
    Finalized,
    Speaker,
    TranscriptSegment,
)
from shared.mailbox.box import BoxKey, Job
from shared.mailbox.jobs import message_key
from shared.mailbox.records import CALL, END, ESCALATED, PREFIX
from shared.storage.expressions import Assign, Change, Increment, Remove
from shared.storage.table import Table

SPEAKERS: Mapping[str, Speaker] = {"user": "human", "assistant": "ai"}


def is_call(job: Job) -> bool:
    return job.ref.endswith(CALL)


def is_end(job: Job) -> bool:
    return job.ref.endswith(END)


def is_escalation(job: Job) -> bool:
    return job.ref.endswith(ESCALATED)


def missing_of(table: Table, job: Job) -> int:
    """How many records of the call have been given up, when its end is told of: not counting the
    call's own, if the end brings that along."""
    call = table.get([job.key.job(call_ref(job))])[0]
    if call is None:
        return 0
    late = "call_id" not in call.attrs and bool(call.attrs.get("counted"))
    return int(call.attrs.get("missing", 0)) - late


def call_ref(job: Job) -> str:
    """The ref of the record of the call to which this one belongs."""
    return job.ref if is_call(job) else str(job.payload["call"])


def key_of(job: Job) -> str:
    """The idempotency key of a record."""
    return f"{job.key.id}/{job.ref.removeprefix(PREFIX).replace('#', '/')}"


def own_id(conversation: str, ref: str) -> str:
    """Our name for a call: the conversation, and the number of the call's first message."""
    return f"{conversation}-{int(ref.removeprefix(PREFIX).partition('#')[0])}"


@dataclass(frozen=True)
class Delivered:
    """The other side has it: what is noted of the job and, on the call's item, beside it. `found`:
    the call's own record counted as missing, and has been sent with it."""

    attrs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    call: Sequence[Change] = ()
    found: bool = False


class Delivery:
    """Sends the record of one job. `check` raises when the lease is in doubt: it is asked right
    before each request, as nobody else may be sending the same."""

    def __init__(
        self, table: Table, plane: CallHistory, job: Job, check: Callable[[], None]
    ) -> None:
        self._check = check
        self._table = table
        self._plane = plane
        self._job = job

    def made(self) -> Delivered | None:
        """Send it; None if what it tells of has been deleted.

        Raises:
            ControlPlaneFault: from the other side.
        """
        job = self._job
        if is_call(job):
            # One that was given up, and is replayed, may have been begun by another meanwhile.
            return Delivered({"call_id": job.attrs.get("call_id") or self._begun(job)})
        call, said = self._read()
        if call is None:
            return None
        changes: list[Change] = []
        found = False
        call_id = call.attrs.get("call_id")
        if call_id is None:
            # Its own record was given up. Whatever the reason was, it may be gone by now.
            call_id = self._begun(call)
            changes += _found_after_all(call, call_id)
            found = bool(call.attrs.get("counted"))
        if is_end(job):
            self._finalize(call_id)
        elif said is None:
            return None
        elif is_escalation(job):
            self._escalate(call_id, said)
        else:
            self._say(call_id, said)
        return Delivered({}, changes, found)

    def _read(self) -> tuple[Job | None, Mapping[str, Any] | None]:
        """The record of the call, and the message that this one is of."""
        job = self._job
        keys = [job.key.job(call_ref(job))]
        if not is_end(job):
            log = BoxKey(job.payload["log"], job.key.tenant, job.key.id)
            keys.append(message_key(log, int(job.payload["number"])))
        call, *messages = self._table.get(keys)
        found = Job.read(job.key, call_ref(job), call) if call else None
        message = messages[0] if messages else None
        return found, message.body if message else None

    def _begun(self, call: Job) -> str:
        payload = call.payload
        record = CallRecord(
            id=own_id(call.key.id, call.ref),
            tenant=call.key.tenant,
            conversation=call.key.id,
            user=payload["user"],
            agent=payload["agent"],
            source=payload["source"],
            started_at=payload["began"],
        )
        self._check()
        return self._plane.begin_call(record, key=key_of(call))

    def _say(self, call_id: str, said: Mapping[str, Any]) -> None:
        payload = self._job.payload
        segment = TranscriptSegment(
            tenant=self._job.key.tenant,
            call=call_id,
            index=payload["index"],
            user=payload["user"],
            speaker=SPEAKERS[said["role"]],
            content=said["text"],
            start_ms=payload["start_ms"],
            end_ms=payload["end_ms"],
            message_id=said["id"],
            turn_id=payload["turn"],
            stopped=bool(said.get("stopped", False)),
        )
        self._check()
        self._plane.add_transcript(segment, key=key_of(self._job))

    def _escalate(self, call_id: str, said: Mapping[str, Any]) -> None:
        payload = self._job.payload
        escalation = Escalation(
            tenant=self._job.key.tenant,
            call=call_id,
            user=payload["user"],
            reason=said["escalation"],
            turn_id=payload["turn"],
            message_id=said["id"],
            at=said["at"],
        )
        self._check()
        self._plane.escalate(escalation, key=key_of(self._job))

    def _finalize(self, call_id: str) -> None:
        payload = self._job.payload
        end = Finalized(
            tenant=self._job.key.tenant,
            call=call_id,
            status=payload["status"],
            duration_seconds=payload["lasted_ms"] / 1000,
            ended_at=payload["ended_at"],
            missing=int(self._job.attrs["told"]),
        )
        self._check()
        self._plane.finalize_call(end, key=key_of(self._job))


def _found_after_all(call: Job, call_id: str) -> list[Change]:
    """The changes of a call's record that was given up, and that another one has sent."""
    changes: list[Change] = [
        Assign(("call_id",), call_id),
        Assign(("outcome",), "completed"),
        Remove(("owned_by",)),
        Remove(("listed_at",)),
    ]
    if call.attrs.get("counted"):
        changes += [Remove(("counted",)), Increment(("missing",), -1)]
    return changes
