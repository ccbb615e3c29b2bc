"""One run: a deployment with as many processes as it needs, under one seed."""

import random
import secrets
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import jwt

from functions.send_message.handler import handler as send_message
from functions.sweep.handler import handler as sweep
from functions.worker.handler import handler as worker
from functions.ws_connect.handler import handler as ws_connect
from shared import wiring
from shared.local.runtime import LambdaContext
from shared.logs import InvocationFailed
from shared.messaging.wakes import Wake, wake_text
from shared.settings import Settings
from shared.storage.sqlite import SqliteTable
from shared.storage.wrapper import ResilientTable
from shared.wiring import Deployment
from tests.faults.seeded.chaos import Chaos, ChaoticWakes, Rates, weather
from tests.faults.seeded.diary import Diary
from tests.faults.seeded.gateway import Gateway
from tests.faults.seeded.historian import Historian
from tests.faults.seeded.keeping import Keeping
from tests.faults.seeded.model import Model, equipped
from tests.faults.seeded.processes import Instance, SimLock, Simulated, TornTable
from tests.faults.seeded.recorded import Recorded
from tests.simulation.hub import Hub, Killed, Process, SimClock, SimTask
from tests.support.faults import FaultyTable
from tests.wire.scene import AGENTS

SECRET = "a-secret-of-these-tests-that-is-long-enough"
HANDLERS: dict[str, Callable[[Any, Any], Any]] = {
    "send_message": send_message,
    "sweep": sweep,
    "worker": worker,
    "ws_connect": ws_connect,
}
SECONDS = {"send_message": 30.0, "sweep": 60.0, "ws_connect": 30.0}


@contextmanager
def repeatable(seed: int) -> Iterator[None]:
    """Ids and jitter come from the seed."""
    dice = random.Random(seed)
    state = random.getstate()
    random.seed(seed)
    made = patch.object(uuid, "uuid4", lambda: uuid.UUID(int=dice.getrandbits(128), version=4))
    bits = patch.object(secrets, "randbits", dice.getrandbits)
    try:
        with made, bits:
            yield
    finally:
        random.setstate(state)


