"""The caller's conversations over HTTP: their list, and the messages of one."""

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from shared.conversations.history_state import HistoryState
from shared.conversations.items import box_key, turn_id
from shared.conversations.listing import Listed
from shared.conversations.messages import Message
from shared.protocol.replies import iso_time
from shared.web import usage
from shared.web.auth import Caller
from shared.web.errors import error_bodies
from shared.web.lists import Cursor, Limit, link_next
from shared.web.services import Services
from shared.web.usage import UsageEntry

Search = Annotated[
    str | None, Query(max_length=200, description="Text of the title or of the first message.")
]


class ConversationEntry(BaseModel):
    """One conversation of a list."""

    conversation_id: str
    title: str
    agent_id: str
    updated_at: str
    message_count: int


class MessageEntry(BaseModel):
    """One message of a conversation. `turn_id` is the turn that it belongs to. `stopped`: it is as
    far as the agent had come when the turn was stopped."""

    id: str
    role: Literal["user", "assistant"]
    text: str
    created_at: str
    turn_id: str
    stopped: bool = False


class HistoryEntry(BaseModel):
    """How the history of a conversation stands with the backend that keeps it. `complete` is null
    while the call is open, and for a while after its end; then it says whether everything that was
    said has arrived. `waiting` records are to be sent, and more if `behind`; `missing` ones of the
    call were given up (see `/deliveries`)."""

    state: Literal["open", "ending", "ended"]
    complete: bool | None
    waiting: int
    behind: bool
    missing: int
    call_id: str | None
    ended_at: str | None


class WorkflowEntry(BaseModel):
    """Where in its workflow a conversation is: at this step, or, when it is `done`, behind it."""

    step: str
    done: bool


class ConversationState(ConversationEntry):
    """One conversation, with what its turns have used. `history` is null where no backend
    keeps it, `workflow` where the agent has none, or has answered nothing yet."""

    workflow: WorkflowEntry | None
    history: HistoryEntry | None
    usage: UsageEntry


class ConversationEnding(BaseModel):
    """A conversation that has been asked to end; ask for it again to see how it stands."""

    conversation_id: str
    status: Literal["ending"] = "ending"


def router(services: Services) -> APIRouter:
    api = APIRouter(tags=["conversations"])

    @api.get("/conversations", responses=error_bodies(401, 422))
    def list_conversations(
        caller: Caller,
        response: Response,
        limit: Limit = 50,
        cursor: Cursor = None,
        query: Search = None,
    ) -> list[ConversationEntry]:
        """The caller's own conversations, the one used last first. While there is a `Link` with
        `rel="next"` there may be more, even if this page is short or empty."""
        page = services.conversations.page(caller, limit=limit, cursor=cursor, query=query)
        asked = {"limit": str(limit), **({"query": query} if query else {})}
        link_next(response, "/conversations", asked, page.next_cursor)
        return [ConversationEntry(**_listed(each)) for each in page.conversations]

    @api.get("/conversations/{conversation_id}", responses=error_bodies(401, 404))
    def get_conversation(conversation_id: str, caller: Caller) -> ConversationState:
        """One conversation, and how its history stands."""
        found = services.conversations.one(caller, conversation_id)
        history = services.histories.of(box_key(caller.tenant, found.id))
        entry = _history(history) if history else None
        workflow = WorkflowEntry(**found.workflow) if found.workflow else None
        used = usage.entry(services.usage.conversation(box_key(caller.tenant, found.id)))
        return ConversationState(**_listed(found), history=entry, workflow=workflow, usage=used)

    @api.post(
        "/conversations/{conversation_id}/end", status_code=202, responses=error_bodies(401, 404)
    )
    def end_conversation(conversation_id: str, caller: Caller) -> ConversationEnding:
        """Ask for the end of a conversation: the backend that keeps its history is told, once,
        behind everything that was asked before. Answers 202 however often. Whoever goes on talking
        begins anew there."""
        box = services.conversations.find(caller, conversation_id, "manage")
        services.closing.end(caller, box)
        return ConversationEnding(conversation_id=box.id)

    @api.get("/conversations/{conversation_id}/messages", responses=error_bodies(401, 404, 422))
    def list_messages(
        conversation_id: str,
        caller: Caller,
        response: Response,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> list[MessageEntry]:
        """The messages of a conversation, the newest first; those that wait to be answered too."""
        box = services.conversations.find(caller, conversation_id, "read")
        page = services.messages.page(box, limit, cursor)
        path = f"/conversations/{box.id}/messages"
        link_next(response, path, {"limit": str(limit)}, page.next_cursor)
        return [_entry(box.id, message) for message in page.messages]

    return api


def _listed(found: Listed) -> dict[str, Any]:
    return {
        "conversation_id": found.id,
        "title": found.title,
        "agent_id": found.agent,
        "updated_at": iso_time(found.updated_at),
        "message_count": found.messages,
    }


def _history(found: HistoryState) -> HistoryEntry:
    ended_at = None if found.ended_at is None else iso_time(found.ended_at)
    return HistoryEntry(**{**asdict(found), "ended_at": ended_at})


def _entry(conversation: str, message: Message) -> MessageEntry:
    return MessageEntry(
        id=message["id"],
        role=message["role"],
        text=message["text"],
        created_at=iso_time(message["at"]),
        turn_id=turn_id(conversation, message["turn"]),
        stopped=bool(message.get("stopped", False)),
    )
