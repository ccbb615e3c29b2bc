"""Deleting over HTTP: a conversation, what a user or a tenant has; and how far that has come."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel

from shared.conversations.audit import Deletion, Kind, public_id
from shared.conversations.listing import no_such_conversation
from shared.errors import Forbidden, NotFound
from shared.identity.access import Thing, may
from shared.identity.principal import Principal
from shared.protocol.replies import iso_time
from shared.web.auth import Caller
from shared.web.errors import error_bodies
from shared.web.services import Services

User = Annotated[str, Path(min_length=1, max_length=256, description="The name of the user.")]
Tenant = Annotated[str, Path(min_length=1, max_length=256, description="The caller's own tenant.")]
IdleDays = Annotated[
    int | None,
    Query(
        ge=1,
        le=36_500,
        description="Only the conversations that nobody has used for so many days.",
    ),
]


class ConversationDeletion(BaseModel):
    """From now on the conversation does not exist for anybody; what is left of it goes."""

    conversation_id: str
    deletion_id: str
    status: Literal["deleting"] = "deleting"


class Erasure(BaseModel):
    """It has been asked for; `GET /deletions/{deletion_id}` says how far it has come."""

    deletion_id: str
    status: Literal["deleting"] = "deleting"


class DeletionState(BaseModel):
    """One deletion. `reason` is request, retention, or the deletion that it is part of; `items` and
    `files` are what has gone from the table and the bucket, `conversations` those that an erasure
    has had deleted, each of which is a deletion of its own."""

    deletion_id: str
    kind: Kind
    target: str
    requested_by: str | None
    reason: str
    status: Literal["deleting", "deleted"]
    conversations: int
    items: int
    files: int
    asked_at: str
    done_at: str | None


def router(services: Services) -> APIRouter:
    api = APIRouter(tags=["deletions"])

    @api.delete(
        "/conversations/{conversation_id}", status_code=202, responses=error_bodies(401, 404)
    )
    def delete_conversation(conversation_id: str, caller: Caller) -> ConversationDeletion:
        """Delete a conversation for good: its messages, files and sessions, and what was still to
        be delivered of it. Its turns are cancelled. Answers the same while that is under way, and
        then 404."""
        box, meta = services.conversations.deletable(caller, conversation_id)
        deletion = services.deleting.ask(box, meta, by=caller.user)
        if deletion is None:
            raise no_such_conversation()
        return ConversationDeletion(conversation_id=box.id, deletion_id=public_id(deletion))

    @api.delete(
        "/users/{user:path}/data", status_code=202, responses=error_bodies(401, 403, 422, 429)
    )
    def erase_user(user: User, caller: Caller) -> Erasure:
        """Delete all conversations and sessions that a user of the caller's tenant has: one's own,
        or for administrators anybody's. While that is under way, once more covers what has begun
        since. One's own is had once an hour: more often answers the same while it is under way, and
        then 429."""
        if not may(caller, "erase", Thing(tenant=caller.tenant, owner=user)):
            _check(caller)
        return _erasure(caller, "user", user)

    @api.delete(
        "/tenants/{tenant:path}/data", status_code=202, responses=error_bodies(401, 403, 404, 422)
    )
    def erase_tenant(tenant: Tenant, caller: Caller, idle_days: IdleDays = None) -> Erasure:
        """Delete all that the caller's tenant has, or those of its conversations that nobody has
        used for `idle_days`. For administrators."""
        _check(caller)
        if tenant != caller.tenant:
            raise NotFound("There is no such tenant.", code="TENANT_NOT_FOUND")
        if idle_days is not None:
            return _erasure(caller, "idle", str(idle_days))
        return _erasure(caller, "tenant", tenant)

    @api.get("/deletions/{deletion_id}", responses=error_bodies(401, 404))
    def get_deletion(deletion_id: str, caller: Caller) -> DeletionState:
        """How far a deletion has come, for who has asked for it and for administrators."""
        return _state(services.deletions.find(caller, deletion_id))

    def _erasure(caller: Principal, kind: Kind, target: str) -> Erasure:
        limited = not _administers(caller)
        deletion = services.erasures.ask(
            caller.tenant, kind, target, by=caller.user, limited=limited
        )
        return Erasure(deletion_id=public_id(deletion))

    return api


def _check(caller: Principal) -> None:
    """Whether the caller may delete what belongs to the tenant as a whole."""
    if not _administers(caller):
        raise Forbidden("This is for the roles admin and service.")


def _administers(caller: Principal) -> bool:
    return may(caller, "erase", Thing(tenant=caller.tenant, owner=None))


def _state(found: Deletion) -> DeletionState:
    part = found.kind == "conversation" and found.reason not in ("request", "retention")
    return DeletionState(
        deletion_id=public_id(found.id),
        kind=found.kind,
        target=found.target,
        requested_by=(None if part else found.by) or None,
        reason=public_id(found.reason) if part else found.reason,
        status=found.state,
        conversations=found.conversations,
        items=found.items,
        files=found.files,
        asked_at=iso_time(found.asked_at),
        done_at=None if found.done_at is None else iso_time(found.done_at),
    )
