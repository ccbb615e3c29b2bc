"""Client frames: check each, do what it asks, answer on its connection."""

import logging
from collections.abc import Callable
from typing import Any

from shared.clock import Clock
from shared.conversations.answers import Answers
from shared.conversations.approvals import Approvals
from shared.conversations.authentication import Authentication
from shared.conversations.confirming import Confirming
from shared.conversations.connections import Connections
from shared.conversations.items import Connection, Session
from shared.conversations.listing import Conversations
from shared.conversations.messages import Messages, wire_message
from shared.conversations.pages import Pages, check_page
from shared.conversations.resuming import Resuming, no_such
from shared.conversations.sending import AgentSource, Sending
from shared.conversations.sessions import Sessions, wire_ids
from shared.conversations.stops import Stops
from shared.conversations.stream import Poster
from shared.conversations.submitting import MISMATCH, Submitting
from shared.conversations.turns import TurnRequests
from shared.conversations.verifying import Verifying
from shared.conversations.waiting import Waiting
from shared.errors import (
    InternalError,
    NotFound,
    ParleyError,
    ServiceUnavailable,
    for_client,
    for_log,
)
from shared.identity.codes import Codes
from shared.identity.contexts import AuthContext
from shared.mailbox.requests import Requests
from shared.protocol import frames, replies
from shared.protocol.parser import parse
from shared.storage.table import Table, TransientError

log = logging.getLogger("parley")


