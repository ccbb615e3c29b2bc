"""How a record ends: what is noted of it and of its call when the other side has it, or when it is
given up. `call_records` says what is kept of a call."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.backends.call_records import Delivered, call_ref, is_call, is_end
from shared.mailbox.box import Job
from shared.mailbox.jobs import DONE_TTL_SECONDS, Ending, Queued
from shared.mailbox.records import count_key
from shared.storage.expressions import EXISTS, Change, Increment
from shared.storage.table import Operation, Update


def delivered(job: Job, done: Delivered) -> Ending:
    """The end of a record that the other side has."""
    attrs, changes, by = dict(done.attrs), list(done.call), -done.found
    if job.attrs.get("counted"):
        attrs["counted"] = False
        by -= 1
        if is_call(job):
            attrs["missing"] = int(job.attrs["missing"]) - 1
        elif not is_end(job):
            _count(changes, -1)
    # How the call and its end stand is asked for as long as there is the conversation.
    kept = is_call(job) or is_end(job)
    return Ending(
        outcome="completed",
        terminal="",
        attrs=attrs,
        queued=_noted(job, changes, by),
        keep_seconds=None if kept else DONE_TTL_SECONDS,
    )


def given_up(job: Job, attrs: Mapping[str, Any]) -> Ending:
    """The end of a record that is a dead letter by these attributes."""
    noted, changes, by = dict(attrs), list[Change](), 0
    if not job.attrs.get("counted"):
        noted["counted"] = True
        by = 1
        if is_call(job):
            noted["missing"] = int(job.attrs.get("missing", 0)) + 1
        elif not is_end(job):
            _count(changes, 1)
    return Ending(
        outcome="dead",
        terminal="",
        attrs=noted,
        queued=_noted(job, changes, by),
        keep_seconds=None,
    )


def _count(changes: list[Change], by: int) -> None:
    """Count the missing records by so many more. One update changes a path once."""
    for index, change in enumerate(changes):
        if isinstance(change, Increment) and change.path == ("missing",):
            changes[index] = Increment(("missing",), change.by + by)
            return
    changes.append(Increment(("missing",), by))


def _noted(job: Job, changes: Sequence[Change], by: int) -> list[Queued]:
    """The changes of the call's item, which may have been deleted meanwhile, and by how much the
    missing records of the conversation change."""
    writes: list[Operation] = []
    if changes:
        writes.append(Update(job.key.job(call_ref(job)), changes, EXISTS))
    if by:
        writes.append(Update(count_key(job.key), [Increment(("missing",), by)]))
    return [Queued(writes, ())] if writes else []
