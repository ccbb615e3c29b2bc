"""What everybody may do with what is theirs: each action and each route once or more."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from tests.walls.inventory import Place
from tests.walls.things import ASKED, UPLOAD, VALUES, Asked, Things

Fields = Callable[[Things], dict[str, Any]]
Where = Callable[[Things], tuple[str, Any]]
"""A path and a body."""

NO_AGENT = "AGENT_NOT_FOUND"
NO_SESSION = "SESSION_NOT_FOUND"
NO_CONVERSATION = "CONVERSATION_NOT_FOUND"
NO_TURN = "TURN_NOT_FOUND"
NO_APPROVAL = "APPROVAL_NOT_FOUND"
NO_CONFIRMATION = "NO_PENDING_CONFIRMATION"
NO_INTERACTION = "NO_PENDING_INTERACTION"
NO_CODE = "NOT_FOUND"
SILENT = "nothing is said"
EMPTY = "an empty list"

EXEMPT: Mapping[str, str] = {
    "ping": "it touches nothing",
    "authenticate": "it says who somebody is; what they may is asked when they do something",
}
"""Actions that ask nobody whether they may, and why."""


def _confirm(asked: Asked, **more: str) -> dict[str, Any]:
    return {"sessionId": asked.session, "approved": True, **more}


def _submit(asked: Asked) -> dict[str, Any]:
    return {"sessionId": asked.session, "interactionId": asked.id, "values": VALUES}


FRAMES: Mapping[str, list[tuple[Fields, str]]] = {
    "create_conversation_session": [
        (lambda _: {"agentId": "assistant"}, NO_AGENT),
        (lambda own: {"agentId": "assistant", "conversationId": own.conversations[0]}, NO_AGENT),
        (lambda own: {"agentId": "club", "conversationId": own.shared[1]}, NO_AGENT),
    ],
    "send_message": [(lambda own: {"sessionId": own.session, "message": "Hello"}, NO_SESSION)],
    "get_session": [(lambda own: {"sessionId": own.session}, NO_SESSION)],
    "get_conversation_messages": [(lambda own: {"sessionId": own.session}, NO_SESSION)],
    "list_conversations": [(lambda _: {}, EMPTY), (lambda _: {"query": "question"}, EMPTY)],
    "rename_conversation": [
        (lambda own: {"conversationId": own.conversations[0], "title": "New"}, NO_CONVERSATION)
    ],
    "cancel": [
        (lambda own: {"sessionId": own.busy}, SILENT),
        (lambda own: {"sessionId": own.busy, "requestId": f"{own.request}-1"}, SILENT),
        (lambda own: {"requestId": f"{own.request}-1"}, SILENT),
        (lambda _: {"requestId": None}, SILENT),
    ],
    "resume_turn": [
        (lambda own: {"sessionId": own.busy}, NO_SESSION),
        (lambda own: {"sessionId": own.busy, "requestId": f"{own.request}-1"}, NO_SESSION),
    ],
    "confirm_tool_action": [
        (lambda own: _confirm(own.approvals[0]), NO_CONFIRMATION),
        (lambda own: _confirm(own.approvals[0], approvalId=own.approvals[0].id), NO_CONFIRMATION),
        (lambda own: _confirm(own.approvals[2], approvalId=own.approvals[2].id), NO_CONFIRMATION),
    ],
    "submit_interaction": [(lambda own: _submit(own.form), NO_INTERACTION)],
    "verify_otp": [(lambda own: {"sessionId": own.code.session, "code": own.code.code}, NO_CODE)],
}
"""The fields of frames, with the code of the answer when nothing may be done."""


def _turn(number: int, ending: str) -> Where:
    return lambda own: (f"/turns/{own.turns[number]}{ending}", None)


REQUESTS: Mapping[Place, list[tuple[Where, str]]] = {
    ("POST", "/tickets"): [(lambda _: ("/tickets", None), "FORBIDDEN")],
    ("POST", "/executor/turns"): [
        (lambda _: ("/executor/turns", ASKED), NO_AGENT),
        (lambda own: ("/executor/turns", {**ASKED, "session_id": own.session}), NO_SESSION),
    ],
    ("GET", "/turns/{turn_id}"): [(_turn(number, ""), NO_TURN) for number in range(5)],
    ("POST", "/turns/{turn_id}/cancel"): [
        (_turn(number, "/cancel"), NO_TURN) for number in range(5)
    ],
    ("GET", "/approvals"): [
        (lambda _: ("/approvals", None), EMPTY),
        (lambda _: ("/approvals?state=decided", None), EMPTY),
        (lambda own: (f"/approvals?cursor={own.approval_cursor}", None), EMPTY),
    ],
    ("GET", "/approvals/{approval_id}"): [
        (lambda own: (f"/approvals/{own.approvals[0].id}", None), NO_APPROVAL),
        (lambda own: (f"/approvals/{own.approvals[2].id}", None), NO_APPROVAL),
    ],
    ("POST", "/approvals/{approval_id}"): [
        (lambda own: (f"/approvals/{own.approvals[1].id}", {"approved": True}), NO_APPROVAL),
        (lambda own: (f"/approvals/{own.approvals[2].id}", {"approved": False}), NO_APPROVAL),
    ],
    ("GET", "/usage"): [(lambda _: ("/usage", None), "FORBIDDEN")],
    ("GET", "/agents"): [(lambda _: ("/agents", None), EMPTY)],
    ("GET", "/agents/{agent_id}"): [(lambda _: ("/agents/assistant", None), NO_AGENT)],
    ("GET", "/deliveries"): [
        (lambda _: ("/deliveries", None), "FORBIDDEN"),
        (lambda own: (f"/deliveries?cursor={own.delivery_cursor}", None), "FORBIDDEN"),
    ],
    ("POST", "/deliveries/{delivery_id}/replay"): [
        (lambda own: (f"/deliveries/{own.delivery}/replay", None), "FORBIDDEN")
    ],
    ("GET", "/conversations"): [
        (lambda _: ("/conversations", None), EMPTY),
        (lambda own: (f"/conversations?cursor={own.list_cursor}", None), EMPTY),
    ],
    ("GET", "/conversations/{conversation_id}"): [
        (lambda own: (f"/conversations/{own.conversations[0]}", None), NO_CONVERSATION)
    ],
    ("POST", "/conversations/{conversation_id}/end"): [
        (lambda own: (f"/conversations/{own.conversations[0]}/end", None), NO_CONVERSATION)
    ],
    ("GET", "/conversations/{conversation_id}/export"): [
        (lambda own: (f"/conversations/{own.conversations[0]}/export", None), NO_CONVERSATION)
    ],
    ("GET", "/deletions/{deletion_id}"): [
        (lambda own: (f"/deletions/{own.deletion}", None), "DELETION_NOT_FOUND")
    ],
    ("POST", "/uploads"): [
        (lambda own: ("/uploads", {**UPLOAD, "session_id": own.session}), NO_SESSION)
    ],
    ("GET", "/conversations/{conversation_id}/files"): [
        (lambda own: (f"/conversations/{own.conversations[0]}/files", None), NO_CONVERSATION)
    ],
    ("GET", "/conversations/{conversation_id}/files/{path}"): [
        (
            lambda own: (f"/conversations/{own.conversations[0]}/files/a.txt", None),
            NO_CONVERSATION,
        )
    ],
    ("GET", "/conversations/{conversation_id}/messages"): [
        (lambda own: (f"/conversations/{own.conversations[0]}/messages", None), NO_CONVERSATION)
    ],
    # At last, as they leave nothing for the others.
    ("DELETE", "/conversations/{conversation_id}"): [
        (lambda own: (f"/conversations/{own.conversations[0]}", None), NO_CONVERSATION)
    ],
    ("DELETE", "/users/{user}/data"): [
        (lambda own: (f"/users/{quote(own.person.user, safe='')}/data", None), "FORBIDDEN")
    ],
    ("DELETE", "/tenants/{tenant}/data"): [
        (lambda own: (f"/tenants/{own.person.tenant}/data?idle_days=9", None), "FORBIDDEN")
    ],
}
"""The paths and bodies of requests, likewise."""
