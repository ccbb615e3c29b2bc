"""The promises, checked from the diary and the store after a run. Knows nothing of any rule."""

import json
from collections.abc import Iterator

from shared.mailbox.box import Box, BoxKey, Job
from shared.storage.table import Key
from tests.simulation.hub import SimClock
from tests.simulation.scripted import PROMPT_TIMEOUT_MS
from tests.simulation.world import World

SKEW = 4.1
"""Seconds: the largest difference between two clocks of a run, and a little."""


TAKE_OVER_MS = 90_000
"""Within this a worker that has just died (of poison, say) is found: grace, a sweep, its lag."""


class Checker:
    """Every broken promise of a run, as a sentence."""

    def __init__(self, world: World, boxes: list[BoxKey]) -> None:
        self._world = world
        self._diary = world.diary
        self._boxes = boxes
        self._table = world.engine_table(world.process("checker"))
        self._jobs = {job.ref: job for box in boxes for job in self._stored(box)}

    @property
    def _now(self) -> int:
        return SimClock.EPOCH_MS + int(self._world.hub.time * 1000)

    def _stored(self, box: BoxKey) -> list[Job]:
        page = self._table.query(box.partition, prefix="TURN#")
        return [Job.read(box, item.key.sk, item) for item in page.items]

    def stuck(self) -> list[str]:
        """What should have moved by now: everything but jobs that wait for people."""
        found = []
        for box in self._boxes:
            state = self._box(box)
            head = state.head
            job = self._jobs.get(head) if head else None
            running = state.owner is not None and state.until > self._now - TAKE_OVER_MS
            if job is None or running:
                continue
            waiting = job.undecided
            if waiting is None or waiting.prompted_at is None or job.stopped:
                found.append(f"{box.id}: {head} is runnable and nobody runs it")
        return found

    def _box(self, box: BoxKey) -> Box:
        item = self._table.get([box.item])[0]
        assert item is not None
        return Box.read(box, item)

    def all(self) -> list[str]:
        return [
            *self._terminals(),
            *self._effects(),
            *self._stops(),
            *self._prompts(),
            *self._quiet(),
            *self._logs(),
            *self._deliveries(),
        ]

    def _terminals(self) -> Iterator[str]:
        for ref in self._diary.acknowledged:
            job = self._jobs.get(ref)
            pushed = {text for _, text in self._diary.terminals.get(ref, [])}
            if job is None or not job.done:
                yield f"{ref}: acknowledged, and not done"
            elif pushed != {job.terminal}:
                yield f"{ref}: terminal events {sorted(pushed)}, stored {job.terminal!r}"
            elif ref in self._diary.poison and job.outcome == "completed":
                yield f"{ref}: poison completed"
            elif job.outcome == "failed" and not self._may_fail(ref):
                yield f"{ref}: failed without a reason"

    def _may_fail(self, ref: str) -> bool:
        """Four crashes in a row end any job; without faults only poison crashes its worker."""
        return ref in self._diary.poison or self._world.had_faults

    def _effects(self) -> Iterator[str]:
        for (ref, call_id), times in self._diary.effects.items():
            call, job = self._diary.calls[ref, call_id], self._jobs[ref]
            if len(times) > 1 and not call.repeatable:
                yield f"{ref}: {call_id} had its effect {len(times)} times"
            decision = job.decision(call_id)
            if call.approval and (decision is None or decision["what"] != "approved"):
                yield f"{ref}: {call_id} ran without approval"
        for (ref, call_id), answers in self._diary.decided.items():
            if len(set(answers)) > 1:
                yield f"{ref}: {call_id} was decided {answers}"
            stored = self._jobs[ref].decision(call_id)
            if stored is None or stored["what"] not in answers:
                yield f"{ref}: {call_id} was told {answers} and has {stored}"

    def _stops(self) -> Iterator[str]:
        for ref in self._diary.cancelled:
            if self._jobs[ref].outcome != "cancelled":
                yield f"{ref}: an accepted stop ended as {self._jobs[ref].outcome}"
        for ref, pushed in self._diary.terminals.items():
            if json.loads(pushed[0][1])["outcome"] != "cancelled":
                continue
            effects = [t for (r, _), ts in self._diary.effects.items() if r == ref for t in ts]
            late = [t for t in effects + self._diary.model_calls.get(ref, []) if t > pushed[0][0]]
            if late:
                yield f"{ref}: something started after `cancelled`"

    def _prompts(self) -> Iterator[str]:
        for ref, job in self._jobs.items():
            for call, decision in job.attrs.get("decisions", {}).items():
                shown = [t for t, text in self._diary.prompts.get(ref, []) if text.endswith(call)]
                if decision["what"] != "expired":
                    continue
                if not shown:
                    yield f"{ref}: {call} expired and nobody was asked"
                    continue
                waited = (decision["at"] - SimClock.EPOCH_MS) / 1000 - shown[0]
                if waited < PROMPT_TIMEOUT_MS / 1000 - SKEW:
                    yield f"{ref}: {call} expired after {waited:.0f} s"

    def _quiet(self) -> Iterator[str]:
        for key in [*self._boxes, *(BoxKey("deliver", b.tenant, b.id) for b in self._boxes)]:
            item = self._table.get([key.item])[0]
            if item is None:
                continue
            box = Box.read(key, item)
            if box.owner is not None or box.jobs or box.due is not None or box.stops:
                yield f"{key.pk}: not at rest: {box}"

    def _logs(self) -> Iterator[str]:
        for box in self._boxes:
            meta = self._table.get([Key(box.partition, "META")])[0]
            assert meta is not None
            entries = [i.body or {} for i in self._table.query(box.partition, prefix="MSG#").items]
            if len(entries) != meta.attrs["count"]:
                yield f"{box.id}: {len(entries)} messages, counted {meta.attrs['count']}"
            seen: list[str] = []
            for entry in entries:
                if entry["job"] not in seen:
                    seen.append(entry["job"])
                    if entry["id"] != f"user:{entry['job']}":
                        yield f"{box.id}: {entry['job']} begins with {entry['id']}"
                elif seen[-1] != entry["job"]:
                    yield f"{box.id}: {entry['job']} is interleaved"
            ids = [entry["id"] for entry in entries]
            if len(ids) != len(set(ids)):
                yield f"{box.id}: doubled messages"
            for job in self._jobs.values():
                if job.key == box and job.outcome == "completed" and f"final:{job.ref}" not in ids:
                    yield f"{job.ref}: completed without its reply in the log"
                if job.key == box and job.outcome == "cancelled" and f"final:{job.ref}" in ids:
                    yield f"{job.ref}: cancelled with a reply in the log"

    def _deliveries(self) -> Iterator[str]:
        for ref, job in self._jobs.items():
            if not job.done or self._diary.posts.get(f"https://x/{ref}"):
                continue
            box = BoxKey("deliver", job.key.tenant, job.key.id)
            page = self._table.query(box.partition, prefix="DELIVERY#")
            mine = [i for i in page.items if (i.body or {})["payload"]["url"].endswith(ref)]
            if [item.attrs.get("outcome") for item in mine] != ["dead"]:
                yield f"{ref}: its delivery was lost"
