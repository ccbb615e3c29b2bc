"""Dead letters over HTTP: those of the tenant, and having one delivered again."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from shared.errors import Forbidden
from shared.identity.access import Action, Thing, may
from shared.identity.principal import Principal
from shared.mailbox.dead_letters import DeadLetter
from shared.protocol.replies import iso_time
from shared.web.auth import Caller
from shared.web.errors import error_bodies
from shared.web.lists import Cursor, Limit, link_next
from shared.web.services import Services

Listed = Annotated[Literal["dead"], Query(description="Those that were given up.")]


class DeliveryEntry(BaseModel):
    """One delivery that was given up after so many `attempts`, the last of which ended with the
    `error`; without any there was no room for it."""

    delivery_id: str
    kind: Literal["callback", "call_record", "transcript", "escalation", "finalize"]
    conversation_id: str
    attempts: int
    error: str
    added_at: str
    dead_since: str


class Replayed(BaseModel):
    """It will be delivered, or be a dead letter again."""

    delivery_id: str
    status: Literal["queued"] = "queued"


def router(services: Services) -> APIRouter:
    api = APIRouter(tags=["deliveries"])

    @api.get("/deliveries", responses=error_bodies(401, 403, 422))
    def list_deliveries(
        caller: Caller,
        response: Response,
        state: Listed = "dead",
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> list[DeliveryEntry]:
        """The dead letters of the caller's tenant, the latest first, for its administrators. While
        there is a `Link` with `rel="next"` there may be more, even if this page is short or
        empty."""
        _check(caller, "list")
        page = services.dead_letters.page(caller.tenant, limit, cursor)
        asked = {"state": state, "limit": str(limit)}
        link_next(response, "/deliveries", asked, page.next_cursor)
        return [_entry(each) for each in page.letters]

    @api.post(
        "/deliveries/{delivery_id}/replay",
        status_code=202,
        responses=error_bodies(401, 403, 404, 409),
    )
    def replay(delivery_id: str, caller: Caller) -> Replayed:
        """Have a dead letter delivered after all, with all attempts that a fresh one has. Answers
        the same while it waits for that."""
        _check(caller, "replay")
        box = services.dead_letters.replay(caller.tenant, delivery_id)
        services.turns.wake(box)
        return Replayed(delivery_id=delivery_id)

    return api


def _check(caller: Principal, action: Action) -> None:
    """Whether the caller may do this with any delivery of their tenant."""
    if not may(caller, action, Thing(tenant=caller.tenant, owner=None)):
        raise Forbidden("This is for the roles admin and service.")


def _entry(letter: DeadLetter) -> DeliveryEntry:
    return DeliveryEntry.model_validate(
        {
            "delivery_id": letter.id,
            "kind": letter.kind,
            "conversation_id": letter.conversation,
            "attempts": letter.attempts,
            "error": letter.error,
            "added_at": iso_time(letter.added_at),
            "dead_since": iso_time(letter.dead_since),
        }
    )
