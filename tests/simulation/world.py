"""One run: workers, people and mailboxes under one seed, and a diary of what was seen outside."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from shared.mailbox.box import BoxKey, Job, Timing
from shared.mailbox.deliveries import Deliveries, DeliveryPolicy
from shared.mailbox.drain import Drain
from shared.mailbox.handler import Handler
from shared.mailbox.holder import Holder
from shared.mailbox.listeners import new_box
from shared.mailbox.requests import BacklogFull, NewJob, Requests
from shared.mailbox.sweep import Sweep
from shared.messaging.http import HttpFailed
from shared.messaging.wakes import Wake
from shared.storage.folder import FolderArtifacts
from shared.storage.sqlite import SqliteTable
from shared.storage.table import Item, Key, Put, TransientError
from shared.storage.wrapper import ResilientTable
from tests.simulation.faults import Chaos, ChaoticEngine, ChaoticWakes, LaggingIndex, Rates
from tests.simulation.hub import Hub, Process, SimClock
from tests.simulation.scripted import Call, Scripted

TENANT = "t1"
BOUND = 8


@dataclass
class Diary:
    """What an observer outside the system saw, with times in seconds."""

    acknowledged: dict[str, str] = field(default_factory=dict)  # ref -> box id
    accepted_order: dict[str, list[str]] = field(default_factory=dict)
    terminals: dict[str, list[tuple[float, str]]] = field(default_factory=dict)
    prompts: dict[str, list[tuple[float, str]]] = field(default_factory=dict)
    effects: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    calls: dict[tuple[str, str], Call] = field(default_factory=dict)
    model_calls: dict[str, list[float]] = field(default_factory=dict)
    decided: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    decided_at: dict[tuple[str, str], float] = field(default_factory=dict)
    cancelled: dict[str, float] = field(default_factory=dict)
    poison: set[str] = field(default_factory=set)
    posts: dict[str, int] = field(default_factory=dict)


class World:
    """A deployment of a few workers. `holder` is the shipped class, or one with a rule off."""

    def __init__(
        self, seed: int, folder: Path, rates: Rates, holder: type[Holder] = Holder
    ) -> None:
        random.seed(seed)  # tenacity's jitter
        self.rng = random.Random(seed)
        self.hub = Hub()
        self.chaos = Chaos(self.hub, self.rng, rates)
        self.diary = Diary()
        self.timing = Timing()
        self._holder = holder
        self.engine = SqliteTable(folder / f"{seed}.sqlite3")
        self._artifacts = FolderArtifacts(folder / "artifacts")
        self._index = LaggingIndex(self.engine, self.hub)
        self._count = 0
        self.had_faults = rates.on
        self.worker_seconds = self.rng.choice([20.0, 60.0, 900.0])

    def process(self, name: str) -> Process:
        self._count += 1
        return Process(self.hub, f"{name}{self._count}", self.rng.randint(-2000, 2000))

    def table(self, process: Process) -> ResilientTable:
        engine = ChaoticEngine(self.engine, self._index, process, self.chaos)
        return ResilientTable(engine, self._artifacts, SimClock(process))

    @property
    def wakes(self) -> ChaoticWakes:
        return ChaoticWakes(self.chaos, self._deliver)

    def start(self, process: Process, work: Callable[[], None]) -> None:
        def guarded() -> None:
            try:
                work()
            except TransientError:
                return

        self.hub.spawn(process, guarded)

    def later(self, seconds: float, process: Process, work: Callable[[], None]) -> None:
        def wait() -> None:
            self.hub.sleep(seconds)
            work()

        self.start(process, wait)

    # -- workers --------------------------------------------------------------------------

    def _deliver(self, wake: Wake, after: float) -> None:
        worker = self.process("worker")
        self.later(after, worker, lambda: self._work(worker, wake))

    def _work(self, process: Process, wake: Wake) -> None:
        table, clock = self.table(process), SimClock(process)
        holder = self._holder(table, clock, self.timing)
        requests = Requests(table, clock)
        policy = DeliveryPolicy(attempts=4)
        handlers: dict[str, Handler] = {
            "conv": Scripted(self, process, table, requests),
            "deliver": Deliveries(table, Receiver(self, process), "secret", policy),
        }
        drain = Drain(holder, self.wakes, clock, self.timing, handlers, process.name)
        drain.run(BoxKey.parse(wake.box), seconds=self.worker_seconds, watched=wake.epoch)

    def sweep_every_minute(self, minutes: int) -> None:
        for minute in range(minutes):
            process = self.process("sweep")

            def sweep(process: Process = process) -> None:
                Sweep(self.table(process), self.wakes, SimClock(process)).run(seconds=50)

            self.later(minute * 60.0 + 30, process, sweep)

    # -- clients --------------------------------------------------------------------------

    def make_box(self, box: BoxKey) -> None:
        process = self.process("setup")
        self.engine_table(process).write(
            [new_box(box, SimClock(process)), Put(Item(Key(box.partition, "META"), {"count": 0}))]
        )

    def engine_table(self, process: Process) -> ResilientTable:
        return ResilientTable(self.engine, self._artifacts, SimClock(process))

    def send(self, box: BoxKey, ref: str, payload: dict[str, Any], tries: int = 6) -> None:
        """A client that repeats its frame until it is acknowledged, or gives up."""
        handler = self.process("send")

        def attempt() -> None:
            requests = Requests(self.table(handler), SimClock(handler))
            job = NewJob(ref=ref, hash="h", payload=payload)
            try:
                added = requests.add(box, job, bound=BOUND)
            except BacklogFull:
                return
            self.diary.acknowledged.setdefault(ref, box.id)
            if not added.job.done:
                self.chaos.point(handler)
                self.wakes.send([Wake(box.pk, box.tenant)])

        self.start(handler, attempt)
        if tries > 1:
            again = self.process("client")
            wait = self.rng.uniform(2, 20)
            repeat = self.rng.random() < 0.2

            def retry() -> None:
                if ref not in self.diary.acknowledged or repeat:
                    self.send(box, ref, payload, tries - 1 if not repeat else 1)

            self.later(wait, again, retry)

    def decide(self, box: BoxKey, ref: str, call: str, what: str, who: str) -> None:
        handler = self.process("decide")

        def attempt() -> None:
            requests = Requests(self.table(handler), SimClock(handler))
            digest = f"digest of {call}"
            answer = requests.decide(box, ref, call=call, digest=digest, what=what, who=who)
            if answer != "refused":
                self.diary.decided.setdefault((ref, call), []).append(what)
                self.diary.decided_at.setdefault((ref, call), self.hub.time)
                self.chaos.point(handler)
                self.wakes.send([Wake(box.pk, box.tenant)])

        self.start(handler, attempt)

    def cancel(self, box: BoxKey, ref: str) -> None:
        handler = self.process("cancel")

        def attempt() -> None:
            requests = Requests(self.table(handler), SimClock(handler))
            if requests.cancel(box, ref, who="ann"):
                self.diary.cancelled.setdefault(ref, self.hub.time)
                self.chaos.point(handler)
                self.wakes.send([Wake(box.pk, box.tenant)])

        self.start(handler, attempt)

    # -- what scripted jobs do to the world -----------------------------------------------

    def effect(self, job: Job, call: Call) -> None:
        self.diary.calls[job.ref, call.id] = call
        self.diary.effects.setdefault((job.ref, call.id), []).append(self.hub.time)

    def model_call(self, job: Job) -> None:
        self.diary.model_calls.setdefault(job.ref, []).append(self.hub.time)

    def pushed(self, kind: str, job: Job, text: str) -> None:
        if kind == "terminal":
            self.diary.terminals.setdefault(job.ref, []).append((self.hub.time, text))
            return
        self.diary.prompts.setdefault(job.ref, []).append((self.hub.time, text))
        self._people_see(job, text.split(" ")[2])

    def _people_see(self, job: Job, call: str) -> None:
        """Sometimes nobody answers; sometimes two people answer at once, and not the same."""
        mood = self.rng.random()
        if mood < 0.15:
            return
        answers = [("ann", "approved" if mood < 0.75 else "denied")]
        if self.rng.random() < 0.3:
            answers.append(("bob", self.rng.choice(["approved", "denied"])))
        wait = self.rng.choice([0.0, 0.005, 0.05, 1.0, 30.0, 400.0])
        for who, what in answers:
            person = self.process(who)
            answer = partial(self.decide, job.key, job.ref, call, what, who)
            self.later(wait + self.rng.uniform(0, 0.02), person, answer)

    def close(self) -> None:
        self.engine.close()


class Receiver:
    """The other end of deliveries: fails at random, sometimes after it has received."""

    def __init__(self, world: World, process: Process) -> None:
        self._world = world
        self._process = process

    def post(self, url: str, body: bytes, headers: Any, *, timeout: float) -> int:
        world = self._world
        world.chaos.point(self._process)
        if world.chaos.hits(0.1):
            raise HttpFailed("refused")
        world.diary.posts[url] = world.diary.posts.get(url, 0) + 1
        world.hub.sleep(0.05)
        world.chaos.point(self._process)
        return 500 if world.chaos.hits(0.1) else 200
