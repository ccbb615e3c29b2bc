"""A clock for scenarios about what takes long."""

import threading
from collections.abc import Callable

from shared.clock import Event, Task
from tests.support.deployments import MinuteBegins


class Later(MinuteBegins):
    """A clock whose wall clock can be put forward, and stopped; what waits, waits as long as
    ever."""

    def __init__(self) -> None:
        super().__init__()
        self._ahead = 0
        self._stands: int | None = None

    def now(self) -> int:
        return (super().now() if self._stands is None else self._stands) + self._ahead

    def stand(self) -> None:
        """From now on only `put_forward` moves the wall clock."""
        self._stands = super().now()

    def put_forward(self, seconds: float) -> None:
        self._ahead += round(seconds * 1000)


class Hurried(Later):
    """A clock on which so many seconds pass in one; the wall clock, which other processes share,
    keeps its pace."""

    def __init__(self, times: float) -> None:
        super().__init__()
        self._times = times

    def monotonic(self) -> float:
        return super().monotonic() * self._times

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds / self._times)

    def event(self) -> Event:
        return _HurriedEvent(self._times)

    def spawn(self, work: Callable[[], None], name: str) -> Task:
        return _HurriedTask(super().spawn(work, name), self._times)


class _HurriedEvent:
    def __init__(self, times: float) -> None:
        self._times = times
        self._flag = threading.Event()

    def set(self) -> None:
        self._flag.set()

    def is_set(self) -> bool:
        return self._flag.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        return self._flag.wait(None if timeout is None else timeout / self._times)


class _HurriedTask:
    def __init__(self, task: Task, times: float) -> None:
        self._task = task
        self._times = times

    def join(self, timeout: float | None = None) -> None:
        self._task.join(None if timeout is None else timeout / self._times)
