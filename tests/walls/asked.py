"""What may be named where: each field of each action and route, with how it is tried.

A text in the place of probes says why the field names nothing that anybody has. A new action,
route or field is missing here until somebody has thought about it (`test_inventory.py`).
"""

from collections.abc import Mapping
from typing import Any

from tests.walls import probes as of
from tests.walls.inventory import CREDENTIALS, Place
from tests.walls.people import signed_context
from tests.walls.probes import Probe, by_body, by_frame, by_header, by_request, in_session
from tests.walls.seen import Visit
from tests.walls.things import ASKED
from tests.web.site import SECRET

Tried = tuple[Probe, ...] | str

ECHO = "an id of the answer alone; it comes back as it was sent"
CHOICE = "it chooses how this request is done, and names nothing"
TEXT = "what the caller says; it is stored with what is theirs"
AGENTS = "agents are the deployment's, the same for all tenants"
BEARER = "whoever bears a good one is its user; test_credentials.py has the others"


def _vouched(visit: Visit, user: str) -> None:
    context = signed_context(SECRET, user, visit.town.clock.now())
    visit.frame(
        "create_conversation_session", requestId="q", agentId="assistant", authContext=context
    )


def _both(visit: Visit, session: str) -> None:
    visit.frame("cancel", sessionId=session, requestId=f"{visit.mine.request}-1")


def _of_mine(visit: Visit, request: str) -> None:
    visit.frame("cancel", sessionId=visit.mine.busy, requestId=request)


def _back_in_mine(visit: Visit, request: str) -> None:
    visit.frame("resume_turn", sessionId=visit.mine.busy, requestId=request)


CREATE: dict[str, Any] = {"action": "create_conversation_session", "agentId": "assistant"}

ACTIONS: Mapping[str, Mapping[str, Tried]] = {
    "create_conversation_session": {
        "request_id": ECHO,
        "agent_id": AGENTS,
        "conversation_id": (
            by_frame(field="conversationId", pairs=of.conversations, **CREATE),
            # Without an agent: that of the conversation, for whom it may be read.
            by_frame("create_conversation_session", "conversationId", of.conversations),
        ),
        "user_name": TEXT,
        "user_email": (by_frame(field="userEmail", pairs=of.addresses, **CREATE),),
        "supports": CHOICE,
        "metadata": TEXT,
        "browser_fingerprint": "it is not looked at",
        "auth_context": (Probe(of.vouched, _vouched),),
    },
    "send_message": {
        "request_id": (in_session("send_message", "requestId", of.requests),),
        "session_id": (by_frame("send_message", "sessionId", of.sessions, message="Hello"),),
        "message": TEXT,
        "stream": CHOICE,
        "model": CHOICE,
        "skill": CHOICE,
    },
    "get_session": {
        "request_id": ECHO,
        "session_id": (by_frame("get_session", "sessionId", of.sessions),),
    },
    "get_conversation_messages": {
        "request_id": ECHO,
        "session_id": (by_frame("get_conversation_messages", "sessionId", of.sessions),),
        "limit": CHOICE,
        "cursor": (
            in_session("get_conversation_messages", "cursor", of.message_cursors, same=True),
        ),
        "before": (
            in_session("get_conversation_messages", "before", of.message_cursors, same=True),
        ),
    },
    "list_conversations": {
        "request_id": ECHO,
        "limit": CHOICE,
        "cursor": (in_session("list_conversations", "cursor", of.list_cursors, same=True),),
        "query": (by_frame("list_conversations", "query", of.searches),),
    },
    "rename_conversation": {
        "request_id": ECHO,
        "conversation_id": (
            by_frame("rename_conversation", "conversationId", of.conversations, title="Mine now"),
        ),
        "title": TEXT,
    },
    "cancel": {
        "request_id": (
            Probe(of.waiting(2), lambda visit, sent: visit.frame("cancel", requestId=sent), True),
            Probe(of.waiting(1), _of_mine),
        ),
        "session_id": (
            Probe(of.sessions, lambda visit, sent: visit.frame("cancel", sessionId=sent)),
            Probe(of.sessions, _both),
        ),
    },
    "resume_turn": {
        "request_id": (Probe(of.waiting(1), _back_in_mine),),
        "session_id": (by_frame("resume_turn", "sessionId", of.sessions),),
        "received": CHOICE,
    },
    "ping": {"request_id": ECHO},
    "authenticate": {
        "request_id": ECHO,
        "token": (by_frame("authenticate", "token", of.tokens),),
        "ticket": (by_frame("authenticate", "ticket", of.tickets),),
    },
}

