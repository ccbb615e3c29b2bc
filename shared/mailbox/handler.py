"""What a kind of job looks like to the drain that runs it."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Protocol

from shared.clock import Clock
from shared.mailbox.box import Box, Job
from shared.mailbox.holder import Holder
from shared.mailbox.jobs import Ending, Scheduled
from shared.mailbox.keeper import Keeper
from shared.mailbox.leases import Lease
from shared.storage.table import Operation


class OutOfTime(Exception):
    """The worker must hand over: raised by a job at a point where another one can go on.

    `cut`: something was under way that the next worker does anew. It counts like a crash, so that
    a job which needs longer than any worker lives comes to an end.
    """

    def __init__(self, *, cut: bool = False) -> None:
        super().__init__("the worker must hand over")
        self.cut = cut


@dataclass
class Activation:
    """One job being run under a lease: what its handler works with.

    `settle_until` (ms): a job found without its wake may not have been acknowledged before that;
    push nothing earlier. `ending` is what this very activation has just written, when it has.
    `told` is for the handler: who has been sent the terminal event. So are `kept`, from `run` to
    `publish`, and `cleanup`, which is closed when the job has left or cannot go on here.
    """

    box: Box
    job: Job
    lease: Lease
    holder: Holder
    keeper: Keeper
    clock: Clock
    deadline: float
    settle_until: int = 0
    ending: Ending | None = None
    told: set[str] = field(default_factory=set[str])
    kept: dict[str, Any] = field(default_factory=dict[str, Any])
    cleanup: ExitStack = field(default_factory=ExitStack)

    @property
    def seconds_left(self) -> float:
        """Until the worker must hand over; the end of a job takes a moment more, and has it."""
        return self.deadline - self.clock.monotonic()


class Handler(Protocol):
    """What a kind of job does. One handler serves all mailboxes of its kind."""

    def load(self, box: Box, ref: str) -> Job | None:
        """The job, read consistently; None if its item is gone. May read more beside it."""
        ...

    def run(self, activation: Activation) -> Ending | None:
        """Do the job from where its log ends. None: it has parked or postponed itself; look again.

        Raises:
            LeaseLost, Stopped, Stale: from the holder's operations, as they are.
            OutOfTime: hand over; another worker goes on.
        """
        ...

    def heard(self, activation: Activation, box: Box) -> None:
        """While `run` is under way, from another thread: the bell has rung, and this is the mailbox
        as it is since. Whoever is missed here is seen to by `publish`."""
        ...

    def cancelled(self, activation: Activation) -> Ending:
        """The end of a job that was asked to stop."""
        ...

    def failed(self, activation: Activation, reason: Exception | None) -> Ending:
        """The end of a job that raised, or (None) that killed its worker too often."""
        ...

    def publish(self, activation: Activation) -> None:
        """Send the stored terminal event to whoever listens and is not in `told`; it may have been
        sent before, by another worker."""
        ...

    def prompt(self, activation: Activation, expires_at: int) -> None:
        """Send the stored prompt, which can be answered until then (ms); again if it may have been
        sent before."""
        ...

    def waiting(self, activation: Activation, expires_at: int) -> None:
        """The prompt was sent some time ago: send it to whoever has come back since."""
        ...

    def prompt_timeout(self, job: Job) -> int:
        """How long (ms) people have to decide what the job waits for."""
        ...

    def beside_wait(self, job: Job, expires_at: int | None) -> Sequence[Operation]:
        """What is written, unconditionally, with the note that the prompt can be answered until
        then; or (None) that nobody has answered in time."""
        ...

    def scheduled(self, box: Box) -> Scheduled | None:
        """What the mailbox is to be given now: it is empty, or its `next_at` has passed. None:
        nothing, which is no answer to a time that has passed."""
        ...


class AsksNobody:
    """The part of a handler whose jobs wait for no person, are heard by none, and are all added
    from outside."""

    def scheduled(self, box: Box) -> Scheduled | None:
        """Nothing."""
        return None

    def heard(self, activation: Activation, box: Box) -> None:
        """Nobody listens."""

    def prompt(self, activation: Activation, expires_at: int) -> None:
        """There are no prompts."""

    def waiting(self, activation: Activation, expires_at: int) -> None:
        """There are none."""

    def prompt_timeout(self, job: Job) -> int:
        return 0

    def beside_wait(self, job: Job, expires_at: int | None) -> Sequence[Operation]:
        return ()
