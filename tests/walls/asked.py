"""What may be named where: each field of each action and route, with how it is tried.

A text in the place of probes says why the field names nothing that anybody has. A new action,
route or field is missing here, or in `asked_frames.py`, until somebody has thought about it
(`test_inventory.py`).
"""

from collections.abc import Mapping

from tests.walls import pairs as of
from tests.walls.asked_frames import ACTIONS, AGENTS, ATTACHED, CHOICE, TEXT, Tried
from tests.walls.inventory import CREDENTIALS, Place
from tests.walls.probes import Probe, by_body, by_header, by_request
from tests.walls.things import ASKED, UPLOAD

BEARER = "whoever bears a good one is its user; test_credentials.py has the others"

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
    own = path.replace("_id}", "}")
    both: dict[str, Tried] = {
        bearer: BEARER,
        behalf: (by_header(method, own, "X_On_Behalf_Of", of.users, body),),
    }
    return {(method, path): {**parameters, **both}}


TURNS = ("POST", "/executor/turns")
APPROVAL_PATH = "/approvals/{approval_id}"
DECISION = {"approved": True}
REPLAY = "/deliveries/{delivery_id}/replay"
MESSAGES = "/conversations/{conversation_id}/messages"
FILES = "/conversations/{conversation_id}/files"

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
            "body.images": ATTACHED,
            "body.files": ATTACHED,
            "body.message": TEXT,
            "body.wait": CHOICE,
            "body.callback_url": "where to tell the caller that the turn has ended",
            "body.model": CHOICE,
            "body.skill": CHOICE,
            "body.dynamic_variables": TEXT,
            "body.overrides": TEXT,
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
        "/approvals",
        {
            "query.state": CHOICE,
            "query.limit": CHOICE,
            "query.cursor": (
                by_request("GET", "/approvals?cursor={}", of.approval_cursors, same=True),
                by_request(
                    "GET", "/approvals?state=decided&cursor={}", of.approval_cursors, same=True
                ),
            ),
        },
    ),
    **_route(
        "GET",
        APPROVAL_PATH,
        {"path.approval_id": (by_request("GET", "/approvals/{}", of.approvals),)},
    ),
    **_route(
        "POST",
        APPROVAL_PATH,
        {
            "path.approval_id": (by_request("POST", "/approvals/{}", of.approvals, DECISION),),
            "body.approved": CHOICE,
            "body.note": TEXT,
        },
        DECISION,
    ),
    **_route("GET", "/usage", {"query.from": CHOICE, "query.to": CHOICE}),
    **_route("GET", "/agents", {"query.limit": CHOICE, "query.cursor": AGENTS}),
    **_route("GET", "/agents/{agent_id}", {"path.agent_id": AGENTS}),
    **_route(
        "GET",
        "/deliveries",
        {
            "query.state": CHOICE,
            "query.limit": CHOICE,
            "query.cursor": (
                by_request("GET", "/deliveries?cursor={}", of.delivery_cursors, same=True),
            ),
        },
    ),
    **_route(
        "POST",
        REPLAY,
        {
            "path.delivery_id": (
                by_request("POST", "/deliveries/{}/replay", of.deliveries, same=True),
            )
        },
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
        "/conversations/{conversation_id}",
        {"path.conversation_id": (by_request("GET", "/conversations/{}", of.conversations),)},
    ),
    **_route(
        "GET",
        "/conversations/{conversation_id}/export",
        {
            "path.conversation_id": (
                by_request("GET", "/conversations/{}/export", of.conversations),
            ),
            "query.cursor": "a number of the conversation that the path names",
        },
    ),
    **_route(
        "DELETE",
        "/users/{user}/data",
        {"path.user": "a name, whether or not somebody has it: nothing is looked up"},
    ),
    **_route(
        "DELETE",
        "/tenants/{tenant}/data",
        {
            "path.tenant": "a name that is compared with the caller's own: nothing is looked up",
            "query.idle_days": CHOICE,
        },
    ),
    **_route(
        "GET",
        "/deletions/{deletion_id}",
        {"path.deletion_id": (by_request("GET", "/deletions/{}", of.deletions),)},
    ),
    **_route(
        "POST",
        "/conversations/{conversation_id}/end",
        {"path.conversation_id": (by_request("POST", "/conversations/{}/end", of.conversations),)},
    ),
    **_route(
        "POST",
        "/uploads",
        {
            "body.session_id": (
                Probe(
                    of.sessions,
                    lambda visit, sent: visit.request(
                        "POST", "/uploads", {**UPLOAD, "session_id": sent}
                    ),
                ),
            ),
            "body.name": TEXT,
            "body.mime_type": TEXT,
            "body.size": CHOICE,
        },
        UPLOAD,
    ),
    **_route(
        "GET",
        FILES,
        {"path.conversation_id": (by_request("GET", "/conversations/{}/files", of.conversations),)},
    ),
    **_route(
        "GET",
        f"{FILES}/{{path}}",
        {
            "path.conversation_id": (
                by_request("GET", "/conversations/{}/files/notes.txt", of.conversations),
            ),
            "path.path": "it names a file of that conversation alone; test_workspace.py",
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
    # At last, as it leaves nothing for the others.
    **_route(
        "DELETE",
        "/conversations/{conversation_id}",
        {"path.conversation_id": (by_request("DELETE", "/conversations/{}", of.conversations),)},
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
