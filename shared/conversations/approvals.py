"""Approvals: which wait for somebody, which have been decided, and deciding one by its id."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.clock import Clock
from shared.conversations.approval_items import (
    WITHDRAWN,
    State,
    approval_key,
    decided,
    listed_under,
)
from shared.conversations.approval_places import BY_ROLE, OWN, Spot, conversation_of
from shared.conversations.items import META, box_key, living, meta_key
from shared.conversations.prompts import parts_of, prompt_id, thing
from shared.errors import ConflictError, NotFound, ParleyError
from shared.identity.access import may, own
from shared.identity.principal import Principal
from shared.mailbox.box import BoxKey
from shared.mailbox.requests import Requests
from shared.runner.prompts import APPROVAL, APPROVED, DENIED, EXPIRED
from shared.storage.table import MAX_GET_KEYS, OWNED, Item, Key, Table

PENDING = "pending"
LOOKS = 6
"""Reads of the index that one page of the list may take."""

PAGE_BYTES = 1024 * 1024
"""What the approvals of one page have as JSON, unless it is a single one."""

_AROUND = 4096
"""Bytes of an approval beside its description, arguments and note, and some to spare."""


@dataclass(frozen=True, kw_only=True)
class Approval:
    """One approval as whoever may decide it sees it. `state` is pending, approved, denied, expired
    or withdrawn; times are milliseconds. `arguments` are the call's, without secrets;
    `requested_by` is for whom its turn runs."""

    id: str
    state: str
    turn: str
    conversation: str
    session: str
    requested_by: str
    agent: str
    tool: str
    description: str
    arguments: dict[str, Any]
    roles: Sequence[str]
    asked_at: int
    expires_at: int | None
    decided_by: str | None = None
    decided_at: int | None = None
    note: str | None = None


@dataclass(frozen=True)
class ApprovalPage:
    """Part of a list. There may be more while `next_cursor` is not None."""

    approvals: list[Approval]
    next_cursor: str | None


class Approvals:
    """Lists and decides."""

    def __init__(self, table: Table, clock: Clock, requests: Requests) -> None:
        self._table = table
        self._clock = clock
        self._requests = requests

    # -- deciding -------------------------------------------------------------------------

    def find(self, principal: Principal, approval: str) -> Approval:
        """The approval with this id. Raises NotFound, also for what is not the principal's to
        decide."""
        return self._seen(*self._found(principal, approval))

    def decide(
        self, principal: Principal, approval: str, *, approved: bool, note: str = ""
    ) -> tuple[Approval, BoxKey]:
        """Decide, once; the approval as it stands then, and the mailbox that the caller wakes when
        it has acknowledged. The same decision of the same principal again is the same.

        Raises:
            NotFound: there is no such approval, or it is not the principal's to decide.
            ConflictError: ALREADY_DECIDED, otherwise or by somebody else; or the turn has ended.
            ApprovalExpired: it is too late.
        """
        box, item = self._found(principal, approval)
        body = item.body or {}
        ref, key, digest = body["ref"], body["key"], body["digest"]
        what, who, now = APPROVED if approved else DENIED, principal.user, self._clock.now()
        answer = self._requests.decide(
            box,
            ref,
            call=key,
            digest=digest,
            what=what,
            who=who,
            beside=[decided(box, ref, body, what=what, who=who, at=now, note=note)],
        )
        if answer == "refused":
            # What is kept beside the turn knows why, also when the turn is long gone.
            item = self._table.get([item.key])[0] or item
            seen = self._seen(box, item)
            if (seen.state, seen.decided_by) != (what, who):
                raise self._refused(seen)
            return seen, box
        return self._seen(box, self._table.get([item.key])[0] or item), box

    def _refused(self, seen: Approval) -> ParleyError:
        if seen.state == EXPIRED:
            return ApprovalExpired()
        if seen.state in (APPROVED, DENIED):
            return already_decided(seen.state)
        return ConflictError(
            "The turn does not wait for this decision any more.", code="APPROVAL_WITHDRAWN"
        )

    def _found(self, principal: Principal, approval: str) -> tuple[BoxKey, Item]:
        try:
            conversation, ref, key, digest = parts_of(APPROVAL, approval)
        except NotFound as fault:
            raise no_such_approval() from fault
        box = box_key(principal.tenant, conversation)
        item, meta = self._table.get([approval_key(box, ref, key), meta_key(box)])
        body = (item.body if item else None) or {}
        if item is None or _is_deleted(meta) or body["digest"] != digest:
            raise no_such_approval()
        if not may(principal, "decide", thing(principal.tenant, body)):
            raise no_such_approval()
        return box, item

    # -- listing --------------------------------------------------------------------------

    def page(
        self, principal: Principal, *, state: State, limit: int, cursor: str | None
    ) -> ApprovalPage:
        """Approvals that the principal may decide, or could have: first their own, then those that
        their roles decide; the latest first. As many as fit `PAGE_BYTES`.

        Raises:
            ValidationError: the cursor is none of this list.
        """
        if not may(principal, "list", own(principal)):
            return ApprovalPage([], None)
        last = spot = Spot.read(cursor) if cursor else Spot()
        within = spot.after(principal.tenant)
        found: list[Approval] = []
        room = PAGE_BYTES
        size = limit + 1
        for _ in range(LOOKS):
            owner = principal.user if spot.place == OWN else None
            page = self._table.query_index(
                OWNED,
                listed_under(state, principal.tenant, owner),
                up_to=spot.up_to if within is None else None,
                descending=True,
                limit=min(size, MAX_GET_KEYS),
                cursor=within,
            )
            for entry, seen in self._entries(principal, page.items, state):
                spot = Spot.of(spot.place, entry, shown=seen is not None)
                if seen is None:
                    continue
                room -= _size(seen)
                if len(found) == limit or (found and room < 0):
                    return ApprovalPage(found, last.cursor)
                found.append(seen)
                last = spot
            within, size = page.cursor, MAX_GET_KEYS
            if within is None:
                if spot.place == BY_ROLE:
                    return ApprovalPage(found, None)
                spot, size = Spot(BY_ROLE), limit + 1 - len(found)
        return ApprovalPage(found, spot.cursor)

    def _entries(
        self, principal: Principal, entries: Sequence[Item], state: State
    ) -> Iterator[tuple[Item, Approval | None]]:
        """The entries of the index with what they stand for, if it belongs to the list."""
        keys = [entry.key for entry in entries]
        metas = list(dict.fromkeys(Key(key.pk, META) for key in keys))
        # In one read, unless there are too many of them.
        asked = [*keys, *metas]
        reads = [asked[at : at + MAX_GET_KEYS] for at in range(0, len(asked), MAX_GET_KEYS)]
        found = [item for read in reads for item in self._table.get(read)]
        items, seen = found[: len(keys)], dict(zip(metas, found[len(keys) :], strict=True))
        for entry, item in zip(entries, items, strict=True):
            deleted = _is_deleted(seen[Key(entry.key.pk, META)])
            yield entry, self._listed(principal, item, state) if item and not deleted else None

    def _listed(self, principal: Principal, item: Item, state: State) -> Approval | None:
        if not may(principal, "decide", thing(principal.tenant, item.body or {})):
            return None
        seen = self._seen(box_key(principal.tenant, conversation_of(item)), item)
        # The index may lag behind, and an expiry may not have been noted yet.
        return seen if (seen.state == PENDING) == (state == "pending") else None

    def _seen(self, box: BoxKey, item: Item) -> Approval:
        body, attrs = item.body or {}, item.attrs
        return Approval(
            id=prompt_id(box.id, body["ref"], APPROVAL, body["key"], body["digest"]),
            state=self._state(attrs),
            turn=body["turn"],
            conversation=box.id,
            session=body["session"],
            requested_by=body["owner"],
            agent=body["agent"],
            tool=body["tool"],
            description=body["content"]["description"],
            arguments=dict(body["content"]["arguments"]),
            roles=body["roles"],
            asked_at=body["asked_at"],
            expires_at=attrs.get("expires_at"),
            decided_by=attrs.get("who") or None,
            decided_at=attrs.get("decided_at", attrs.get("withdrawn_at")),
            note=attrs.get("note") or None,
        )

    def _state(self, attrs: Mapping[str, Any]) -> str:
        if attrs.get("what"):
            return str(attrs["what"])
        if "withdrawn_at" in attrs:
            return WITHDRAWN
        # What has run out can be answered no more, also before somebody has noted that.
        return EXPIRED if attrs.get("expires_at", math.inf) <= self._clock.now() else PENDING


class ApprovalExpired(ParleyError):
    """The time to decide this is over."""

    code = "APPROVAL_EXPIRED"
    status = 410


def _is_deleted(meta: Item | None) -> bool:
    """Whether the conversation is being deleted; what remains of it when META is gone is going."""
    return meta is not None and living(meta) is None


def already_decided(state: str) -> ConflictError:
    return ConflictError(f"This has been decided already: {state}.", code="ALREADY_DECIDED")


def no_such_approval() -> NotFound:
    return NotFound("There is no such approval.", code="APPROVAL_NOT_FOUND")


def _size(seen: Approval) -> int:
    """Bytes of the approval as JSON, and some to spare."""
    content = [seen.description, seen.arguments, seen.note]
    return _AROUND + len(json.dumps(content, ensure_ascii=False).encode())
