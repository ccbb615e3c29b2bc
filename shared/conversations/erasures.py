"""Asking for the erasure of what a user or a tenant has, or of what nobody has used for days.

It is done by the job of a mailbox of its own (`erasing.py`).

LIMIT#erasure#tenant#user / LIMIT       at: when the user last had the table read
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from shared.clock import Clock
from shared.conversations.audit import Deletion, Kind, audit_key
from shared.errors import RateLimited
from shared.ids import time_ordered_id
from shared.mailbox.box import BoxKey, key_part
from shared.mailbox.requests import Requests
from shared.messaging.wakes import Wake, Wakes
from shared.storage.expressions import (
    ABSENT,
    Append,
    Assign,
    Change,
    Condition,
    Increment,
    Remove,
    attr,
)
from shared.storage.table import (
    ConditionFailed,
    Item,
    Key,
    Operation,
    Put,
    Table,
    Unavailable,
    Update,
)

KIND = "erasure"
REF = "ERASE#"
HOUR = 3_600_000
TRIES = 8
"""How often it is tried, while others ask for the same or the job comes to its end."""


class Erasures:
    """Asks for them. It asks nobody whether they may."""

    def __init__(self, table: Table, clock: Clock, requests: Requests, wakes: Wakes) -> None:
        self._table = table
        self._clock = clock
        self._requests = requests
        self._wakes = wakes

    def ask(self, tenant: str, kind: Kind, target: str, *, by: str, limited: bool = False) -> str:
        """Erase what there is of the target by now: a user's conversations and sessions, all that
        the tenant has, or (`idle`) the tenant's conversations that nobody has used for `target`
        days. The deletion's id. While it is under way that stays the same, and the table is read
        anew, so that what has begun since goes as well.

        Reading a table is dear: who is `limited` has that done once an hour, and the same
        request changes nothing then.

        Raises:
            RateLimited: it was done within the hour, and nothing is under way.
        """
        box = BoxKey(KIND, tenant, f"{kind}:{target}")
        for _ in range(TRIES):
            limit = [self._hourly(tenant, by)] if limited else []
            known = self._begun(box, kind, target, by, limit) or self._again(box, limit)
            if known is not None:
                self._wakes.send([Wake(box.pk, box.tenant)])
                return known
        raise Unavailable("an erasure could not be asked for")

    def _begun(
        self, box: BoxKey, kind: Kind, target: str, by: str, limit: Sequence[Operation]
    ) -> str | None:
        """The id of a deletion that begins with this; None if one is under way."""
        now = self._clock.now()
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
        try:
            self._table.write(
                [
                    Put(Item(box.job(REF), attrs), ABSENT),
                    Update(box.item, [Append(("jobs",), REF), *self._requests.ring(box)]),
                    deletion.begun(box.tenant),
                    *limit,
                ]
            )
        except ConditionFailed as failed:
            if failed.failures.get(0) is None and 3 in failed.failures:
                raise self._refused(failed.failures[3]) from failed
            return None
        return deletion.id

    def _again(self, box: BoxKey, limit: Sequence[Operation]) -> str | None:
        """The id of the deletion that is under way, which reads the table anew; None if it has
        ended, or somebody else asks at the same time."""
        item = self._table.get([box.job(REF)])[0]
        if item is None:
            return None
        now, known = self._clock.now(), str(item.attrs["deletion"])
        changes: list[Change] = [Increment(("asks",), 1)]
        changes += [Remove((name,)) for name in ("cursor", "left", "not_before")]
        # Clocks differ, and what was promised stays so.
        later = now > asked_at(item.attrs)
        if later:
            changes.append(Assign(("asked_at",), now))
        ring = Update(box.item, self._requests.ring(box))
        try:
            self._table.write([Update(item.key, changes, unasked(item.attrs)), ring, *limit])
        except ConditionFailed as failed:
            # Whoever may not have it read again gets the same answer.
            return None if 0 in failed.failures else known
        if later:
            covered = Update(
                audit_key(box.tenant, known),
                [Assign(("asked_at",), now)],
                attr("asked_at").lt(now),
            )
            with suppress(ConditionFailed):  # it is not kept any more, or somebody came later
                self._table.update(covered)
        return known

    # -- once an hour ---------------------------------------------------------------------

    def _hourly(self, tenant: str, user: str) -> Update:
        now = self._clock.now()
        key = Key(f"LIMIT#erasure#{key_part(tenant)}#{key_part(user)}", "LIMIT")
        passed = ABSENT | attr("at").le(now - HOUR)
        return Update(key, [Assign(("at",), now)], passed, ttl=(now + 2 * HOUR) // 1000)

    def _refused(self, limit: Item | None) -> RateLimited:
        now = self._clock.now()
        at = int(limit.attrs["at"]) if limit else now
        message = "You have asked for this within the last hour; try again later."
        return RateLimited(message, retry_after=max(1, -(-(at + HOUR - now) // 1000)))


def asked_at(job: Mapping[str, Any]) -> int:
    """What had begun by then (ms) is covered, by the attributes of the job."""
    return int(job.get("asked_at", job["added_at"]))


def unasked(job: Mapping[str, Any]) -> Condition:
    """The condition of the job that nobody has asked for it once more since it was read."""
    asks, known = attr("asks"), job.get("asks")
    same = asks.absent() if known is None else asks.eq(known)
    return attr("deletion").eq(job["deletion"]) & same
