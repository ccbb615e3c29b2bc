"""The caller's conversations over HTTP: their list, and the messages of one."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from shared.conversations.items import turn_id
from shared.conversations.messages import Message
from shared.protocol.replies import iso_time
from shared.web.auth import Caller
from shared.web.errors import error_bodies
from shared.web.lists import Cursor, Limit, link_next
from shared.web.services import Services

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
        return [
            ConversationEntry(
                conversation_id=each.id,
                title=each.title,
                agent_id=each.agent,
                updated_at=iso_time(each.updated_at),
                message_count=each.messages,
            )
            for each in page.conversations
        ]

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


def _entry(conversation: str, message: Message) -> MessageEntry:
    return MessageEntry(
        id=message["id"],
        role=message["role"],
        text=message["text"],
        created_at=iso_time(message["at"]),
        turn_id=turn_id(conversation, message["turn"]),
        stopped=bool(message.get("stopped", False)),
    )
