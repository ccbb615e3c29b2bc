"""Client frames: check each, do what it asks, answer on its connection."""

import logging
from collections.abc import Callable
from typing import Any

from shared.clock import Clock
from shared.conversations.answers import Answers
from shared.conversations.connections import Connections
from shared.conversations.items import Session
from shared.conversations.listing import Conversations
from shared.conversations.messages import Messages, wire_message
from shared.conversations.sending import AgentSource, Sending
from shared.conversations.sessions import Sessions, wire_ids
from shared.conversations.stops import Stops
from shared.conversations.stream import Poster
from shared.conversations.turns import TurnRequests
from shared.errors import Forbidden, InternalError, ParleyError, ServiceUnavailable, for_client
from shared.mailbox.requests import Requests
from shared.protocol import frames, replies
from shared.protocol.parser import parse
from shared.storage.table import TransientError

log = logging.getLogger("parley")


class Frames:
    """Handles one frame after another, of any connection. Refusals become `error` events; the
    connection stays open in any case."""

    def __init__(
        self,
        *,
        clock: Clock,
        connections: Connections,
        sessions: Sessions,
        conversations: Conversations,
        messages: Messages,
        turns: TurnRequests,
        stops: Stops,
        requests: Requests,
        agents: AgentSource,
        poster: Poster,
    ) -> None:
        self._connections = connections
        self._sessions = sessions
        self._conversations = conversations
        self._messages = messages
        self._stops = stops
        self._agents = agents
        self._answers = Answers(poster, clock)
        self._sending = Sending(self._answers, connections, turns, requests, agents)

    def handle(self, connection: str, body: str | None, *, is_base64: bool) -> None:
        """Answer one frame."""
        request_id: str | None = None
        try:
            frame = parse(body, is_base64)
            request_id = frame.request_id if frame.echoes else None
            self._dispatch(connection, frame)
        except frames.FrameError as fault:
            self._refuse(connection, fault, fault.request_id)
        except ParleyError as fault:
            if fault.http_status >= 500:
                log.warning("frame failed", extra={"code": fault.error_code}, exc_info=True)
            self._refuse(connection, for_client(fault), request_id)
        except TransientError:
            log.warning("store unavailable", exc_info=True)
            self._refuse(connection, ServiceUnavailable(), request_id)
        except Exception:
            # A fault of ours: the client is told so, instead of waiting; the log has the rest.
            log.exception("frame failed")
            self._refuse(connection, InternalError(), request_id)

    def _refuse(self, connection: str, fault: ParleyError, request_id: str | None) -> None:
        log.info("frame refused", extra={"code": fault.error_code})
        self._answers.refuse(connection, fault, request_id)

    def _dispatch(self, connection: str, frame: frames.Frame) -> None:
        match frame:
            case frames.Ping():
                self._answers.pong(connection, frame.request_id)
            case frames.CreateConversationSession():
                self._create(connection, frame)
            case frames.SendMessage():
                self._sending.send(connection, frame)
            case frames.GetSession():
                self._with_session(connection, frame, self._get_session)
            case frames.GetConversationMessages():
                self._with_session(connection, frame, self._get_messages)
            case frames.ListConversations():
                self._list(connection, frame)
            case frames.RenameConversation():
                self._rename(connection, frame)
            case frames.Cancel():
                self._cancel(connection, frame)

    def _with_session(
        self, connection: str, frame: Any, answer: Callable[[str, Any, Session], None]
    ) -> None:
        _, session = self._connections.load(connection, frame.session_id)
        if session is None:
            raise frames.no_such_session(frame.request_id)
        answer(connection, frame, session)

    def _get_session(self, connection: str, frame: frames.GetSession, session: Session) -> None:
        found = replies.session_found(wire_ids(session), "active")
        self._answers.final(connection, frame.request_id, found)

    def _get_messages(
        self, connection: str, frame: frames.GetConversationMessages, session: Session
    ) -> None:
        page = self._messages.page(session.box, frame.limit, frame.older_than)
        items = [wire_message(message) for message in page.messages]
        data = replies.messages_page(items, page.next_cursor)
        self._answers.final(connection, frame.request_id, data)

    def _list(self, connection: str, frame: frames.ListConversations) -> None:
        opened = self._connections.get(connection)
        if opened is None:
            return  # as in `_create`
        page = self._conversations.page(
            opened.principal, limit=frame.limit, cursor=frame.cursor, query=frame.query
        )
        items = [
            replies.conversation_item(
                each.id, each.title, updated_at=each.updated_at, messages=each.messages
            )
            for each in page.conversations
        ]
        data = replies.conversations_page(items, page.next_cursor)
        self._answers.final(connection, frame.request_id, data)

    def _rename(self, connection: str, frame: frames.RenameConversation) -> None:
        opened = self._connections.get(connection)
        if opened is None:
            return
        conversation = frame.conversation_id
        title = self._conversations.rename(opened.principal, conversation, frame.title)
        data = replies.conversation_renamed(conversation, title)
        self._answers.final(connection, frame.request_id, data)

    def _cancel(self, connection: str, frame: frames.Cancel) -> None:
        """Without an answer, whatever comes of it: a turn that is stopped says so itself."""
        if frame.session_id is None:
            opened = self._connections.get(connection)
            if opened is not None:
                self._stops.anywhere(opened, frame.request_id)
            return
        opened, session = self._connections.load(connection, frame.session_id)
        if opened is None or session is None:
            return
        if frame.request_id is None:
            self._stops.current(opened.principal, session)
        else:
            self._stops.request(opened.principal, session, frame.request_id)

    def _create(self, connection: str, frame: frames.CreateConversationSession) -> None:
        opened = self._connections.get(connection)
        if opened is None:
            return  # it closed while its frame was on the way; nobody is there to answer to
        known = None
        if frame.agent_id is None and frame.conversation_id is not None:
            known = self._sessions.agent_of(opened.principal, frame.conversation_id)
        agent = self._agents.get(known or frame.agent(opened.agent))
        if not agent.admits(opened.origin):
            raise Forbidden("This web page may not talk to this agent.", code="ORIGIN_NOT_ALLOWED")
        session = self._sessions.open(
            opened.principal,
            agent,
            connection=opened,
            conversation=frame.conversation_id,
            supports=frame.supports,
            user_name=frame.user_name,
            extra={"metadata": frame.metadata, "user_email": frame.user_email},
        )
        data = replies.session_created(wire_ids(session))
        self._answers.final(connection, frame.request_id, data, message="Session created")
