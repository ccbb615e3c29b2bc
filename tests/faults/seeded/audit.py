"""The promises, checked after a run by what clients got and what the store holds."""

import json
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Any

from shared.conversations.items import box_key, turn_ref
from shared.mailbox.box import Box, BoxKey, Job
from shared.storage.table import Item
from tests.faults.seeded.client import NOT_NOW, Client
from tests.faults.seeded.counters import broken_counters
from tests.faults.seeded.decisions import Decisions
from tests.faults.seeded.following import Following
from tests.faults.seeded.histories import Histories
from tests.faults.seeded.prompts import REFUSALS
from tests.faults.seeded.world import World
from tests.simulation.hub import SimClock
from tests.support.frames_client import TERMINAL, text_of

TENANT = "t"


class Audit:
    """Every broken promise of a run, as a sentence."""

    def __init__(self, world: World, clients: Sequence[Client]) -> None:
        self.world = world
        self.diary = world.diary
        self._clients = clients
        self.table = world.table()
        self._owners = {c: client.user for client in clients for _, c in client.sessions}
        self.boxes = [box_key(TENANT, conversation) for conversation in self._owners]
        self.jobs = {
            job.ref.rpartition("#")[2]: job for box in self.boxes for job in _jobs(self, box)
        }

    def stored(self, box: BoxKey, prefix: str) -> list[Item]:
        found, cursor = [], None
        while True:
            page = self.table.query(box.partition, prefix=prefix, cursor=cursor)
            found += page.items
            cursor = page.cursor
            if cursor is None:
                return found

    def owner(self, conversation: str) -> str:
        return self._owners[conversation]

    def all(self) -> list[str]:
        return [
            *self.diary.broken,
            *self._quiet(),
            *self._ends(),
            *self._clients_have(),
            *self.after_stops(),
            *self._order(),
            *self._logs(),
            *Decisions(self).all(),
            *self.histories(),
            *broken_counters(self, TENANT),
            *(f"{key} took effect {n} times" for key, n in self.diary.effects.items() if n > 1),
        ]

    def histories(self) -> Iterator[str]:
        """What is broken of histories that somebody else keeps."""
        world = self.world
        if world.historian is not None and world.keeping is not None:
            yield from Histories(self, world.historian, world.keeping).all()

    def _quiet(self) -> Iterator[str]:
        now = SimClock.EPOCH_MS + int(self.world.hub.time * 1000)
        for key in self.boxes:
            item = self.table.get([key.item])[0]
            assert item is not None
            box = Box.read(key, item)
            if box.owner is not None or box.jobs or box.stops:
                yield f"{key.id} is not at rest: {box}"
            if box.due is not None and box.due <= now:
                yield f"{key.id} is due in the past"

    def _ends(self) -> Iterator[str]:
        """One terminal state, and no other terminal event than the one that is stored."""
        sent: dict[str, set[str]] = {}
        for each in self.diary.delivered:
            event = each.event
            refused = event["type"] == "error" and event["error"]["code"] in {*NOT_NOW, *REFUSALS}
            if event["type"] in TERMINAL and event.get("requestId") in self.jobs and not refused:
                sent.setdefault(event["requestId"], set()).add(each.raw.decode())
        for request_id in self.diary.acknowledged:
            job = self.jobs.get(request_id)
            if job is None or not job.done:
                yield f"{request_id}: acknowledged, and has no end"
        for request_id, texts in sent.items():
            job = self.jobs[request_id]
            if texts != {job.terminal}:
                yield f"{request_id}: sent {sorted(texts)}, stored {job.terminal!r}"
        stopped = self.diary.stops
        for request_id, job in self.jobs.items():
            if (job.outcome == "cancelled") != (job.ref in stopped):
                yield f"{request_id}: {job.outcome}, stopped at {stopped.get(job.ref)}"
            if job.ref in stopped and request_id not in self.diary.asked_to_stop:
                yield f"{request_id}: stopped by nobody who may"
            if job.outcome == "failed" and not self._may_fail(request_id):
                yield f"{request_id}: failed without a reason: {job.terminal}"

    def _may_fail(self, request_id: str) -> bool:
        rates = self.world.chaos.rates
        faulty = (
            self.diary.crashes
            or self.world.worker_seconds < 900
            or rates.outage
            or rates.model_breaks
            or rates.model_stalls
        )
        return bool(faulty or rates.model_fails or self.world.model.plans[request_id].poison)

    def _clients_have(self) -> Iterator[str]:
        for client in self._clients:
            for event in client.unexpected:
                yield f"{client.user} got what it had not asked for: {event}"
            for turn in client.following.values():
                job = self.jobs.get(turn.request_id)
                if job is not None and job.done:
                    yield from self._has(client, turn, job)
                elif turn.message is not None:
                    yield f"{turn.request_id}: repeated until the end, and is not there"

    def _has(self, client: Client, turn: Following, job: Job) -> Iterator[str]:
        whose = f"{turn.request_id} at {client.user}"
        if turn.terminal is None:
            yield f"{whose}: has not got its end ({job.outcome})"
            return
        cut = job.body.get("result", {}).get("cut")
        if job.outcome == "completed" and not turn.partial and (client.truncates or cut is None):
            text = text_of(json.loads(turn.terminal))
            # What was on its way from a worker that stood still is not fenced: MAILBOX.md, rule 9.
            if not any(self._agrees(client, has, text) for has in (turn.text, turn.punctual)):
                yield f"{whose}: {_difference(turn.text, text)}"
        if (
            turn.answers > turn.asks
            and not self.diary.crashes
            and not self.world.chaos.rates.outage
        ):
            yield f"{whose}: {turn.asks} times asked, {turn.answers} answers"

    def _agrees(self, client: Client, has: str, text: str) -> bool:
        # Without `stream_truncate` nothing makes up for what a worker had not sent.
        whole = client.truncates or not self.diary.crashes
        return has == text if whole else text.startswith(has)

    def after_stops(self) -> Iterator[str]:
        for request_id, at in self.cancelled_at().items():
            for what, starts in (
                ("model call", self.diary.model_calls),
                ("tool", self.diary.tool_starts),
            ):
                # What a worker had begun when it stood still is not fenced: MAILBOX.md, rule 9.
                fair = [start for start in starts if start not in self.diary.late_starts]
                late = [time for time, turn in fair if turn == request_id and time > at]
                if late:
                    yield f"{request_id}: a {what} began at {late}, `cancelled` came at {at}"

    def cancelled_at(self) -> dict[str, float]:
        """When `cancelled` first reached a client, by turn."""
        found: dict[str, float] = {}
        for each in self.diary.delivered:
            if each.event["type"] == "cancelled":
                found.setdefault(each.event["requestId"], each.at)
        return found

    def _order(self) -> Iterator[str]:
        """Turns of a conversation run, and enter its log, in the order of their arrival."""
        begun = [request_id for _, request_id in self.diary.model_calls]
        for box in self.boxes:
            accepted = [
                ref.rpartition("#")[2] for ref in self.diary.accepted.get(box.partition, [])
            ]
            if len(accepted) != len(set(accepted)):
                yield f"{box.id}: came in twice: {accepted}"
            first = {turn: begun.index(turn) for turn in accepted if turn in begun}
            if list(first.values()) != sorted(first.values()):
                yield f"{box.id}: accepted {accepted}, begun {begun}"
            log = [entry for entry in self.log(box) if _turn(entry) in self.jobs]
            asked = [_turn(entry) for entry in log if entry["role"] == "user"]
            if asked != [turn for turn in accepted if turn in asked]:
                yield f"{box.id}: accepted {accepted}, in the log {asked}"

    def log(self, box: BoxKey) -> list[dict[str, Any]]:
        return [dict(item.body or {}) for item in self.stored(box, "MSG#")]

    def _logs(self) -> Iterator[str]:
        for box in self.boxes:
            log = self.log(box)
            meta = self.stored(box, "META")[0]
            if meta.attrs["count"] != len(log):
                yield f"{box.id}: {len(log)} messages, counted {meta.attrs['count']}"
            if len({entry["id"] for entry in log}) != len(log):
                yield f"{box.id}: a message stands there twice"
            for request_id, job in self.jobs.items():
                if job.key == box and job.outcome == "completed":
                    yield from _entered(request_id, job, log)

    def result(self, request_id: str) -> dict[str, Any]:
        return dict(self.jobs[request_id].body.get("result", {}))


