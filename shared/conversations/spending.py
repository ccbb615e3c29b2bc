"""What one turn spends: asked before each call of a model, counted with each note."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from shared.conversations.services import Services
from shared.conversations.usage import beyond, counted
from shared.mailbox.box import Job
from shared.models.port import Usage
from shared.runner.limits import NO_LIMITS, unknown_price
from shared.storage.table import Operation

AT_HAND_MS = 5_000
"""How old the tenant's sum may be at the first call: it has come with the turn."""


class Spending:
    """The spending of one turn in one activation. `so_far` says what it has cost, and `limits` are
    its agent's."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._asked = False
        self.limits = NO_LIMITS
        self.so_far: Callable[[], Usage] = Usage

    def check(self, job: Job, model: str) -> None:
        """Right before the model is asked.

        Raises:
            TurnFailed: BUDGET_EXCEEDED by the tenant's budget; or there is one, of whatever kind,
                and nobody knows what this model costs.
        """
        budgeted = self._counts or self.limits.in_dollars
        if budgeted and not self._services.priced(model):
            raise unknown_price()
        uncounted = beyond(self.so_far(), counted(job)).cost_nano_usd or 0
        max_age = 0 if self._asked else AT_HAND_MS
        self._services.may_spend(job.key.tenant, beside=uncounted, max_age=max_age)
        self._asked = True

    def kept(self) -> dict[str, Any]:
        """What is noted with each step: what the turn has cost, and what of it is counted then."""
        spent = asdict(self.so_far())
        return {"spent": spent, "counted": spent} if self._counts else {"spent": spent}

    def beside(self, job: Job) -> Sequence[Operation]:
        """The write that counts what has been spent since the last note, for the transaction of the
        next one; none if that is nothing, or nobody asks before the turn has ended."""
        ledger = self._services.ledger
        rest = beyond(self.so_far(), counted(job))
        if ledger is None or not self._counts or not any(asdict(rest).values()):
            return ()
        return [ledger.add(job.key.tenant, job.key.id, rest, turns=0)]

    @property
    def _counts(self) -> bool:
        ledger = self._services.ledger
        return ledger is not None and ledger.limited
