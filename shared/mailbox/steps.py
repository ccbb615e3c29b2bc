"""One activation of a mailbox, step by step: from taking the lease to giving it back.

The order of checks at each step is fixed: is the head done (then push and pop), was it asked to
stop, has it crashed too often, does it wait; only then it runs. A box that was read before the
job's item is what the lease is given back on: only if nobody has rung since.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from shared.mailbox.box import Box, Job, Pending
from shared.mailbox.handler import Activation, Handler, OutOfTime
from shared.mailbox.jobs import Ending, Rang, Stale, Stopped
from shared.mailbox.keeper import Keeper
from shared.mailbox.leases import Lease, LeaseLost
from shared.storage.table import TransientError

if TYPE_CHECKING:
    from shared.mailbox.drain import Drain

log = logging.getLogger("parley")

_Left = TypeVar("_Left")

EARLY = 2_000
"""Milliseconds by which a wake may be early: wait for that long rather than come again."""

MAX_STALE = 5
"""Reads of one job in a row that turn out stale, before it counts as a crash."""


class Steps:
    """One activation: from take to let-go."""

    def __init__(
        self,
        drain: "Drain",
        handler: Handler,
        lease: Lease,
        deadline: float,
        reserve: float,
    ) -> None:
        self._keeper: Keeper
        self._drain = drain
        self._holder = drain.holder
        self._clock = drain.clock
        self._handler = handler
        self._lease = lease
        self._deadline = deadline
        self._reserve = reserve
        self._margin = min(5.0, reserve / 5)
        self._first: str | None = None
        self._running: Activation | None = None
        self._shown: dict[tuple[str, str], int] = {}
        self._stale = 0

    def run(self, box: Box, keeper: Keeper) -> None:
        self._keeper = keeper
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
                self._holder.hand_over(self._lease, cut=over.cut)
                self._drain.wake_at(self._lease.box, self._clock.now())
                return

    def _step(self, box: Box) -> Box | None:
        """Do one thing; the box as it is afterwards, None when the lease was given back."""
        for ref in box.stops:
            if ref != box.head:
                return self._drop(box, ref)
        if box.head is None or (box.next_at is not None and box.next_at <= self._clock.now()):
            scheduled = self._handler.scheduled(box)
            if scheduled is not None:
                return self._holder.schedule(self._lease, box, scheduled)
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
        settle = max(settle, self._answered_at(job))
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

    def _answered_at(self, job: Job) -> int:
        """Until when whoever answered the prompt that this activation has pushed may not have been
        acknowledged."""
        pending = job.pending
        if pending is None or (job.ref, pending.call) not in self._shown:
            return 0
        decision = job.decision(pending.call)
        return int(decision["at"]) + 150 if decision else 0

    def _run(self, activation: Activation) -> Box | None:
        self._running = activation
        with activation.cleanup:
            ending = self._ran(activation)
            self._running = None
            return self._finish(activation, ending) if ending else self._holder.read(self._lease)

    def _ran(self, activation: Activation) -> Ending | None:
        try:
            return self._handler.run(activation)
        except (LeaseLost, Stopped, Stale, OutOfTime, TransientError):
            raise
        except Exception as fault:
            log.exception("job failed", extra={"box": activation.box.key.pk})
            return self._handler.failed(activation, fault)

    def _finish(self, activation: Activation, ending: Ending) -> Box | None:
        self._end(activation, ending)
        return self._push_and_pop(activation)

    def _end(self, activation: Activation, ending: Ending) -> None:
        job = activation.job
        at_head = activation.box.head == job.ref
        ending = self._holder.finish(self._lease, job, ending, at_head=at_head)
        if at_head and ending.next_at is not None:
            activation.box = replace(activation.box, next_at=ending.next_at or None)
        attrs = {**job.attrs, "state": "done", "outcome": ending.outcome}
        body = {**job.body, **ending.body, "terminal": ending.terminal}
        activation.job = replace(job, attrs=attrs, body=body)
        activation.ending = ending

    def _push_and_pop(self, activation: Activation) -> Box | None:
        """Send how the job ended, then let it leave. Whoever began to listen meanwhile has rung
        the bell, and is told before the job is gone."""
        return self._told(activation, lambda now: self._holder.pop(self._lease, now))

    def _told(self, activation: Activation, leave: Callable[[Box], _Left]) -> _Left:
        """Send how the job ended, until it could leave without anybody having come meanwhile."""
        while True:
            self._keeper.check()
            self._publish(activation)
            self._wake_others(activation)
            try:
                return leave(activation.box)
            except Rang as rang:
                activation.box = rang.box

    def _wake_others(self, activation: Activation) -> None:
        """What the end has given others to do comes after it was told: those who wait for that
        should not wait for the queue. If this worker dies before, the sweep finds the others."""
        ending = activation.ending
        if ending is not None and ending.wakes:
            for key in ending.wakes:
                self._drain.wake_at(key, self._clock.now())
            activation.ending = replace(ending, wakes=())

    def _publish(self, activation: Activation) -> None:
        """Send how the job ended. A connection that cannot be sent to is no reason to keep the
        job: its end is stored, and given to whoever asks again."""
        self._send(lambda: self._handler.publish(activation), activation)

    def tend(self, seen: Box) -> None:
        """While the head runs, in the background: let it hear who came, and end the waiting jobs
        that were asked to stop. `seen` is the box in which the bell had moved; who came and a stop
        are noted in the same write."""
        running = self._running
        if running is not None:
            self._handler.heard(running, seen)
        if set(seen.stops) <= {seen.head}:
            return
        box = self._holder.read(self._lease)
        for ref in box.stops:
            if ref != box.head:
                with suppress(Stopped, Stale, Rang):
                    box = self._drop(box, ref)

    def _drop(self, box: Box, ref: str) -> Box:
        """End a waiting job that was asked to stop, so that it need not wait for its turn."""
        job = self._handler.load(box, ref) if ref in box.jobs else None
        if job is not None:
            activation = self._activation(box, job)
            if not job.done:
                self._end(activation, self._handler.cancelled(activation))
            return self._told(activation, lambda now: self._holder.drop(self._lease, now, ref))
        return self._holder.drop(self._lease, box, ref)

    def _wait(self, activation: Activation, pending: Pending) -> Box | None:
        """The head waits for a person: see that the prompt was pushed, then let go."""
        box, job = activation.box, activation.job
        now = self._clock.now()
        if pending.expires_at is not None:
            if pending.expires_at <= now:
                beside = self._handler.beside_wait(job, None)
                self._holder.expire(self._lease, job, pending.call, beside)
                return self._holder.read(self._lease)
            self._wait_on(activation, pending.expires_at)
            return self._delay(box, pending.expires_at)
        expires_at = self._prompted(activation, pending)
        if expires_at is not None and self._holder.prompted(
            self._lease,
            job,
            pending.call,
            box.bell,
            expires_at,
            box.next_at,
            self._handler.beside_wait(job, expires_at),
        ):
            self._drain.wake_at(box.key, expires_at)
            return None
        return self._holder.read(self._lease)

    def _prompted(self, activation: Activation, pending: Pending) -> int | None:
        """Push the prompt, once in an activation; until when it can be answered. None: there is
        nothing to ask any more."""
        known = (activation.job.ref, pending.call)
        if known in self._shown:
            # The bell rang: somebody may have come back.
            self._wait_on(activation, self._shown[known])
        else:
            self._keeper.check()
            if not self._holder.show(self._lease, activation.job, pending.call):
                return None
            until = self._clock.now() + self._handler.prompt_timeout(activation.job)
            self._send(lambda: self._handler.prompt(activation, until), activation)
            self._shown[known] = until
        return self._shown[known]

    def _wait_on(self, activation: Activation, expires_at: int) -> None:
        self._keeper.check()
        self._send(lambda: self._handler.waiting(activation, expires_at), activation)

    def _send(self, send: Callable[[], None], activation: Activation) -> None:
        """Send something that can be had again. A connection that cannot be sent to is no reason
        to stop here."""
        try:
            send()
        except (LeaseLost, TransientError):
            raise
        except Exception:  # whatever it was: raised on, it would come back at every activation
            log.exception("not sent", extra={"box": activation.box.key.pk})
        # If the lease was in doubt meanwhile, something has been left unsent: it must not be noted
        # as sent.
        self._keeper.check()

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
