"""Virtual time for tests: work runs as greenlets of one process, and waiting takes no time."""

from collections.abc import Callable
from typing import TypeVar

from tests.simulation.hub import Hub, Process, SimClock, SimTask

Answer = TypeVar("Answer")


class Virtual:
    """One process with a clock of its own."""

    def __init__(self) -> None:
        self.hub = Hub()
        self.process = Process(self.hub, "worker")
        self.clock = SimClock(self.process)

    def run(self, work: Callable[[], Answer]) -> Answer:
        """Do this inside the process, for as long as it takes in virtual time."""
        done: list[Answer] = []
        broken: list[BaseException] = []

        def noted() -> None:
            try:
                done.append(work())
            except BaseException as fault:  # noqa: BLE001 - raised again by the caller
                broken.append(fault)

        task = self.hub.spawn(self.process, noted)
        while not task.finished.is_set():
            self.hub.run(self.hub._queue[0][0])
        if broken:
            raise broken[0]
        return done[0]

    def start(self, work: Callable[[], None]) -> SimTask:
        """Begin this inside the process; it goes on while `pass_time` runs."""
        return self.hub.spawn(self.process, work)

    def pass_time(self, seconds: float) -> None:
        """Let everything happen that happens in so many seconds."""
        self.hub.run(self.hub.time + seconds)

    def at(self, seconds: float, work: Callable[[], object]) -> None:
        """Do this so many seconds from now, beside whatever runs then."""

        def later() -> None:
            self.clock.sleep(seconds)
            work()

        self.hub.spawn(self.process, later)