class World:
    """Everything of one run."""

    def __init__(
        self,
        seed: int,
        folder: Path,
        rates: Rates | None = None,
        keeping: Keeping | None = None,
        **environ: str,
    ) -> None:
        """Without `rates` the seed chooses them; with `keeping` somebody keeps the history."""
        self.rng = random.Random(seed)
        self.hub = Hub()
        self.diary = Diary()
        self.chaos = Chaos(self.hub, self.rng, rates or weather(self.rng), self.diary)
        self.skewed = rates is None and self.rng.random() < 0.5
        self.worker_seconds = 900.0 if rates else self.rng.choice([900.0, 900.0, 60.0, 25.0])
        """After so many seconds a worker must have handed over."""
        self.together = rates is None and self.rng.random() < 0.3
        self.gateway = Gateway(self.chaos, self.diary, self._disconnected)
        self.model = Model(self.chaos, self.diary)
        self.engine = SqliteTable(folder / f"{seed}.db")
        patience = 30 if rates else self.rng.choice([8, 20, 40])
        """Seconds that people have to answer."""
        variables = {
            "WORKSPACE_BASE": str(folder),
            "ASSISTANT_LOCAL_CONFIG_DIR": str(AGENTS),
            "SIGNING_SECRET": SECRET,
            "AUTH_MODE": "jwt",
            "AUTH_JWT_SECRET": SECRET,
            "AUTH_JWT_ISSUER": "us",
            "RATE_LIMIT_PER_MINUTE": "0",
            "RATE_LIMIT_PRINCIPAL_PER_MINUTE": "0",
            "TURN_SECONDS": "240",
            "APPROVAL_TIMEOUT_SEC": str(patience),
            **environ,
        }
        self.keeping = keeping
        self.historian = Historian(self.chaos, self.diary, keeping) if keeping else None
        kept = keeping.environ if keeping else {}
        self.settings = Settings.load({**variables, **kept}, loopback=True)
        self._equipment = equipped(self.model, self.diary)
        self._instances: list[Instance] = []
        self._processes = 0
        self._connections = 0
        self._answers = 0
        # The historian owns no agents.
        local = Settings.load(variables, loopback=True)
        self._agents = Deployment(local).agents
        self.artifacts = Deployment(local).artifacts
        self.wakes = ChaoticWakes(self.chaos, self._deliver)
        self.world = Process(self.hub, "world")

    # -- processes ------------------------------------------------------------------------

    def process(self) -> Process:
        self._processes += 1
        skew = self.rng.randint(-2000, 2000) if self.skewed else 0
        return Process(self.hub, f"p{self._processes}", skew)

    def _new(self) -> Instance:
        process = self.process()
        made = Simulated(self.settings, clock=SimClock(process), instance=process.name)
        torn = self.keeping is not None and self.keeping.torn
        faulty = TornTable if torn else FaultyTable
        made.engine = faulty(Recorded(self.engine, self.diary, self.hub), self.chaos.store)
        made.push, made.model, made.wakes = self.gateway, self.model, self.wakes
        made.agents, made.artifacts = self._agents, self.artifacts
        made.equipment = self._equipment
        turns: Any = made.turn_handler
        turns._telling._letting_in = SimLock(self.hub)
        if self.historian and self.keeping:
            made.tells(self.historian, self.keeping)
        instance = Instance(process, made)
        self._instances.append(instance)
        return instance

    def instance(self) -> Instance:
        """One that is free, or a new one."""
        self._instances = [each for each in self._instances if not each.process.dead]
        free = [each for each in self._instances if not each.busy or self.together]
        fresh = not free or self.rng.random() < (0.05 if self.together else 0.2)
        return self._new() if fresh else self.rng.choice(free)

    @property
    def working(self) -> list[Process]:
        """The processes that are at something."""
        return [i.process for i in self._instances if i.busy and not i.process.dead]

    def invoke(
        self, function: str, event: Any, then: Callable[[Any], None] = lambda _answer: None
    ) -> None:
        """Call a handler as Lambda does; `then` with what it returns, if it does."""

        def work(deployment: Deployment) -> None:
            # The handler asks for it at once, before anything else can run.
            wiring.install(deployment)
            clock = deployment.clock
            deadline = clock.monotonic() + SECONDS.get(function, self.worker_seconds)
            context = LambdaContext(function_name=function, deadline=deadline, clock=clock)
            try:
                answer = HANDLERS[function](event, context)
            except InvocationFailed:
                # Nobody waits for the answer to that; the next post finds the connection gone.
                if event.get("requestContext", {}).get("eventType") != "DISCONNECT":
                    self.diary.broken.append(f"{function} failed")
                return
            then(answer)

        self.run_in(work)

    def run_in(self, work: Callable[[Deployment], None]) -> None:
        """Have a process do this, as it does with a request."""
        instance = self.instance()
        instance.busy += 1

        def busy() -> None:
            try:
                work(instance.deployment)
            finally:
                instance.busy -= 1

        self.hub.spawn(instance.process, busy)

    def after(self, seconds: float, work: Callable[[], Any]) -> None:
        self.gateway.after(seconds, work)

    def start(self, work: Callable[[], None]) -> None:
        """Beside the product: what a client does."""
        self.hub.spawn(self.world, work)

    # -- what reaches the product ---------------------------------------------------------

    def _deliver(self, wake: Wake, after: float) -> None:
        event = {"Records": [{"body": wake_text(wake)}]}
        self.after(after, partial(self.invoke, "worker", event))

    def sweep_every_minute(self, minutes: int) -> None:
        for minute in range(minutes):
            self.after(minute * 60.0 + 30, partial(self.invoke, "sweep", {}))

    def connection(self) -> str:
        self._connections += 1
        return f"c{self._connections}"

    def connect(self, user: str, connection: str, then: Callable[[Any], None]) -> None:
        expires = (SimClock.EPOCH_MS // 1000) + 10 * 24 * 3600
        claims = {"sub": user, "tenant": "t", "iss": "us", "exp": expires, "roles": ["user"]}
        request = {"connectionId": connection, "eventType": "CONNECT"}
        token = jwt.encode(claims, SECRET, algorithm="HS256")
        event = {"requestContext": request, "queryStringParameters": {"token": token}}
        self.invoke("ws_connect", event, then)

    def _disconnected(self, connection: str) -> None:
        request = {"connectionId": connection, "eventType": "DISCONNECT"}
        self.invoke("ws_connect", {"requestContext": request})

    def answer_id(self) -> str:
        """The request id of another frame by which somebody answers a turn."""
        self._answers += 1
        return f"d{self._answers}"

    def frame(self, connection: str, body: str) -> None:
        if not self.gateway.sockets[connection].open:
            return
        event = {"requestContext": {"connectionId": connection}, "body": body}
        self.after(self.rng.uniform(0.001, 0.03), partial(self.invoke, "send_message", event))

    # -- afterwards -----------------------------------------------------------------------

    def table(self) -> ResilientTable:
        """The store without faults."""
        return ResilientTable(self.engine, self.artifacts, SimClock(Process(self.hub, "reader")))

    def close(self) -> None:
        wiring.install(None)
        mine = [task for task in SimTask._tasks.values() if task.hub is self.hub]
        for task in mine:
            task.process.kill()
        for task in mine:
            # What it does on its way out may wait again.
            for _ in range(20):
                if not task.greenlet.dead:
                    task.greenlet.throw(Killed)
        self.engine.close()
