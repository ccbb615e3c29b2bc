"""What frames may name: each field of each action, with how it is tried (see `asked.py`)."""

from collections.abc import Mapping
from typing import Any

from shared.runner.prompts import APPROVAL, INTERACTION
from tests.walls import pairs as of
from tests.walls.people import signed_context
from tests.walls.probes import Probe, by_frame, in_session, where_it_waits, with_session
from tests.walls.seen import Visit
from tests.walls.things import VALUES
from tests.web.site import SECRET

Tried = tuple[Probe, ...] | str

ECHO = "an id of the answer alone; it comes back as it was sent"
CHOICE = "it chooses how this request is done, and names nothing"
TEXT = "what the caller says; it is stored with what is theirs"
ATTACHED = "what the caller brings; of uploads only this conversation's: test_uploads.py"
AGENTS = "agents are the deployment's, the same for all tenants"


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


def _decided_in_mine(visit: Visit, request: str) -> None:
    visit.frame(CONFIRM, sessionId=visit.mine.busy, requestId=request, approved=True)


CONFIRM, SUBMIT = "confirm_tool_action", "submit_interaction"
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
        "dynamic_variables": TEXT,
        "overrides": TEXT,
        "browser_fingerprint": "it is not looked at",
        "auth_context": (Probe(of.vouched, _vouched),),
    },
    "send_message": {
        "request_id": (in_session("send_message", "requestId", of.requests),),
        "session_id": (by_frame("send_message", "sessionId", of.sessions, message="Hello"),),
        "images": ATTACHED,
        "files": ATTACHED,
        "message": TEXT,
        "stream": CHOICE,
        "model": CHOICE,
        "skill": CHOICE,
        "dynamic_variables": TEXT,
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
    "confirm_tool_action": {
        # An error under the request of a turn that goes on would be taken for its end.
        "request_id": (
            Probe(of.waiting(1), _decided_in_mine),
            with_session(CONFIRM, "requestId", of.waiting_in_sessions, approved=True),
        ),
        "session_id": (by_frame(CONFIRM, "sessionId", of.sessions, approved=True),),
        "approval_id": (
            where_it_waits(CONFIRM, "approvalId", of.approvals, APPROVAL, approved=True),
            with_session(CONFIRM, "approvalId", of.approvals_in_sessions, approved=True),
        ),
        "approved": CHOICE,
        "note": TEXT,
    },
    "submit_interaction": {
        "request_id": (
            with_session(
                SUBMIT, "requestId", of.waiting_in_sessions, interactionId="x", values=VALUES
            ),
        ),
        "session_id": (
            by_frame(SUBMIT, "sessionId", of.sessions, interactionId="x", declined=True),
        ),
        "interaction_id": (
            where_it_waits(SUBMIT, "interactionId", of.forms, INTERACTION, values=VALUES),
            with_session(SUBMIT, "interactionId", of.forms_in_sessions, values=VALUES),
        ),
        "kind": CHOICE,
        "values": TEXT,
        "declined": CHOICE,
    },
    "verify_otp": {
        "request_id": ECHO,
        "session_id": (by_frame("verify_otp", "sessionId", of.sessions, code="000000"),),
        "code": "it counts in the session that waits for it alone; test_answers.py",
    },
    "authenticate": {
        "request_id": ECHO,
        "token": (by_frame("authenticate", "token", of.tokens),),
        "ticket": (by_frame("authenticate", "ticket", of.tickets),),
    },
}