def _difference(has: str, end: str) -> str:
    same = takewhile(lambda pair: pair[0] == pair[1], zip(has, end, strict=False))
    at = sum(1 for _ in same)
    there, then = has[at : at + 30], end[at : at + 30]
    return f"has {len(has)} characters of {len(end)}; at {at} {there!r}, the end says {then!r}"


def _entered(request_id: str, job: Job, log: Sequence[dict[str, Any]]) -> Iterator[str]:
    mine = [entry for entry in log if _turn(entry) == request_id]
    if [entry["role"] for entry in mine[:1]] != ["user"]:
        yield f"{request_id}: does not begin with its question"
    elif mine[-1].get("text") != text_of(json.loads(job.terminal)):
        yield f"{request_id}: the log ends with something else than was sent"
    calls = sum(len(_calls(entry)) for entry in mine)
    if calls != sum(entry["role"] == "tool" for entry in mine):
        yield f"{request_id}: calls without results in the log"


def _calls(entry: dict[str, Any]) -> list[Any]:
    return [block for block in entry.get("content") or [] if block["type"] == "tool_use"]


def _turn(entry: dict[str, Any]) -> str:
    return str(entry["turn"]).rpartition("#")[2]


def _jobs(audit: Audit, box: BoxKey) -> list[Job]:
    return [Job.read(box, item.key.sk, item) for item in audit.stored(box, "TURN#")]


__all__ = ["Audit", "turn_ref"]
