"""What counters say after a run, against what its turns say that they have cost."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from shared.conversations.usage import day_of, shards
from shared.mailbox.box import Job
from shared.storage.table import Item
from tests.faults.seeded.model import USAGE
from tests.simulation.hub import SimClock

if TYPE_CHECKING:
    from tests.faults.seeded.audit import Audit

NAMES = ("turns", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
COUNTED = (*NAMES, "cost")


def broken_counters(audit: "Audit", tenant: str) -> Iterator[str]:
    """Each turn counts once, with all that it says it has cost, and no more than it can have."""
    jobs = list(audit.jobs.values())
    if not all(job.done for job in jobs):
        # That is said elsewhere.
        return
    shown, said = _sum(_shards(audit, tenant)), _of_turns(jobs)
    if shown != said:
        yield f"the tenant's counters say {shown}, its turns {said}"
    asked = len(audit.diary.model_calls)
    if shown["cost"] > asked * (USAGE.cost_nano_usd or 0):
        yield f"{shown} was counted for {asked} calls of the model"
    for box in audit.boxes:
        meta = _sum(audit.stored(box, "META"))
        logged = {entry["turn"] for entry in audit.log(box)}
        own = _of_turns(job for job in jobs if job.key == box and job.ref in logged)
        if meta != own:
            yield f"{box.id} counts {meta}, its turns {own}"


def _shards(audit: "Audit", tenant: str) -> Iterator[Item]:
    first = day_of(SimClock.EPOCH_MS)
    for days in range(-1, 3):
        keys = shards(tenant, first + timedelta(days=days))
        yield from (item for item in audit.table.get(keys) if item)


def _sum(items: Iterable[Item]) -> Mapping[str, int]:
    total = Counter(dict.fromkeys(COUNTED, 0))
    for item in items:
        total.update({name: int(item.attrs.get(name, 0)) for name in COUNTED})
    return dict(total)


def _of_turns(jobs: Iterable[Job]) -> Mapping[str, int]:
    total = Counter(dict.fromkeys(COUNTED, 0))
    for job in jobs:
        spent: dict[str, Any] = {"turns": 1, **job.body["result"]["spent"]}
        spent["cost"] = spent.pop("cost_nano_usd")
        total.update(spent)
    return dict(total)
