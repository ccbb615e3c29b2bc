"""Scripted jobs: calls and prompts, and no product feature. The log is their only checkpoint."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.mailbox.box import Box, BoxKey, Job
from shared.mailbox.deliveries import KIND, delivery
from shared.mailbox.handler import Activation, AsksNobody, OutOfTime
from shared.mailbox.jobs import Ending, Stopped, message_key
from shared.mailbox.requests import Requests
from shared.storage.expressions import Assign
from shared.storage.table import Key, Operation, Table, Update

if TYPE_CHECKING:
    from tests.simulation.hub import Process
    from tests.simulation.world import World

PROMPT_TIMEOUT_MS = 3_600_000


@dataclass(frozen=True)
class Call:
    """One call of a script, by its id."""

    id: str
    repeatable: bool = False
    approval: bool = False
    seconds: float = 1.0


def meta(box: Box) -> Key:
    return Key(box.key.partition, "META")


class Scripted(AsksNobody):
    """A handler as one process runs it. A script is a list of calls, then a text."""

    def __init__(
        self, world: "World", process: "Process", table: Table, requests: Requests
    ) -> None:
        self._world = world
        self._process = process
        self._table = table
        self._requests = requests

    def load(self, box: Box, ref: str) -> Job | None:
        item, head = self._table.get([box.key.job(ref), meta(box)])
        if item is None:
            return None
        base = head.attrs["count"] if head else 0
        return Job.read(box.key, ref, type(item)(item.key, {**item.attrs, "base": base}, item.body))

    def run(self, activation: Activation) -> Ending | None:
        job = activation.job
        if job.payload.get("poison"):
            self._process.kill()
            self._world.chaos.hub.sleep(0)
        log = self._log(activation)
        calls = [Call(**raw) for raw in job.payload["calls"]]
        begun: dict[str, str] = {}
        for number, call in enumerate(calls, 1):
            after = calls[number] if number < len(calls) else None
            if f"result:{call.id}" in log:
                continue
            if activation.seconds_left < 5:
                raise OutOfTime
            if not self._call(activation, log, call, after, begun):
                return None
        self._stream(activation)
        text = f"{job.ref} said by {self._process.name}"
        return self._ending(activation, "completed", log, [{"role": "assistant", "text": text}])

    def _log(self, activation: Activation) -> list[str]:
        """The ids of what this job has written so far."""
        job = activation.job
        base, length = job.attrs["base"], job.log_length or job.attrs["base"]
        keys = [message_key(job.key, number) for number in range(base, length)]
        items = self._table.get(keys)
        return [str((item.body or {})["id"]) for item in items if item is not None]

    def _append(
        self, activation: Activation, log: list[str], ids: list[str], **options: Any
    ) -> Any:
        job = activation.job
        if not log:
            ids = [f"user:{job.ref}", *ids]
        messages = [{"id": entry, "job": job.ref} for entry in ids]
        number = job.attrs["base"] + len(log)
        mark = activation.holder.append(activation.lease, job, number, messages, **options)
        log.extend(ids)
        return mark

    def _call(
        self,
        activation: Activation,
        log: list[str],
        call: Call,
        after: Call | None,
        begun: dict[str, str],
    ) -> bool:
        """Do one call from wherever it stands; False when the job parked for it. `begun` are the
        attempts that were noted with the result of the call before."""
        job, holder = activation.job, activation.holder
        attempt = begun.get(call.id)
        if f"call:{call.id}" not in log:
            merged = [] if call.approval else [call.id]
            by = self._append(activation, log, [f"call:{call.id}"], marks=merged)
            attempt = by if merged else None
        digest = f"digest of {call.id}"
        if call.approval:
            decision = job.decision(call.id)
            if decision is None:
                body = {**job.body, "prompt": f"prompt {job.ref} {call.id}"}
                holder.park(activation.lease, job, call=call.id, digest=digest, body=body)
                return False
            if decision["what"] != "approved":
                self._append(activation, log, [f"result:{call.id}"], result=True)
                return True
        if attempt is None:
            if job.mark(call.id) is not None and not call.repeatable:
                self._append(activation, log, [f"result:{call.id}"], result=True)
                return True
            attempt = holder.mark(activation.lease, job, call.id, digest if call.approval else None)
        self._effect(activation, call)
        self._result(activation, log, call, after, begun)
        return True

    def _result(
        self,
        activation: Activation,
        log: list[str],
        call: Call,
        after: Call | None,
        begun: dict[str, str],
    ) -> None:
        """Note the result, and in the same write that the next call begins."""
        result = f"result:{call.id}"
        merge = after and not after.approval and f"call:{after.id}" not in log
        if after is None or not merge or activation.seconds_left < 5:
            self._append(activation, log, [result], result=True)
            return
        both = [result, f"call:{after.id}"]
        try:
            begun[after.id] = self._append(activation, log, both, result=True, marks=[after.id])
        except Stopped:
            self._append(activation, log, [result], result=True)
            raise

    def _effect(self, activation: Activation, call: Call) -> None:
        world = self._world
        world.chaos.point(self._process)
        activation.keeper.check()
        world.effect(activation.job, call)
        world.chaos.point(self._process)
        with activation.keeper.listening(lambda: None, None):
            activation.clock.sleep(call.seconds)

    def _stream(self, activation: Activation) -> None:
        """A model call: tokens over some seconds, watched for a stop."""
        world, job = self._world, activation.job
        activation.keeper.check()
        world.model_call(job)
        rung: list[bool] = []
        with activation.keeper.listening(lambda: rung.append(True), None):
            for _ in range(int(job.payload.get("tokens", 3))):
                activation.clock.sleep(0.7)
                if rung:
                    rung.clear()
                    activation.keeper.check()
                    item = self._table.get([job.key.job(job.ref)])[0]
                    if item is None or "stop" in item.attrs:
                        raise Stopped

    def _ending(
        self,
        activation: Activation,
        outcome: str,
        log: list[str],
        messages: list[dict[str, Any]],
    ) -> Ending:
        job = activation.job
        entries = [{**m, "id": f"final:{job.ref}", "job": job.ref} for m in messages]
        if not log and entries:
            entries.insert(0, {"id": f"user:{job.ref}", "job": job.ref})
        count = job.attrs["base"] + len(log) + len(entries)
        box = BoxKey(KIND, job.key.tenant, job.key.id)
        clock = activation.clock
        sent = delivery(self._requests, box, f"https://x/{job.ref}", outcome, clock)
        return Ending(
            outcome=outcome,
            terminal=json.dumps({"job": job.ref, "outcome": outcome, "by": self._process.name}),
            log=entries,
            log_from=job.attrs["base"] + len(log),
            beside=[Update(meta(activation.box), [Assign(("count",), count)]), *sent.writes],
            wakes=[box],
        )

    def cancelled(self, activation: Activation) -> Ending:
        log = self._log(activation)
        return self._ending(activation, "cancelled", log, [])

    def failed(self, activation: Activation, reason: Exception | None) -> Ending:
        assert reason is None, reason
        return self._ending(activation, "failed", self._log(activation), [])

    def publish(self, activation: Activation) -> None:
        self._post(activation, "terminal", activation.job.terminal)

    def heard(self, activation: Activation, box: Box) -> None:
        """Nobody comes back."""

    def prompt(self, activation: Activation, expires_at: int) -> None:
        self._post(activation, "prompt", str(activation.job.body["prompt"]))

    def _post(self, activation: Activation, kind: str, text: str) -> None:
        world = self._world
        world.chaos.point(self._process)
        activation.keeper.check()
        world.pushed(kind, activation.job, text)
        activation.clock.sleep(0.01)
        world.chaos.point(self._process)

    def prompt_timeout(self, job: Job) -> int:
        return PROMPT_TIMEOUT_MS

    def waiting(self, activation: Activation, expires_at: int) -> None:
        """Nobody comes back."""

    def beside_wait(self, job: Job, expires_at: int | None) -> Sequence[Operation]:
        return ()
