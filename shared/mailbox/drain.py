"""Running a mailbox: take the lease, run the head, go on until nothing is left to do now.

The order of checks at each step is fixed: is the lease mine, is the head done (then push and
pop), was it asked to stop, has it crashed too often, does it wait; only then it runs. `seen` is
the bell of a box that was read before the job's item: the lease is given back only if nobody
rang since.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace

from shared.clock import Clock
from shared.ids import new_id
from shared.mailbox.box import Box, BoxKey, Job, Pending, Timing
from shared.mailbox.handler import Activation, Handler, OutOfTime
from shared.mailbox.holder import Holder
from shared.mailbox.jobs import Ending, Rang, Stale, Stopped
from shared.mailbox.keeper import Keeper
from shared.mailbox.leases import Lease, LeaseLost
from shared.messaging.wakes import MAX_DELAY, Wake, Wakes
from shared.storage.table import TransientError

log = logging.getLogger("parley")

SOON = 90_000
"""Milliseconds: whoever writes a `due` this near sends the delayed wake itself."""

RETRY = 5_000
"""Milliseconds until a mailbox is looked at again when the store did not answer."""

EARLY = 2_000
"""Milliseconds by which a wake may be early: wait for that long rather than come again."""

MAX_STALE = 5
"""Reads of one job in a row that turn out stale, before it counts as a crash."""


class Drain:
    """The worker's loop, for all kinds of mailboxes. `instance` names this process."""

    def __init__(
        self,
        holder: Holder,
        wakes: Wakes,
        clock: Clock,
        timing: Timing,
        handlers: Mapping[str, Handler],
        instance: str,
    ) -> None:
        self.holder = holder
        self.clock = clock
        self.timing = timing
        self._wakes = wakes
        self._handlers = handlers
        self._instance = instance

    def run(self, key: BoxKey, *, seconds: float, watched: int | None = None) -> None:
        """Look at the mailbox and do what there is to do, for at most about `seconds`.

        A wake that comes while somebody else holds the lease is dropped. Never raises for a
        lost lease or a store that does not answer: the sweep comes back to it.
        """
        try:
            taken = self.holder.take(key, f"{self._instance}/{new_id()}", watched)
            if isinstance(taken, Box):
                self._refused(taken, watched)
            else:
                self._activate(*taken, self.clock.monotonic() + seconds, seconds / 2)
        except TransientError:
            log.warning("store unavailable", extra={"box": key.pk}, exc_info=True)

    def _activate(self, lease: Lease, box: Box, deadline: float, reserve: float) -> None:
        keeper = Keeper(self.holder, lease, box, self._wakes, self.clock, self.timing)
        handler = self._handlers[lease.box.kind]
        try:
            _Session(self, handler, lease, keeper, deadline, reserve).run(box)
        except LeaseLost:
            log.info("lease lost", extra={"box": box.key.pk})
        except TransientError:
            log.warning("store unavailable", extra={"box": box.key.pk}, exc_info=True)
            # What was shown so far may be shown again: whoever goes on must know.
            self.holder.hand_over(lease, crashes=box.crashes + 1)
            self.wake_at(box.key, self.clock.now() + RETRY)
        finally:
            keeper.stop()

    def _refused(self, box: Box, watched: int | None) -> None:
        """Somebody else works. A watch wake of that very activation comes back when its lease,
        extended meanwhile, would be over."""
        if watched is not None and box.owner is not None and box.epoch == watched:
            self.wake_at(box.key, box.until + self.timing.grace + 1000, epoch=watched)

    def wake_at(self, key: BoxKey, at: int, epoch: int | None = None) -> None:
        """Send a wake for a time (ms) that is near; the sweep knows the others."""
        wait = at - self.clock.now()
        if wait <= SOON:
            delay = min(MAX_DELAY, max(0, -(-wait // 1000)))
            self._wakes.send([Wake(key.pk, key.tenant, delay, epoch)])


class _Session:
    """One activation: from take to let-go."""

    def __init__(
        self,
        drain: Drain,
        handler: Handler,
        lease: Lease,
        keeper: Keeper,
        deadline: float,
        reserve: float,
    ) -> None:
        self._drain = drain
        self._holder = drain.holder
        self._clock = drain.clock
        self._handler = handler
        self._lease = lease
        self._keeper = keeper
        self._deadline = deadline
        self._reserve = reserve
        self._margin = min(5.0, reserve / 5)
        self._first: str | None = None
        self._shown: set[tuple[str, str]] = set()
        self._stale = 0

    def run(self, box: Box) -> None:
        self._first = box.head
        current: Box | None = box
        while current is not None:
            try:
                current = self._step(current)
                self._stale = 0
            except (Stopped, Stale):
                self._stale += 1
                if self._stale > MAX_STALE:
                    raise LeaseLost from None
                current = self._holder.read(self._lease)
            except Rang as rang:
                current = rang.box
            except OutOfTime as over:
                crashes = current.crashes + 1 if current and over.cut else 0
                self._hand_over(crashes)
                return

    def _step(self, box: Box) -> Box | None:
        """Do one thing; the box as it is afterwards, None when the lease was given back."""
        for ref in box.stops:
            if ref != box.head:
                return self._drop(box, ref)
        if box.head is None:
            return self._let_go(box, None)
        job = self._handler.load(box, box.head)
        if job is None:
            return self._holder.pop(self._lease, box)
        activation = self._activation(box, job)
        if job.done:
            return self._push_and_pop(activation)
        if job.stopped:
            return self._finish(activation, self._handler.cancelled(activation))
        return self._go_on(activation)

    def _go_on(self, activation: Activation) -> Box | None:
        """The head is neither done nor stopped: it gives up, waits or runs."""
        box, job = activation.box, activation.job
        if box.crashes >= self._drain.timing.max_crashes:
            log.error("job gave up after crashes", extra={"box": box.key.pk})
            return self._finish(activation, self._handler.failed(activation, None))
        pending = job.undecided
        if pending is not None:
            return self._wait(activation, pending)
        if job.not_before > self._clock.now():
            return self._delay(box, job.not_before)
        if job.ref != self._first and activation.seconds_left < self._reserve:
            raise OutOfTime
        return self._run(activation)

    def _activation(self, box: Box, job: Job) -> Activation:
        # A job that this worker came upon without its wake may not have been acknowledged yet.
        settle = 0 if job.ref == self._first else job.added_at + 150
        return Activation(
            box,
            job,
            self._lease,
            self._holder,
            self._keeper,
            self._clock,
            self._deadline - self._margin,
            min(settle, self._clock.now() + 150),
        )

    def _run(self, activation: Activation) -> Box | None:
        try:
            ending = self._handler.run(activation)
        except (LeaseLost, Stopped, Stale, OutOfTime, TransientError):
            raise
        except Exception as fault:
            log.exception("job failed", extra={"box": activation.box.key.pk})
            ending = self._handler.failed(activation, fault)
        return self._finish(activation, ending) if ending else self._holder.read(self._lease)

    def _finish(self, activation: Activation, ending: Ending) -> Box | None:
        self._end(activation, ending)
        return self._push_and_pop(activation)

    def _end(self, activation: Activation, ending: Ending) -> None:
        job = activation.job
        self._holder.finish(self._lease, job, ending)
        for key in ending.wakes:
            self._drain.wake_at(key, self._clock.now())
        attrs = {**job.attrs, "state": "done", "outcome": ending.outcome}
        body = {**job.body, **ending.body, "terminal": ending.terminal}
        activation.job = replace(job, attrs=attrs, body=body)
        activation.ending = ending

    def _push_and_pop(self, activation: Activation) -> Box | None:
        """Send how the job ended, then let it leave. Whoever began to listen meanwhile has rung
        the bell, and is told before the job is gone."""
        while True:
            self._keeper.check()
            self._handler.publish(activation)
            try:
                return self._holder.pop(self._lease, activation.box)
            except Rang as rang:
                activation.box = rang.box

    def _drop(self, box: Box, ref: str) -> Box:
        """End a waiting job that was asked to stop, so that it need not wait for its turn."""
        job = self._handler.load(box, ref) if ref in box.jobs else None
        if job is not None:
            activation = self._activation(box, job)
            if not job.done:
                self._end(activation, self._handler.cancelled(activation))
            self._keeper.check()
            self._handler.publish(activation)
        return self._holder.drop(self._lease, box, ref)

    def _wait(self, activation: Activation, pending: Pending) -> Box | None:
        """The head waits for a person: see that the prompt was pushed, then let go."""
        box, job = activation.box, activation.job
        now = self._clock.now()
        if pending.expires_at is not None:
            if pending.expires_at <= now:
                self._holder.expire(self._lease, job, pending.call)
                return self._holder.read(self._lease)
            return self._delay(box, pending.expires_at)
        if (job.ref, pending.call) not in self._shown:
            self._keeper.check()
            self._handler.prompt(activation)
            self._shown.add((job.ref, pending.call))
        expires_at = self._clock.now() + self._handler.prompt_timeout(job)
        if self._holder.prompted(self._lease, job, pending.call, box.bell, expires_at, box.next_at):
            self._drain.wake_at(box.key, expires_at)
            return None
        return self._holder.read(self._lease)

    def _delay(self, box: Box, at: int) -> Box | None:
        """Nothing to do before `at`: wait for a moment, or let go until then."""
        wait = at - self._clock.now()
        if 0 < wait <= EARLY:
            self._clock.sleep(wait / 1000)
            return self._holder.read(self._lease)
        return self._let_go(box, at)

    def _let_go(self, box: Box, head_at: int | None) -> Box | None:
        if not self._holder.let_go(self._lease, box.bell, head_at, box.next_at):
            return self._holder.read(self._lease)
        due = self._holder.due_at(head_at, box.next_at)
        if due is not None:
            self._drain.wake_at(box.key, due)
        return None

    def _hand_over(self, crashes: int) -> None:
        self._holder.hand_over(self._lease, crashes)
        self._drain.wake_at(self._lease.box, self._clock.now())
