"""Virtual time and cooperative processes: one thread, one seed, one order of events."""

import heapq
import itertools
from collections.abc import Callable

from greenlet import getcurrent, greenlet


class Killed(BaseException):
    """The process is dead: nothing of it runs any further, no cleanup either."""


class Process:
    """A simulated operating-system process: its greenlets die and freeze together."""

    def __init__(self, hub: "Hub", name: str, skew_ms: int = 0) -> None:
        self.hub = hub
        self.name = name
        self.skew_ms = skew_ms
        self.dead = False
        self.frozen_until = 0.0
        self.frozen_for = 0.0

    def kill(self) -> None:
        self.dead = True

    def freeze(self, seconds: float) -> None:
        """Stand still; the wall clock goes on, the monotonic one does not."""
        self.frozen_until = self.hub.time + seconds
        self.frozen_for += seconds


class Hub:
    """The scheduler. Times are seconds from the beginning of the run."""

    def __init__(self) -> None:
        self.time = 0.0
        self._main = getcurrent()
        self._queue: list[tuple[float, int, Waiter]] = []
        self._order = itertools.count()

    def at(self, time: float, waiter: "Waiter") -> None:
        heapq.heappush(self._queue, (max(time, self.time), next(self._order), waiter))

    def spawn(self, process: Process, work: Callable[[], None]) -> "SimTask":
        task = SimTask(self, process, work)
        self.at(self.time, Waiter(task))
        return task

    def run(self, until: float) -> None:
        """Let everything happen that happens before `until`."""
        while self._queue and self._queue[0][0] <= until:
            time, _, waiter = heapq.heappop(self._queue)
            self.time = time
            waiter.fire(self)
        self.time = until

    def sleep(self, seconds: float) -> None:
        """For the running greenlet."""
        current = SimTask.current()
        self.at(self.time + max(0.0, seconds), Waiter(current))
        self.switch_away(current)

    def switch_away(self, current: "SimTask") -> None:
        self._main.switch()
        if current.process.dead:
            raise Killed

    @property
    def main(self) -> greenlet:
        return self._main


class SimTask:
    """One greenlet of a process."""

    _tasks: dict[int, "SimTask"] = {}

    def __init__(self, hub: Hub, process: Process, work: Callable[[], None]) -> None:
        self.hub = hub
        self.process = process
        self.spawned_at = hub.time
        self.finished = SimEvent(hub)
        self.greenlet = greenlet(lambda: self._body(work), parent=hub.main)

    def _body(self, work: Callable[[], None]) -> None:
        SimTask._tasks[id(self.greenlet)] = self
        try:
            if not self.process.dead:
                work()
        except Killed:
            return
        finally:
            del SimTask._tasks[id(self.greenlet)]
            self.finished.set()

    @classmethod
    def current(cls) -> "SimTask":
        return cls._tasks[id(getcurrent())]

    def join(self, timeout: float | None = None) -> None:
        self.finished.wait(timeout)


class Waiter:
    """A reason to go on with a task; fires once."""

    def __init__(self, task: SimTask) -> None:
        self.task = task
        self.fired = False

    def fire(self, hub: Hub) -> None:
        if self.fired:
            return
        process = self.task.process
        if process.frozen_until > hub.time and not process.dead:
            hub.at(process.frozen_until, self)
            return
        self.fired = True
        if not self.task.greenlet.dead:
            self.task.greenlet.switch()


class SimEvent:
    """`shared.clock.Event` in virtual time."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._set = False
        self._waiters: list[Waiter] = []

    def set(self) -> None:
        self._set = True
        for waiter in self._waiters:
            self._hub.at(self._hub.time, waiter)
        self._waiters = []

    def is_set(self) -> bool:
        return self._set

    def wait(self, timeout: float | None = None) -> bool:
        if self._set:
            return True
        current = SimTask.current()
        waiter = Waiter(current)
        self._waiters.append(waiter)
        if timeout is not None:
            self._hub.at(self._hub.time + timeout, waiter)
        self._hub.switch_away(current)
        return self._set


class SimClock:
    """`shared.clock.Clock` of one process."""

    EPOCH_MS = 1_800_000_000_000

    def __init__(self, process: Process) -> None:
        self._process = process
        self._hub = process.hub

    def now(self) -> int:
        return self.EPOCH_MS + int(self._hub.time * 1000) + self._process.skew_ms

    def monotonic(self) -> float:
        return self._hub.time - self._process.frozen_for

    def sleep(self, seconds: float) -> None:
        self._hub.sleep(seconds)

    def event(self) -> SimEvent:
        return SimEvent(self._hub)

    def spawn(self, work: Callable[[], None], name: str) -> SimTask:
        del name
        return self._hub.spawn(self._process, work)