OPEN: Mapping[Place, str] = {
    ("GET", "/health"): "says that the service answers, to everybody alike",
    **{
        (method, path): "how the API looks, without anything of anybody"
        for method in ("GET", "HEAD")
        for path in ("/docs", "/docs/oauth2-redirect", "/openapi.json", "/redoc")
    },
}
"""Routes that ask for no credential, and why."""


def _route(
    method: str, path: str, parameters: Mapping[str, Tried], body: object = None
) -> dict[Place, Mapping[str, Tried]]:
    """With the headers that every route reads."""
    bearer, behalf = CREDENTIALS
    own = path.replace("{turn_id}", "{turn}").replace("{conversation_id}", "{conversation}")
    both: dict[str, Tried] = {
        bearer: BEARER,
        behalf: (by_header(method, own, "X_On_Behalf_Of", of.users, body),),
    }
    return {(method, path): {**parameters, **both}}


TURNS = ("POST", "/executor/turns")
MESSAGES = "/conversations/{conversation_id}/messages"

ROUTES: Mapping[Place, Mapping[str, Tried]] = {
    **_route(
        "POST",
        "/tickets",
        {
            "header.idempotency-key": (
                by_header("POST", "/tickets", "Idempotency_Key", of.ticket_keys),
            )
        },
    ),
    **_route(
        *TURNS,
        {
            "header.idempotency-key": (by_header(*TURNS, "Idempotency_Key", of.turn_keys, ASKED),),
            "body.session_id": (by_body("session_id", of.sessions),),
            "body.agent_id": AGENTS,
            "body.message": TEXT,
            "body.wait": CHOICE,
            "body.callback_url": "where to tell the caller that the turn has ended",
            "body.model": CHOICE,
            "body.skill": CHOICE,
        },
        ASKED,
    ),
    **_route(
        "GET", "/turns/{turn_id}", {"path.turn_id": (by_request("GET", "/turns/{}", of.turns),)}
    ),
    **_route(
        "POST",
        "/turns/{turn_id}/cancel",
        {"path.turn_id": (by_request("POST", "/turns/{}/cancel", of.turns),)},
    ),
    **_route(
        "GET",
        "/conversations",
        {
            "query.limit": CHOICE,
            "query.cursor": (
                by_request("GET", "/conversations?cursor={}", of.list_cursors, same=True),
            ),
            "query.query": (by_request("GET", "/conversations?query={}", of.searches),),
        },
    ),
    **_route(
        "GET",
        MESSAGES,
        {
            "path.conversation_id": (
                by_request("GET", "/conversations/{}/messages", of.conversations),
            ),
            "query.limit": CHOICE,
            "query.cursor": (
                Probe(
                    of.message_cursors,
                    lambda visit, sent: visit.request(
                        "GET",
                        f"/conversations/{visit.mine.conversations[1]}/messages?cursor={sent}",
                    ),
                    same=True,
                ),
            ),
        },
    ),
}


def probes() -> dict[str, Probe]:
    """All of them, by where the id stands."""
    found = {}
    everything: dict[str, Mapping[str, Tried]] = {**ACTIONS}
    everything |= {" ".join(place): parameters for place, parameters in ROUTES.items()}
    for name, parameters in everything.items():
        for parameter, tried in parameters.items():
            for number, probe in enumerate(() if isinstance(tried, str) else tried):
                found[f"{name} {parameter} {number}"] = probe
    return found
