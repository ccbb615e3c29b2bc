"""Asking for the erasure of what a user or a tenant has, or of what nobody has used for days.

It is done by the job of a mailbox of its own (`erasing.py`).
"""

from shared.clock import Clock
from shared.conversations.audit import Deletion, Kind
from shared.ids import time_ordered_id
from shared.mailbox.box import BoxKey
from shared.mailbox.requests import Requests
from shared.messaging.wakes import Wake, Wakes
from shared.storage.expressions import ABSENT, Append
from shared.storage.table import ConditionFailed, Item, Put, Table, Update

KIND = "erasure"
REF = "ERASE#"


class Erasures:
    """Asks for them. It asks nobody whether they may."""

    def __init__(self, table: Table, clock: Clock, requests: Requests, wakes: Wakes) -> None:
        self._table = table
        self._clock = clock
        self._requests = requests
        self._wakes = wakes

    def ask(self, tenant: str, kind: Kind, target: str, *, by: str) -> str:
        """Erase what there is of the target by now: a user's conversations and sessions, all that
        the tenant has, or (`idle`) the tenant's conversations that nobody has used for `target`
        days. The deletion's id; again while it is under way is the same."""
        now = self._clock.now()
        box = BoxKey(KIND, tenant, f"{kind}:{target}")
        deletion = Deletion(
            id=time_ordered_id(now), kind=kind, target=target, by=by, reason="request", asked_at=now
        )
        attrs = {
            "state": "queued",
            "hash": REF,
            "added_at": now,
            "deletion": deletion.id,
            "kind": kind,
            "target": target,
            "decisions": {},
            "marks": {},
        }
        known = deletion.id
        try:
            self._table.write(
                [
                    Put(Item(box.job(REF), attrs), ABSENT),
                    Update(box.item, [Append(("jobs",), REF), *self._requests.ring(box)]),
                    deletion.begun(tenant),
                ]
            )
        except ConditionFailed as failed:
            found = failed.failures.get(0)
            if found is not None:
                known = str(found.attrs["deletion"])
        self._wakes.send([Wake(box.pk, box.tenant)])
        return known
