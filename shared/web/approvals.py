"""Approvals over HTTP: those that the caller may decide, one of them, and deciding it."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool

from shared.conversations.approvals import Approval
from shared.conversations.pages import Pages
from shared.protocol.fields import MAX_NOTE, clean_note
from shared.protocol.replies import iso_time
from shared.web.auth import Caller
from shared.web.errors import error_bodies
from shared.web.lists import Cursor, Limit, link_next
from shared.web.services import Services

Listed = Annotated[
    Literal["pending", "decided"],
    Query(description="Those that wait for somebody, or those that do not any more."),
]


class Decision(BaseModel):
    """Whether the call may be made. The agent is told the note when it may not."""

    model_config = ConfigDict(extra="forbid")

    approved: StrictBool
    note: Annotated[str, AfterValidator(clean_note)] | None = Field(None, max_length=MAX_NOTE)


class ApprovalEntry(BaseModel):
    """One call that somebody is asked about, for the user `requested_by`. `arguments` are without
    secrets, and cut where they are very long. With `roles`, one of them is needed to decide.
    `expires_at` is null until the question has been put; `decided_at` is also when an approval
    expired or its turn ended."""

    approval_id: str
    state: Literal["pending", "approved", "denied", "expired", "withdrawn"]
    turn_id: str
    conversation_id: str
    session_id: str
    requested_by: str
    agent_id: str
    tool: str
    description: str
    arguments: dict[str, Any]
    roles: Sequence[str]
    asked_at: str
    expires_at: str | None
    decided_by: str | None
    decided_at: str | None
    note: str | None


def router(services: Services) -> APIRouter:
    api = APIRouter(tags=["approvals"])

    @api.get("/approvals", responses=error_bodies(401, 422))
    def list_approvals(
        caller: Caller,
        response: Response,
        state: Listed = "pending",
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> list[ApprovalEntry]:
        """What the caller may decide: first what their own turns ask, then what their roles
        decide; the latest first. While there is a `Link` with `rel="next"` there may be more, even
        if this page is short or empty."""
        page = services.approvals.page(caller, state=state, limit=limit, cursor=cursor)
        asked = {"state": state, "limit": str(limit)}
        link_next(response, "/approvals", asked, page.next_cursor)
        return [_entry(each) for each in page.approvals]

    @api.get("/approvals/{approval_id}", responses=error_bodies(401, 404))
    def get_approval(approval_id: str, caller: Caller) -> ApprovalEntry:
        """One approval as it stands."""
        return _entry(services.approvals.find(caller, approval_id))

    @api.post("/approvals/{approval_id}", responses=error_bodies(401, 403, 404, 409, 410, 422))
    def decide(approval_id: str, body: Decision, caller: Caller, request: Request) -> ApprovalEntry:
        """Approve the call or deny it, once. The same again answers the same; anything else is
        409, and 410 when the time is over."""
        origin = request.headers.get("origin")
        if origin is not None:
            asked = services.approvals.find(caller, approval_id)
            Pages(services.agents).check(asked.agent, caller.tenant, origin)
        seen, box = services.approvals.decide(
            caller, approval_id, approved=body.approved, note=body.note or ""
        )
        services.turns.wake(box)
        return _entry(seen)

    return api


def _entry(seen: Approval) -> ApprovalEntry:
    return ApprovalEntry.model_validate(
        {
            "approval_id": seen.id,
            "state": seen.state,
            "turn_id": seen.turn,
            "conversation_id": seen.conversation,
            "session_id": seen.session,
            "requested_by": seen.requested_by,
            "agent_id": seen.agent,
            "tool": seen.tool,
            "description": seen.description,
            "arguments": seen.arguments,
            "roles": seen.roles,
            "asked_at": iso_time(seen.asked_at),
            "expires_at": _time(seen.expires_at),
            "decided_by": seen.decided_by,
            "decided_at": _time(seen.decided_at),
            "note": seen.note,
        }
    )


def _time(at: int | None) -> str | None:
    return None if at is None else iso_time(at)
