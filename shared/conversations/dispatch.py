"""Client frames: check each, do what it asks, answer on its connection."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from shared.clock import Clock
from shared.conversations.connections import Connections
from shared.conversations.items import Connection, Session, listener
from shared.conversations.messages import Messages
from shared.conversations.sessions import Named, Sessions, wire_ids
from shared.conversations.stream import Poster
from shared.conversations.turns import TurnRequests
from shared.errors import (
    Forbidden,
    InternalError,
    ParleyError,
    RateLimited,
    ServiceUnavailable,
    for_client,
)
from shared.mailbox.requests import Added, Requests, RiderFailed
from shared.protocol import events, frames, replies
from shared.storage.table import TransientError

log = logging.getLogger("parley")

FRAME_TRIES = 3
"""How often a frame's counting is tried when other frames of the connection interfere."""


class Guarded(Named, Protocol):
    """An agent that says which web pages may talk to it."""

    def admits(self, origin: str | None) -> bool:
        """Whether a browser with this origin may; None is no browser."""
        ...


class AgentSource(Protocol):
    """Where agents are configured."""

    def get(self, agent_id: str) -> Guarded:
        """Raises NotFound or ConfigurationError."""
        ...


class Frames:
    """Handles one frame after another, of any connection. Refusals become `error` events; the
    connection stays open in any case."""

    def __init__(
        self,
        *,
        clock: Clock,
        connections: Connections,
        sessions: Sessions,
        messages: Messages,
        turns: TurnRequests,
        requests: Requests,
        agents: AgentSource,
        poster: Poster,
    ) -> None:
        self._clock = clock
        self._connections = connections
        self._sessions = sessions
        self._messages = messages
        self._turns = turns
        self._requests = requests
        self._agents = agents
        self._poster = poster

    def handle(self, connection: str, body: str | None, *, is_base64: bool) -> None:
        """Answer one frame."""
        request_id: str | None = None
        try:
            frame = frames.parse(body, is_base64)
            request_id = frame.request_id
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
        self._post(connection, events.error_of(fault, request_id, at=self._clock.now()))

    def _post(self, connection: str, event: Mapping[str, Any]) -> None:
        self._poster.post(connection, events.encode(event))

    def _answer(
        self, connection: str, frame: frames.Frame, data: Mapping[str, Any], **more: Any
    ) -> None:
        status = more.pop("status", events.FINAL)
        event = events.immediate_response(
            frame.request_id, status, at=self._clock.now(), data=data, **more
        )
        self._post(connection, event)

    def _dispatch(self, connection: str, frame: frames.Frame) -> None:
        match frame:
            case frames.Ping():
                self._post(connection, events.pong(frame.request_id, at=self._clock.now()))
            case frames.CreateConversationSession():
                self._create(connection, frame)
            case frames.SendMessage():
                self._send(connection, frame)
            case frames.GetSession():
                self._with_session(connection, frame, self._get_session)
            case frames.GetConversationMessages():
                self._with_session(connection, frame, self._get_messages)

    def _with_session(
        self, connection: str, frame: Any, answer: Callable[[str, Any, Session], None]
    ) -> None:
        _, session = self._connections.load(connection, frame.session_id)
        if session is None:
            raise frames.no_such_session(frame.request_id)
        answer(connection, frame, session)

    def _get_session(self, connection: str, frame: frames.GetSession, session: Session) -> None:
        self._answer(connection, frame, replies.session_found(wire_ids(session), "active"))

    def _get_messages(
        self, connection: str, frame: frames.GetConversationMessages, session: Session
    ) -> None:
        page = self._messages.page(session, frame.limit, frame.older_than)
        self._answer(connection, frame, page)

    def _create(self, connection: str, frame: frames.CreateConversationSession) -> None:
        opened = self._connections.get(connection)
        if opened is None:
            return  # it closed while its frame was on the way; nobody is there to answer to
        agent = self._agents.get(frame.agent(opened.agent))
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
        self._answer(connection, frame, data, message="Session created")

    def _send(self, connection: str, frame: frames.SendMessage) -> None:
        opened, session = self._connections.load(connection, frame.session_id)
        if opened is None or session is None:
            raise frames.no_such_session(frame.request_id)
        added = self._add(opened, session, frame)
        if added.duplicate:
            self._again(opened, session, frame, added)
            return
        self._answer(connection, frame, {}, status=events.ACCEPTED)
        self._turns.wake(session.box)

    def _add(self, opened: Connection, session: Session, frame: frames.SendMessage) -> Added:
        current: Connection | None = opened
        for _ in range(FRAME_TRIES):
            counted = [self._connections.frame(current, session)] if current else []
            try:
                return self._turns.add(
                    opened.principal,
                    session,
                    request_id=frame.request_id,
                    message=frame.message,
                    connection=opened.id if current else None,
                    riders=counted,
                )
            except RiderFailed:
                # The connection sent another frame at the same moment, or closed: look again.
                current = self._connections.get(opened.id)
        raise RateLimited(retry_after=1)

    def _again(
        self, opened: Connection, session: Session, frame: frames.SendMessage, added: Added
    ) -> None:
        """The same request again: the same turn, and its end if it has one."""
        self._answer(opened.id, frame, {"duplicate": True}, status=events.ACCEPTED)
        if added.job.done:
            self._poster.post(opened.id, added.job.terminal.encode())
            return
        self._requests.attach(session.box, listener(session.id, opened.id), ring=True)
        self._turns.wake(session.box)
        gone = self._turns.gone(added.job)
        if gone is not None:
            # It ended while this frame was on its way: whoever ran it knew of no listener here.
            self._poster.post(opened.id, gone.terminal.encode())
