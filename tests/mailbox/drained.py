"""A drain in virtual time, with jobs whose work a test writes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.mailbox.box import Box, BoxKey, Job, Timing
from shared.mailbox.drain import Drain
from shared.mailbox.handler import Activation, AsksNobody, Handler
from shared.mailbox.holder import Holder
from shared.mailbox.jobs import Ending, Scheduled
from shared.mailbox.listeners import new_box
from shared.mailbox.requests import NewJob, Requests
from shared.messaging.wakes import Wake
from shared.storage.folder import FolderArtifacts
from shared.storage.sqlite import SqliteTable
from shared.storage.table import Operation, Table
from shared.storage.wrapper import ResilientTable
from tests.mailbox.virtual import Virtual
from tests.support.faults import Call, Fault, FaultyTable, Hooks

BOX = BoxKey("conv", "acme", "c1")
Work = Callable[[Activation], Ending | None]


def completed(_: Activation) -> Ending | None:
    return Ending(outcome="completed", terminal="done")


@dataclass
class Script(AsksNobody):
    """A handler; `seen` lists what it did, and when (seconds)."""

    table: Table
    virtual: Virtual
    work: dict[str, Work] = field(default_factory=dict)
    seen: list[tuple[float, str, str]] = field(default_factory=list)
    on_prompt: Callable[[], object] = lambda: None
    on_publish: Callable[[], object] = lambda: None
    on_waiting: Callable[[], object] = lambda: None
    on_schedule: Callable[[Box], Scheduled | None] = lambda _: None
    beside: Callable[[Job, int | None], Sequence[Operation]] = lambda *_: ()
    prompt_seconds: int = 300
    waited: list[str] = field(default_factory=list)
    until: list[int] = field(default_factory=list)

    def note(self, what: str, ref: str) -> None:
        self.seen.append((self.virtual.hub.time, what, ref))

    def load(self, box: Box, ref: str) -> Job | None:
        item = self.table.get([box.key.job(ref)])[0]
        return Job.read(box.key, ref, item) if item else None

    def run(self, activation: Activation) -> Ending | None:
        self.note("run", activation.job.ref)
        return self.work.get(activation.job.ref, completed)(activation)

    def scheduled(self, box: Box) -> Scheduled | None:
        return self.on_schedule(box)

    def cancelled(self, activation: Activation) -> Ending:
        return Ending(outcome="cancelled", terminal="cancelled")

    def failed(self, activation: Activation, reason: Exception | None) -> Ending:
        return Ending(outcome="failed", terminal=f"failed: {reason}")

    def publish(self, activation: Activation) -> None:
        activation.keeper.check()
        self.note(activation.job.terminal, activation.job.ref)
        self.on_publish()

    def heard(self, activation: Activation, box: Box) -> None:
        """Nobody comes back."""

    def prompt(self, activation: Activation, expires_at: int) -> None:
        self.note("prompt", activation.job.ref)
        self.until.append(expires_at)
        self.on_prompt()

    def waiting(self, activation: Activation, expires_at: int) -> None:
        self.waited.append(activation.job.ref)
        self.on_waiting()

    def beside_wait(self, job: Job, expires_at: int | None) -> Sequence[Operation]:
        return self.beside(job, expires_at)

    def prompt_timeout(self, job: Job) -> int:
        return self.prompt_seconds * 1000

    def did(self, ref: str) -> list[str]:
        return [what for _, what, name in self.seen if name == ref]

    def when(self, what: str, ref: str) -> float:
        return next(time for time, did, name in self.seen if (did, name) == (what, ref))


class Queue:
    """Wakes, kept for the test to look at."""

    def __init__(self) -> None:
        self.sent: list[Wake] = []

    def send(self, wakes: Sequence[Wake]) -> None:
        self.sent += wakes

    @property
    def ordinary(self) -> list[int]:
        """The delays of all but the watch wakes."""
        return [wake.delay for wake in self.sent if wake.epoch is None]

    @property
    def watches(self) -> list[tuple[int, int]]:
        """Delay and epoch of the watch wakes."""
        return [(wake.delay, wake.epoch) for wake in self.sent if wake.epoch is not None]


class DrainRig:
    """Workers of one mailbox."""

    def __init__(self, folder: Path) -> None:
        self.virtual = Virtual()
        self.clock = self.virtual.clock
        self.timing = Timing()
        self.engine = SqliteTable(folder / "parley.db")
        self.plan: Callable[[Call], Fault | Hooks | None] = lambda _: None
        self.calls: list[tuple[float, str]] = []
        faulty = FaultyTable(self.engine, self._planned)
        self.table = ResilientTable(faulty, FolderArtifacts(folder / "files"), self.clock)
        self.requests = Requests(self.table, self.clock)
        self.holder = Holder(self.table, self.clock, self.timing)
        self.queue = Queue()
        self.script = Script(self.table, self.virtual)
        self.handlers: dict[str, Handler] = {"conv": self.script}
        self.table.write([new_box(BOX, self.clock)])

    def _planned(self, call: Call) -> Fault | Hooks | None:
        self.calls.append((self.virtual.hub.time, call.method))
        return self.plan(call)

    def add(self, ref: str, work: Work | None = None) -> None:
        if work is not None:
            self.script.work[ref] = work
        self.requests.add(BOX, NewJob(ref=ref, hash="h", payload={}), bound=None)

    def drain(self, seconds: float = 900, watched: int | None = None, key: BoxKey = BOX) -> None:
        """One worker, from wake to end."""
        self.virtual.run(lambda: self.drain_now(seconds, watched, key))

    def drain_now(
        self, seconds: float = 900, watched: int | None = None, key: BoxKey = BOX
    ) -> None:
        """The same, for work that is inside the process already."""
        made = Drain(self.holder, self.queue, self.clock, self.timing, self.handlers, "instance")
        made.run(key, seconds=seconds, watched=watched)

    def wait(self, seconds: float) -> None:
        self.virtual.pass_time(seconds)

    def process_ahead(self) -> None:
        """The wall clock is wrong from now on, by a minute."""
        self.virtual.process.skew_ms = 60_000

    def process_back(self) -> None:
        self.virtual.process.skew_ms = 0

    def die_holding(self) -> None:
        """A worker takes the lease and is never heard of again."""
        assert isinstance(self.holder.take(BOX, f"dead/{self.virtual.hub.time}"), tuple)

    @property
    def box(self) -> Box:
        item = self.table.get([BOX.item])[0]
        assert item is not None
        return Box.read(BOX, item)

    def job(self, ref: str) -> Job:
        job = self.script.load(self.box, ref)
        assert job is not None
        return job

    def at_rest(self) -> bool:
        box = self.box
        return (box.jobs, box.stops, box.owner, box.due) == ((), (), None, None)


def parks(call: str = "k") -> Work:
    """Work that waits for the approval of one call, then ends as was decided."""

    def work(activation: Activation) -> Ending | None:
        decision: Any = activation.job.decision(call)
        if decision is None:
            body = dict(activation.job.body)
            activation.holder.park(
                activation.lease, activation.job, call=call, digest="d", body=body
            )
            return None
        return Ending(outcome="completed", terminal=decision["what"])

    return work
