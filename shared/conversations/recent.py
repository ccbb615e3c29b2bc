"""What this process knows of turns that it has run lately, beside what was noted of them."""

from collections import OrderedDict
from threading import Lock
from typing import Generic, TypeVar

from shared.mailbox.box import Job

T = TypeVar("T")


class Recent(Generic[T]):
    """One value for each of the last `turns`. Safe for threads."""

    def __init__(self, turns: int) -> None:
        self._most = turns
        self._known: OrderedDict[tuple[str, str], T] = OrderedDict()
        self._lock = Lock()

    def note(self, job: Job, value: T) -> None:
        with self._lock:
            self._known[(job.key.pk, job.ref)] = value
            while len(self._known) > self._most:
                self._known.popitem(last=False)

    def of(self, job: Job) -> T | None:
        """None if this process has not run it."""
        with self._lock:
            return self._known.get((job.key.pk, job.ref))
