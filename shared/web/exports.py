"""Exporting a conversation over HTTP, as lines of JSON."""

from fastapi import APIRouter, Response

from shared.web.auth import Caller
from shared.web.errors import error_bodies
from shared.web.lists import Cursor, link_next
from shared.web.services import Services

LINES = "application/x-ndjson"


def router(services: Services) -> APIRouter:
    api = APIRouter(tags=["conversations"])

    @api.get(
        "/conversations/{conversation_id}/export",
        response_class=Response,
        responses={200: {"content": {LINES: {}}}, **error_bodies(401, 404, 422, 503)},
    )
    def export_conversation(
        conversation_id: str, caller: Caller, cursor: Cursor = None
    ) -> Response:
        """Everything that was said and done in a conversation, the oldest first: a line of JSON for
        the conversation, then one for each message. While there is a `Link` with `rel="next"`
        there is more, which goes behind this page."""
        box, meta = services.conversations.exportable(caller, conversation_id)
        page = services.exports.page(box, meta, cursor)
        response = Response("".join(page.lines), media_type=LINES)
        link_next(response, f"/conversations/{box.id}/export", {}, page.next_cursor)
        return response

    return api
