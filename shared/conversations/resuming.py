"""Coming back to a turn after the connection was lost.

While a turn runs, its worker answers: whoever orders what is streamed must also say where the
missed text ends. It finds out by the bell, within a second. What waits or has ended is answered
here, from the store.
"""

from dataclasses import replace

from shared.clock import Clock
from shared.conversations.answers import Answers
from shared.conversations.connections import Connections, readable
from shared.conversations.items import (
    Connection,
    Session,
    session_key,
    turn_ref,
    turn_session,
)
from shared.conversations.pages import Pages
from shared.conversations.transcript import Transcript, missed
from shared.conversations.turns import TurnRequests, no_such_turn
from shared.errors import NotFound
from shared.mailbox.box import Box, Job
from shared.mailbox.requests import Requests
from shared.protocol import events, frames, replies
from shared.storage.table import Table


class Resuming:
    """Handles `resume_turn`."""

    def __init__(
        self,
        table: Table,
        clock: Clock,
        answers: Answers,
        connections: Connections,
        turns: TurnRequests,
        requests: Requests,
        pages: Pages,
    ) -> None:
        self._pages = pages
        self._table = table
        self._clock = clock
        self._answers = answers
        self._connections = connections
        self._turns = turns
        self._requests = requests

    def resume(self, opened: Connection, session: Session, frame: frames.ResumeTurn) -> None:
        """Tell the client what it missed, and stream to it what is still to come.

        Raises:
            NotFound: TURN_NOT_FOUND: there is no such turn of the session.
        """
        box, job = self._find(session, frame.request_id)
        if job is None:
            # A client that comes back to its conversation has a session that began no turn yet.
            session = self._other(opened, box)
            box, job = self._find(session, None)
        if job is None:
            raise no_such_turn()
        if session.id not in opened.attached:
            self._connections.use(opened, session)
        if not job.done or job.ref == box.head:
            # Whoever holds the mailbox, or takes it next, still tells of the turn's end: what it
            # has for this client would come behind an answer from here.
            box = self._attached(opened, session, job, frame.received)
            if job.ref == box.head:
                self._turns.wake(session.box)
            elif job.ref in box.jobs and not job.done:
                self._queued(opened, job, box.jobs.index(job.ref))
            if job.ref in box.jobs:
                return
            # It has left the mailbox meanwhile, so nobody else will tell how it ended.
            job = self._turns.reread(job) or job
            if not job.done:
                raise no_such_turn()
        else:
            self._requests.attach(session.box, opened.hears(session))
        self._answer(opened, job, frame.received)
        self._answers.again(opened.id, job.terminal)

    def _other(self, opened: Connection, box: Box) -> Session:
        """The session of the turn that the conversation is at, if it is the same client's."""
        name = turn_session(box.head or "")
        found = readable(opened.principal, name, self._table.get([session_key(name)])[0])
        if found is None:
            raise no_such_turn()
        self._pages.check(found.agent, found.tenant, opened.origin)
        return found

    def _find(self, session: Session, request_id: str | None) -> tuple[Box, Job | None]:
        """The turn and its mailbox, which is read first. None: no request is named, and the
        session has no turn that has not ended."""
        key = session.box
        if request_id is not None:
            ref = turn_ref(session.id, request_id)
            head, item = self._table.get([key.item, key.job(ref)])
        else:
            head = self._table.get([key.item])[0]
            jobs = Box.read(key, head).jobs if head else ()
            mine = [job for job in jobs if turn_session(job) == session.id]
            if head is not None and not mine:
                return Box.read(key, head), None
            ref = mine[0] if mine else ""
            item = self._table.get([key.job(ref)])[0] if mine else None
        if head is None or item is None:
            raise no_such_turn()
        return Box.read(key, head), Job.read(key, ref, item)

    def _attached(self, opened: Connection, session: Session, job: Job, received: int) -> Box:
        """The mailbox once the connection hears it. Who runs the turn, or will, tells it where the
        turn goes on: nobody else knows in which order that comes."""
        back = replace(opened.hears(session), back=(job.ref, received))
        found = self._requests.attach(session.box, back, ring=True)
        if found is None:
            raise no_such_turn()
        return found

    def _queued(self, opened: Connection, job: Job, before: int) -> None:
        """Tell the client that the turn waits for others. It may come late, behind what the turn
        says when it has begun, so it says nothing of the text."""
        data = replies.resumed_behind(job.payload["request_id"], job.payload["session"], before)
        self._answers.final(opened.id, job.payload["request_id"], data)

    def _answer(self, opened: Connection, job: Job, received: int) -> None:
        result = job.body.get("result", {})
        transcript = Transcript(result.get("text", ""), result.get("cut"))
        truncates = job.payload.get("truncates", False)
        request_id, now = job.payload["request_id"], self._clock.now()
        told, rest = missed(
            request_id,
            str(job.outcome),
            transcript.missing(received, truncates=truncates),
            at=now,
            session=job.payload["session"],
        )
        said = (events.encode(events.stream_token(request_id, piece, at=now)) for piece in rest)
        for event in (*told, *said):
            self._answers.again(opened.id, event.decode())


def no_such(fault: NotFound, request_id: str | None) -> frames.FrameError:
    """The same, with the id of the turn that is not there."""
    return frames.FrameError(fault.message, code=fault.error_code, request_id=request_id)
