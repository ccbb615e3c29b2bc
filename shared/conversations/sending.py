"""One user message from a client: checked, queued, acknowledged."""

from collections.abc import Mapping
from typing import Any, Protocol

from shared.conversations.answers import Answers
from shared.conversations.connections import TRIES, Connections
from shared.conversations.items import Connection, Session
from shared.conversations.options import Configured, TurnOptions
from shared.conversations.pages import Guarded, Pages
from shared.conversations.prompts import prompt_of, shown, waits_for
from shared.conversations.sessions import Begun, Sessions
from shared.conversations.turns import TurnRequests
from shared.conversations.uploads import uploaded
from shared.errors import NotFound, ParleyError, RateLimited
from shared.mailbox.requests import Added, Requests, RiderFailed
from shared.protocol import frames, replies
from shared.protocol.attachments import attached, check_uploads
from shared.protocol.faults import Fault, Inside


class Chosen(Begun, Configured, Guarded, Protocol):
    """An agent, as far as frames need to know it."""


class AgentSource(Protocol):
    """Where agents are configured."""

    def get(self, agent_id: str, tenant: str) -> Chosen:
        """Raises NotFound or ConfigurationError."""
        ...


class Sending:
    """Handles `send_message`."""

    def __init__(
        self,
        answers: Answers,
        connections: Connections,
        turns: TurnRequests,
        requests: Requests,
        sessions: Sessions,
        agents: AgentSource,
    ) -> None:
        self._answers = answers
        self._connections = connections
        self._sessions = sessions
        self._turns = turns
        self._requests = requests
        self._agents = agents
        self._pages = Pages(agents)

    def send(self, connection: str, frame: frames.SendMessage) -> None:
        """Queue the message and say so; the same request again is the same turn.

        Raises:
            ParleyError: why not; nothing is written then.
        """
        opened, session = self._connections.load(connection, frame.session_id)
        if opened is None:
            return  # it closed while its frame was on the way; nobody is there to answer to
        try:
            self._connections.check(opened)
            if session is None:
                raise frames.no_such_session(frame.request_id)
            if session.id not in opened.attached:
                # The connection that opened the session was asked then.
                self._pages.check(session.agent, session.tenant, opened.origin)
            _check_uploads(session, frame)
            added = self._add(opened, session, frame, self._options(session, frame))
        except RateLimited:
            raise
        except ParleyError:
            self._connections.count(opened)
            raise
        if added.duplicate:
            self._connections.count(opened, session)
            self._again(opened, session, frame, added)
            return
        self._answers.accepted(connection, frame.request_id, _queued(added))
        self._turns.wake(session.box)

    def _options(self, session: Session, frame: frames.SendMessage) -> TurnOptions:
        """What the frame chooses, which the agent allows, or did when it was accepted before."""
        options = TurnOptions(
            model=frame.model,
            skill=frame.skill,
            stream=frame.stream,
            variables=frame.dynamic_variables,
        )
        if options.needs_agent:
            try:
                agent = self._agents.get(session.agent, session.tenant)
                self._sessions.check(session, agent, options)
            except ParleyError:
                if not self._turns.known(session, frame.request_id):
                    raise
        return options

    def _add(
        self,
        opened: Connection,
        session: Session,
        frame: frames.SendMessage,
        options: TurnOptions,
    ) -> Added:
        current: Connection | None = opened
        for _ in range(TRIES):
            counted = self._connections.frame(current, session) if current else []
            try:
                return self._turns.add(
                    opened.principal,
                    session,
                    request_id=frame.request_id,
                    message=frame.message,
                    options=options,
                    listener=opened.hears(session) if current else None,
                    attached=attached(frame.images, frame.files),
                    riders=counted,
                )
            except NotFound as gone:
                # Its conversation has been deleted since the session was read.
                raise frames.no_such_session(frame.request_id) from gone
            except RiderFailed as failed:
                self._connections.refused(failed.failures)
                # The connection sent another frame at the same moment, or closed: look again.
                current = self._connections.again(opened)
        raise RateLimited(retry_after=1)

    def _again(
        self, opened: Connection, session: Session, frame: frames.SendMessage, added: Added
    ) -> None:
        """The same request again: the same turn, and its end if it has one."""
        prompt, pending = prompt_of(added.job), added.job.pending
        waits = {"waitingFor": waits_for(prompt["kind"])} if prompt else {}
        self._answers.accepted(opened.id, frame.request_id, {"duplicate": True, **waits})
        if prompt is not None and pending is not None:
            # It is asked of whoever was there then, and of nobody else.
            for event in shown(added.job, prompt, pending.expires_at):
                self._answers.event(opened.id, event)
        if added.job.done:
            self._answers.again(opened.id, added.job.terminal)
            return
        box = self._requests.attach(session.box, opened.hears(session), ring=True)
        if box is not None and added.job.ref in box.jobs:
            # Whoever runs it has heard the bell before it can leave, and tells how it ended.
            self._turns.wake(session.box)
            return
        ended = self._turns.reread(added.job)
        if ended is not None and ended.done:
            # It ended while this frame was on its way: whoever ran it knew of no listener here.
            self._answers.again(opened.id, ended.terminal)


def _check_uploads(session: Session, frame: frames.SendMessage) -> None:
    """Raises FrameError: an upload is not one of this session's conversation."""
    try:
        check_uploads(frame.images, frame.files, lambda each: uploaded(each, session.conversation))
    except Inside as wrong:
        raise frames.invalid(Fault(wrong.path, str(wrong)), frame.request_id) from wrong


def _queued(added: Added) -> Mapping[str, Any]:
    """What else is told of a message that is accepted: that it waits behind one that waits."""
    behind = added.behind
    if behind is None or behind.waits is None:
        return {}
    return replies.queued_behind(behind.waits, len(behind.jobs))
