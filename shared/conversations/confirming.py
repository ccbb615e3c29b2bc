"""Approving and denying calls by frames.

A frame that names the approval decides that one. One that does not is meant for what the
conversation waits for; but never for a call whose prompt it cannot have seen. When two calls are
asked for one after the other, the second click of somebody who clicked twice comes when the second
call waits already: it counts for the first.
"""

from collections.abc import Mapping
from typing import Any

from shared.clock import Clock
from shared.conversations.answers import Answers
from shared.conversations.approvals import ApprovalExpired, Approvals, already_decided
from shared.conversations.items import Connection, Session
from shared.conversations.prompts import prompt_id, prompt_of
from shared.conversations.turns import TurnRequests
from shared.conversations.waiting import Waiting
from shared.errors import NotFound, ParleyError
from shared.identity.principal import Principal
from shared.mailbox.box import Job
from shared.protocol import frames, replies
from shared.runner.prompts import APPROVAL, APPROVED, DENIED, EXPIRED

_DECIDED = (APPROVED, DENIED, EXPIRED)
SEEN = 1000
"""Milliseconds that a person needs at least to see a prompt and to decide."""


class Confirming:
    """Handles `confirm_tool_action`."""

    def __init__(
        self,
        clock: Clock,
        answers: Answers,
        waiting: Waiting,
        approvals: Approvals,
        turns: TurnRequests,
    ) -> None:
        self._clock = clock
        self._answers = answers
        self._waiting = waiting
        self._approvals = approvals
        self._turns = turns

    def confirm(self, opened: Connection, frame: frames.ConfirmToolAction) -> None:
        """Decide, acknowledge, and let the turn go on.

        Raises:
            NotFound: NO_PENDING_CONFIRMATION: nothing waits for that, or not for this client.
            ConflictError, ApprovalExpired: see `Approvals.decide`.
        """
        try:
            session, approval = self._asked(opened, frame)
            seen, box = self._approvals.decide(
                opened.principal, approval, approved=frame.approved, note=frame.note
            )
        except NotFound as fault:
            raise nothing_pending() from fault
        data = replies.tool_action(session.id, seen.id, approved=frame.approved)
        said = "Tool action approved" if frame.approved else "Tool action denied"
        self._answers.final(opened.id, frame.request_id, data, message=said)
        self._turns.wake(box)

    def _asked(self, opened: Connection, frame: frames.ConfirmToolAction) -> tuple[Session, str]:
        """The session and the approval that a frame is for. Raises NotFound, also where they do
        not go together."""
        approval = frame.approval_id
        if approval is None:
            session = self._waiting.own(opened, frame.session_id)
            if session is None:
                raise nothing_pending()
            return session, self._meant(opened.principal, session, frame)
        # Whoever decides by a role need not take part in the conversation, but names the approval.
        # It is looked at first: who may not decide it would tell by the time that the session is.
        conversation = self._approvals.find(opened.principal, approval).conversation
        session = self._waiting.session(opened, frame.session_id)
        if session is None or session.conversation != conversation:
            raise nothing_pending()
        return session, approval

    def _meant(
        self, principal: Principal, session: Session, frame: frames.ConfirmToolAction
    ) -> str:
        """The approval that a frame is for which names none: of the session's own turn, as others
        were not shown its prompt; and of no turn but the one that its request id names, if it names
        one."""
        job = self._waiting.current(session)
        if job is None or job.payload["session"] != session.id:
            raise nothing_pending()
        request_id = frame.request_id
        if request_id != job.payload["request_id"] and self._waiting.is_turn(session, request_id):
            raise nothing_pending()
        prompt, pending, before = prompt_of(job), job.pending, _last_decided(job)
        if prompt is not None and pending is not None and prompt["kind"] == APPROVAL:
            shown = pending.shown_at
            now = self._clock.now()
            if shown is not None and (before is None or now >= shown + SEEN):
                return str(prompt["id"])
        if before is None:
            raise nothing_pending()
        key, decision = before
        if decision["what"] == EXPIRED:
            raise ApprovalExpired if prompt is not None else nothing_pending()
        known = prompt_id(job.key.id, job.ref, APPROVAL, key, decision["hash"])
        self._approvals.find(principal, known)
        if (decision["what"] == APPROVED) != frame.approved or decision["who"] != principal.user:
            raise already_decided(decision["what"])
        return known


def _last_decided(job: Job) -> tuple[str, Mapping[str, Any]] | None:
    """The call of the turn that was decided last, and how; that nobody did in time counts too."""
    decisions: Mapping[str, Mapping[str, Any]] = job.attrs.get("decisions", {})
    found = [(key, each) for key, each in decisions.items() if each["what"] in _DECIDED]
    return max(found, key=lambda each: each[1]["at"], default=None)


def nothing_pending() -> ParleyError:
    return NotFound("Nothing waits for this decision.", code="NO_PENDING_CONFIRMATION")
