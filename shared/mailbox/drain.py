"""Running mailboxes: take the lease, go through the steps, survive what a store can do."""

import logging
from collections.abc import Mapping

from shared.clock import Clock
from shared.ids import new_id
from shared.mailbox.box import Box, BoxKey, Timing
from shared.mailbox.handler import Handler
from shared.mailbox.holder import Holder
from shared.mailbox.keeper import Keeper
from shared.mailbox.leases import Lease, LeaseLost, MailboxRemoved
from shared.mailbox.steps import Steps
from shared.messaging.wakes import MAX_DELAY, Wake, Wakes
from shared.storage.table import NewerItem, TransientError

log = logging.getLogger("parley")

SOON = 90_000
"""Milliseconds: whoever writes a `due` this near sends the delayed wake itself."""

RETRY = 5_000
"""Milliseconds until a mailbox is looked at again when the store did not answer."""

LATER_RELEASE = 30_000
"""Milliseconds until it is looked at again, perhaps by a worker of the later release."""


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
        handler = self._handlers.get(key.kind)
        if handler is None:
            log.error("no handler for this kind of mailbox", extra={"box": key.pk})
            return
        try:
            taken = self.holder.take(key, f"{self._instance}/{new_id()}", watched)
            if isinstance(taken, Box):
                self._refused(taken, watched)
            else:
                self._activate(handler, *taken, seconds)
        except TransientError:
            log.warning("store unavailable", extra={"box": key.pk}, exc_info=True)

    def _activate(self, handler: Handler, lease: Lease, box: Box, seconds: float) -> None:
        session = Steps(self, handler, lease, self.clock.monotonic() + seconds, seconds / 2)
        keeper = Keeper(self.holder, lease, box, self._wakes, self.clock, self.timing, session.tend)
        try:
            session.run(box, keeper)
        except MailboxRemoved:
            pass  # there is nothing to give back, and nobody who would take it
        except LeaseLost:
            log.info("lease lost", extra={"box": box.key.pk})
        except NewerItem:
            log.warning("item of a later release", extra={"box": box.key.pk})
            # Not a crash of the job: the workers of that release do it.
            self.holder.hand_over(lease)
            self.wake_at(box.key, self.clock.now() + LATER_RELEASE)
        except TransientError:
            log.warning("store unavailable", extra={"box": box.key.pk}, exc_info=True)
            # What was shown so far may be shown again: whoever goes on must know.
            self.holder.hand_over(lease, cut=True)
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
