"""The `data` of an `immediate_response`, for the actions where the protocol fixes its shape.

Clients validate these too, as strictly as events: all ids are UUIDs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

Reply = dict[str, Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class SessionIds:
    """What a client learns of its session. `agent` is the agent's UUID on the wire
    (`shared.ids.agent_uuid`), never the id in the configuration."""

    session: str
    conversation: str
    agent: str
    agent_name: str
    user_participant: str
    agent_participant: str


def session_created(ids: SessionIds) -> Reply:
    """The answer to `create_conversation_session`."""
    return {
        "sessionId": ids.session,
        "conversationId": ids.conversation,
        "agentId": ids.agent,
        "agentName": ids.agent_name,
        "userParticipantId": ids.user_participant,
        "agentParticipantId": ids.agent_participant,
    }


def session_found(ids: SessionIds, status: Literal["active", "idle", "ended"]) -> Reply:
    """The answer to `get_session`. The protocol's thread is the conversation."""
    return {**session_created(ids), "threadId": ids.conversation, "status": status}


def authenticated(until: int | None) -> Reply:
    """The answer to `authenticate`, which is ours; `until` is in milliseconds."""
    return {"expiresAt": None if until is None else iso_time(until)}


def resumed(
    request_id: str,
    status: str,
    *,
    begin: int,
    text: str,
    session: str | None = None,
    prompt: Mapping[str, Any] | None = None,
) -> Reply:
    """The answer to `resume_turn`, which is ours: `text` is what the client has missed of the
    answer, from code point `begin` on; `prompt` the event by which somebody was asked that the
    turn waits for; `session` the turn's, which need not be the frame's."""
    reply: Reply = {"requestId": request_id, "status": status, "begin": begin, "text": text}
    if session is not None:
        reply["sessionId"] = session
    if prompt is not None:
        reply["prompt"] = dict(prompt)
    return reply


def resumed_behind(request_id: str, session: str, queued: int) -> Reply:
    """The same for a turn that waits for `queued` others: the answer follows when it begins."""
    reply: Reply = {"requestId": request_id, "sessionId": session}
    return {**reply, "status": "queued", "text": "", "queued": queued}


def queued_behind(waiting_for: str, queued: int) -> Reply:
    """The answer to a message that is accepted while the conversation waits for a person: for
    what (`approval` or `input`), and how many turns are before this one."""
    return {"queued": queued, "waitingFor": waiting_for}


def tool_action(session: str, approval: str, *, approved: bool) -> Reply:
    """The answer to `confirm_tool_action`: what has been decided."""
    return {"sessionId": session, "approvalId": approval, "approved": approved}


def interaction_submitted(
    session: str, interaction: str, kind: str, values: Mapping[str, Any] | None
) -> Reply:
    """The answer to `submit_interaction`; no values: the user declined."""
    reply: Reply = {"sessionId": session, "interactionId": interaction, "kind": kind}
    if values is None:
        return {**reply, "declined": True}
    return {**reply, "values": dict(values)}


def message_item(
    message_id: str, direction: Literal["inbound", "outbound"], text: str, *, created_at: int
) -> Reply:
    """One message of a page; `inbound` is the user's. `created_at` is in milliseconds."""
    return {
        "id": message_id,
        "direction": direction,
        "content": {"text": text},
        "createdAt": iso_time(created_at),
    }


def messages_page(messages: Sequence[Mapping[str, Any]], next_cursor: str | None) -> Reply:
    """The answer to `get_conversation_messages`: message items, the newest first."""
    return {
        "messages": [dict(message) for message in messages],
        "nextCursor": next_cursor,
        "hasMore": next_cursor is not None,
    }


def conversation_item(conversation: str, title: str, *, updated_at: int, messages: int) -> Reply:
    """One conversation of a list. `updated_at` is in milliseconds."""
    return {
        "conversationId": conversation,
        "title": title,
        "updatedAt": iso_time(updated_at),
        "messageCount": messages,
    }


def conversations_page(
    conversations: Sequence[Mapping[str, Any]], next_cursor: str | None
) -> Reply:
    """The answer to `list_conversations`: conversation items, the one used last first."""
    return {
        "conversations": [dict(conversation) for conversation in conversations],
        "nextCursor": next_cursor,
        "hasMore": next_cursor is not None,
    }


def conversation_renamed(conversation: str, title: str) -> Reply:
    """The answer to `rename_conversation`: the title as it stands now."""
    return {"conversationId": conversation, "title": title}


def iso_time(milliseconds: int) -> str:
    """A time as the protocol and the HTTP API write it: ISO 8601 with its offset."""
    return (_EPOCH + timedelta(milliseconds=milliseconds)).isoformat(timespec="milliseconds")