class Frames:
    """Handles one frame after another, of any connection. Refusals become `error` events; the
    connection stays open in any case."""

    def __init__(
        self,
        *,
        table: Table,
        clock: Clock,
        connections: Connections,
        authentication: Authentication,
        sessions: Sessions,
        conversations: Conversations,
        messages: Messages,
        turns: TurnRequests,
        stops: Stops,
        requests: Requests,
        approvals: Approvals,
        codes: Callable[[], Codes],
        agents: AgentSource,
        poster: Poster,
    ) -> None:
        self._connections = connections
        self._authentication = authentication
        self._sessions = sessions
        self._conversations = conversations
        self._messages = messages
        self._stops = stops
        self._agents = agents
        self._pages = Pages(agents)
        self._answers = Answers(poster, clock)
        self._resuming = Resuming(
            table, clock, self._answers, connections, turns, requests, self._pages
        )
        self._sending = Sending(self._answers, connections, turns, requests, sessions, agents)
        self._waiting = waiting = Waiting(table, self._pages)
        self._confirming = Confirming(clock, self._answers, waiting, approvals, turns)
        self._submitting = Submitting(table, clock, self._answers, waiting, requests, turns)
        self._verifying = Verifying(clock, self._answers, waiting, requests, turns, codes)

    def handle(self, connection: str, body: str | None, *, is_base64: bool) -> None:
        """Answer one frame."""
        request_id: str | None = None
        try:
            try:
                frame = parse(body, is_base64)
            except frames.FrameError as fault:
                request_id = fault.request_id if fault.answered is None else None
                opened = self._entered(connection)
                if opened is not None:
                    mine = self._own(opened, fault.answered, fault.request_id)
                    self._refuse(connection, fault, mine)
                return
            # That of an answer may be its turn's, which `_answered` looks into.
            request_id = frame.request_id if frame.echoes and not frame.answers else None
            self._answer(connection, frame)
        except frames.FrameError as fault:
            self._refuse(connection, fault, fault.request_id)
        except ParleyError as fault:
            if fault.http_status >= 500:
                log.warning("frame failed", **for_log(fault))
            self._refuse(connection, for_client(fault), request_id)
        except TransientError:
            log.warning("store unavailable", exc_info=True)
            self._refuse(connection, ServiceUnavailable(), request_id)
        except Exception:  # a fault of ours: its client is told, who would wait for ever
            log.exception("frame failed")
            self._refuse(connection, InternalError(), request_id)

    def _refuse(self, connection: str, fault: ParleyError, request_id: str | None) -> None:
        log.info("frame refused", extra={"code": fault.error_code})
        self._answers.refuse(connection, fault, request_id)

    def _entered(self, connection: str) -> Connection | None:
        """The connection, its frame counted. None: it closed while its frame was on the way, and
        nobody is there to answer to."""
        opened = self._connections.get(connection)
        if opened is not None:
            self._connections.count(opened)
        return opened

    def _answer(self, connection: str, frame: frames.Frame) -> None:
        if isinstance(frame, frames.SendMessage):
            # Its counting rides along with what it writes.
            self._sending.send(connection, frame)
            return
        opened = self._entered(connection)
        if opened is None:
            return
        match frame:
            case frames.Ping():
                self._answers.pong(opened.id, frame.request_id)
            case frames.Authenticate():
                self._authenticate(opened, frame)
            case _:
                self._connections.check(opened)
                self._dispatch(opened, frame)

    def _dispatch(self, opened: Connection, frame: frames.Frame) -> None:
        match frame:
            case frames.CreateConversationSession():
                self._create(opened, frame)
            case frames.GetSession():
                self._get_session(opened, frame)
            case frames.GetConversationMessages():
                self._get_messages(opened, frame)
            case frames.ListConversations():
                self._list(opened, frame)
            case frames.RenameConversation():
                self._rename(opened, frame)
            case frames.Cancel():
                self._cancel(opened, frame)
            case frames.ResumeTurn():
                self._resume(opened, frame)
            case frames.ConfirmToolAction() | frames.SubmitInteraction() | frames.VerifyOtp():
                self._answered(opened, frame)

    def _authenticate(self, opened: Connection, frame: frames.Authenticate) -> None:
        until = self._authentication.renew(opened, token=frame.token, ticket=frame.ticket)
        self._answers.final(opened.id, frame.request_id, replies.authenticated(until))

    def _session(self, opened: Connection, frame: Any) -> Session:
        session = self._sessions.find(opened.principal, frame.session_id)
        if session is None:
            # The request id of a frame that does not echo it is a turn's, which has not ended.
            raise frames.no_such_session(frame.request_id if frame.echoes else None)
        self._pages.check(session.agent, session.tenant, opened.origin)
        return session

    def _get_session(self, opened: Connection, frame: frames.GetSession) -> None:
        found = replies.session_found(wire_ids(self._session(opened, frame)), "active")
        self._answers.final(opened.id, frame.request_id, found)

    def _get_messages(self, opened: Connection, frame: frames.GetConversationMessages) -> None:
        session = self._session(opened, frame)
        page = self._messages.page(session.box, frame.limit, frame.older_than)
        items = [wire_message(message) for message in page.messages]
        data = replies.messages_page(items, page.next_cursor)
        self._answers.final(opened.id, frame.request_id, data)

    def _list(self, opened: Connection, frame: frames.ListConversations) -> None:
        tenant = opened.principal.tenant
        page = self._conversations.page(
            opened.principal,
            limit=frame.limit,
            cursor=frame.cursor,
            query=frame.query,
            shown=lambda agent: self._pages.admit(agent, tenant, opened.origin),
        )
        items = [
            replies.conversation_item(
                each.id, each.title, updated_at=each.updated_at, messages=each.messages
            )
            for each in page.conversations
        ]
        data = replies.conversations_page(items, page.next_cursor)
        self._answers.final(opened.id, frame.request_id, data)

    def _rename(self, opened: Connection, frame: frames.RenameConversation) -> None:
        conversation = frame.conversation_id
        if opened.origin is not None:
            known = self._sessions.agent_of(opened.principal, conversation)
            self._pages.check(known or "", opened.principal.tenant, opened.origin)
        title = self._conversations.rename(opened.principal, conversation, frame.title)
        data = replies.conversation_renamed(conversation, title)
        self._answers.final(opened.id, frame.request_id, data)

    def _cancel(self, opened: Connection, frame: frames.Cancel) -> None:
        """Without an answer, whatever comes of it: a turn that is stopped says so itself."""
        if frame.session_id is None:
            self._stops.anywhere(opened, frame.request_id)
            return
        session = self._sessions.find(opened.principal, frame.session_id)
        if session is None or not self._pages.admit(session.agent, session.tenant, opened.origin):
            return
        if frame.request_id is None:
            self._stops.current(opened.principal, session)
        else:
            self._stops.request(opened.principal, session, frame.request_id)

    def _resume(self, opened: Connection, frame: frames.ResumeTurn) -> None:
        session = self._session(opened, frame)
        try:
            self._resuming.resume(opened, session, frame)
        except NotFound as fault:
            raise no_such(fault, frame.request_id) from fault

    def _answered(
        self,
        opened: Connection,
        frame: frames.ConfirmToolAction | frames.SubmitInteraction | frames.VerifyOtp,
    ) -> None:
        """Take the answer to what a turn asked."""
        try:
            match frame:
                case frames.ConfirmToolAction():
                    self._confirming.confirm(opened, frame)
                case frames.SubmitInteraction():
                    self._submitting.submit(opened, frame)
                case frames.VerifyOtp():
                    self._verifying.verify(opened, frame)
        except ParleyError as fault:
            # The published servers send this one so, and their clients know it.
            known = fault.error_code == MISMATCH
            session = None if known else frame.session_id
            self._refuse(opened.id, for_client(fault), self._own(opened, session, frame.request_id))

    def _own(self, opened: Connection, session: str | None, request_id: str | None) -> str | None:
        """The request id of a frame that is refused; None if it is that of a turn of the session
        that goes on: an error under it would look like the end of that turn."""
        if session is None or request_id is None:
            return request_id
        return None if self._waiting.goes_on(opened, session, request_id) else request_id

    def _create(self, opened: Connection, frame: frames.CreateConversationSession) -> None:
        if frame.auth_context is not None:
            opened = self._authentication.acting_for(opened, _context(frame.auth_context))
        known = None
        asked = frame.agent_id is None or opened.origin is not None
        if frame.conversation_id is not None and asked:
            known = self._sessions.agent_of(opened.principal, frame.conversation_id)
            self._pages.check(known or "", opened.principal.tenant, opened.origin)
        chosen = frame.agent_id or known
        agent = self._agents.get(chosen or frame.agent(opened.agent), opened.principal.tenant)
        check_page(agent, opened.origin)
        session = self._sessions.open(
            opened.principal,
            agent,
            connection=opened,
            conversation=frame.conversation_id,
            supports=frame.supports,
            user_name=frame.user_name,
            variables=frame.dynamic_variables,
            overrides=frame.overrides.chosen if frame.overrides else None,
            extra={
                "metadata": frame.metadata,
                # What has been checked goes before what a client says.
                "user_email": opened.principal.email or frame.user_email,
            },
        )
        data = replies.session_created(wire_ids(session))
        self._answers.final(opened.id, frame.request_id, data, message="Session created")


def _context(given: frames.AuthContext) -> AuthContext:
    return AuthContext(user=given.user_id, timestamp=given.timestamp, signature=given.signature)
