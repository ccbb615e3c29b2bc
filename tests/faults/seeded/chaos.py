"""What goes wrong, and when: dice that a seed throws."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

from shared.messaging.wakes import Wake
from tests.faults.seeded.diary import Diary
from tests.simulation.hub import Hub, Killed, Process, SimTask
from tests.support.faults import Call, Fault, Hooks


@dataclass
class Rates:
    """Probabilities: per store call, per post, per wake, per answer of the model. `on` switches
    all of them."""

    kill: float = 0.0
    freeze: float = 0.0
    conflict: float = 0.0
    throttle: float = 0.0
    lost_request: float = 0.0
    lost_answer: float = 0.0
    outage: float = 0.0
    wake_lost: float = 0.0
    wake_doubled: float = 0.0
    wake_late: float = 0.0
    post_throttled: float = 0.0
    post_failed: float = 0.0
    post_too_large: float = 0.0
    connection_gone: float = 0.0
    model_stalls: float = 0.0
    model_breaks: float = 0.0
    model_fails: float = 0.0
    on: bool = True


MOST = Rates(
    kill=0.01,
    freeze=0.006,
    conflict=0.06,
    throttle=0.05,
    lost_request=0.04,
    lost_answer=0.04,
    outage=0.003,
    wake_lost=0.3,
    wake_doubled=0.3,
    wake_late=0.3,
    post_throttled=0.15,
    post_failed=0.1,
    post_too_large=0.3,
    connection_gone=0.01,
    model_stalls=0.2,
    model_breaks=0.4,
    model_fails=0.1,
)
"""The most that a seed chooses of each."""


def weather(rng: random.Random) -> Rates:
    """Some kinds of faults, each more or less often. A few seeds have none."""
    chosen = Rates()
    share = rng.choice([0.0, 0.2, 0.5, 0.8])
    for each in fields(Rates):
        if each.name != "on" and rng.random() < share:
            most: float = getattr(MOST, each.name)
            setattr(chosen, each.name, most * rng.choice([0.1, 0.4, 1.0]))
    return chosen


class Chaos:
    """The dice of one run."""

    def __init__(self, hub: Hub, rng: random.Random, rates: Rates, diary: Diary) -> None:
        self.hub = hub
        self.rng = rng
        self.rates = rates
        self.diary = diary
        self.longest_call = 0.02
        """Seconds that the store takes at most."""
        self.troubles: Counter[str] = Counter()
        """How often each process died, stood still, or did not get an answer of the store."""
        self._outage = 0.0

    def hits(self, rate: float) -> bool:
        return self.rates.on and rate > 0 and self.rng.random() < rate

    def point(self) -> bool:
        """A place between two effects: the running process may die or stand still here. Whether it
        has stood still."""
        process = SimTask.current().process
        if self.hits(self.rates.kill):
            self.kill(process)
            raise Killed
        if not self.hits(self.rates.freeze):
            return False
        self.freeze(process, self.rng.choice([3.0, 12.0, 40.0, 90.0]))
        self.hub.sleep(0)
        return True

    def kill(self, process: Process) -> None:
        self.diary.crashes += 1
        self.troubles[process.name] += 1
        process.kill()

    def freeze(self, process: Process, seconds: float) -> None:
        self.diary.crashes += 1
        self.troubles[process.name] += 1
        process.freeze(seconds)

    # -- the store ------------------------------------------------------------------------

    def store(self, call: Call) -> Fault | Hooks:
        """A plan for `FaultyTable`: each call takes a moment, and fails at random."""
        chosen = self._store(call)
        if isinstance(chosen, Fault):
            self.troubles[SimTask.current().process.name] += 1
        return chosen

    def _store(self, call: Call) -> Fault | Hooks:
        rates = self.rates
        self.hub.sleep(self.rng.uniform(0.001, self.longest_call))
        self.point()
        if self.hits(rates.outage):
            self._outage = self.hub.time + self.rng.choice([1.0, 8.0, 45.0])
        if self.rates.on and self.hub.time < self._outage:
            return self.rng.choice([Fault.THROTTLE, Fault.LOST_REQUEST])
        writes = call.method in ("write", "update")
        if writes and self.hits(rates.conflict):
            return Fault.CONFLICT
        if self.hits(rates.throttle):
            return Fault.THROTTLE
        if self.hits(rates.lost_request):
            return Fault.LOST_REQUEST
        if self.hits(rates.lost_answer):
            return Fault.LOST_ANSWER
        return Hooks(after=self._after)

    def _after(self) -> None:
        self.hub.sleep(self.rng.uniform(0.0, 0.005))
        self.point()

    # -- the queue ------------------------------------------------------------------------

    def copies(self) -> int:
        """How many of one wake arrive."""
        return (0 if self.hits(self.rates.wake_lost) else 1) + self.hits(self.rates.wake_doubled)

    def late(self) -> float:
        """By how much (seconds) one arrives after its time."""
        slow = self.rng.uniform(1, 45) if self.hits(self.rates.wake_late) else 0.0
        return slow + self.rng.uniform(0.005, 0.1)


class ChaoticWakes:
    """The queue."""

    def __init__(self, chaos: Chaos, deliver: Callable[[Wake, float], None]) -> None:
        self._chaos = chaos
        self._deliver = deliver

    def send(self, wakes: Sequence[Wake]) -> None:
        for wake in wakes:
            for _ in range(self._chaos.copies()):
                self._deliver(wake, wake.delay + self._chaos.late())
