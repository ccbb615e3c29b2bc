"""What users fill in: checked here, before any worker wakes."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from shared.clock import Clock
from shared.conversations.answers import Answers
from shared.conversations.asking import filled_in, filled_in_key, with_contact
from shared.conversations.items import Connection, Session
from shared.conversations.prompts import Stored, parts_of, prompt_of, thing
from shared.conversations.turns import TurnRequests
from shared.conversations.waiting import Waiting
from shared.errors import ConflictError, NotFound
from shared.identity.access import may
from shared.identity.principal import Principal
from shared.interactions.kinds import by_name
from shared.interactions.port import ATTENTION, InvalidValues, Kind
from shared.mailbox.box import Job
from shared.mailbox.requests import Requests
from shared.protocol import frames, prompts, replies
from shared.runner.prompts import DECLINED, INTERACTION, SUBMITTED
from shared.storage.table import Item, Put, Table

KEPT_SECONDS = 30 * 24 * 3600
"""How long what was filled in is kept beside the log, which has it as the result of its call."""

MISMATCH = "INTERACTION_MISMATCH"


class Submitting:
    """Handles `submit_interaction`."""

    def __init__(
        self,
        table: Table,
        clock: Clock,
        answers: Answers,
        waiting: Waiting,
        requests: Requests,
        turns: TurnRequests,
    ) -> None:
        self._clock = clock
        self._answers = answers
        self._waiting = waiting
        self._requests = requests
        self._table = table
        self._turns = turns

    def submit(self, opened: Connection, frame: frames.SubmitInteraction) -> None:
        """Take what was filled in, acknowledge it, and let the turn go on; or say what is wrong
        with it, and the turn waits on.

        Raises:
            NotFound: NO_PENDING_INTERACTION: nothing waits for that, or not for this client.
            ConflictError: INTERACTION_MISMATCH: something else does.
        """
        session = self._waiting.own(opened, frame.session_id)
        job = self._waiting.current(session) if session else None
        if session is None or job is None:
            raise _nothing_pending()
        prompt = _asked(opened.principal, job)
        if prompt is None or prompt["kind"] != INTERACTION or prompt["id"] != frame.interaction_id:
            self._again(opened, session, job, frame, waits=prompt)
            return
        kind = by_name(prompt["content"]["kind"])
        if kind is None or frame.kind not in (None, kind.name):
            raise _mismatch()
        values: dict[str, Any] | None = None
        if not frame.declined:
            try:
                values = kind.validate(prompt["content"]["spec"], frame.values)
            except InvalidValues as invalid:
                self._invalid(opened, job, prompt, kind, invalid)
                return
        if not self._decided(opened, session, job, prompt, kind, values, _sent(frame)):
            # Somebody else was faster, or the time is over.
            raise _nothing_pending()
        self._accepted(opened, session, frame, kind.name, values)

    def _decided(
        self,
        opened: Connection,
        session: Session,
        job: Job,
        prompt: Stored,
        kind: Kind,
        values: Mapping[str, Any] | None,
        sent: str,
    ) -> bool:
        contact = kind.contact(values) if values is not None else {}
        answer = self._requests.decide(
            session.box,
            job.ref,
            call=prompt["key"],
            digest=prompt["digest"],
            what=DECLINED if values is None else SUBMITTED,
            who=opened.principal.user,
            beside=[
                *([with_contact(job.payload["session"], contact)] if contact else []),
                *([self._kept(job, prompt["key"], values)] if values is not None else []),
            ],
            more={"kind": kind.name, "sent": sent},
        )
        if answer != "same":
            return answer == "decided"
        # The same person, at the same moment; but did they fill in the same?
        again = self._turns.reread(job)
        known = again.decision(prompt["key"]) if again else None
        return known is not None and known.get("sent") == sent

    def _kept(self, job: Job, key: str, values: Mapping[str, Any]) -> Put:
        """The write that keeps what was filled in, for whoever goes on with the turn."""
        ttl = self._clock.now() // 1000 + KEPT_SECONDS
        return Put(Item(filled_in_key(job, key), {}, values, ttl=ttl))

    def _again(
        self,
        opened: Connection,
        session: Session,
        job: Job,
        frame: frames.SubmitInteraction,
        *,
        waits: Stored | None,
    ) -> None:
        """The interaction is not what is waited for; it may have been submitted before."""
        try:
            conversation, ref, key, _ = parts_of(INTERACTION, frame.interaction_id)
        except NotFound as fault:
            raise (_mismatch() if waits else _nothing_pending()) from fault
        decision = (
            job.decision(key) if (conversation, ref) == (session.conversation, job.ref) else None
        )
        same = decision is not None and decision["who"] == opened.principal.user
        if decision is not None and same and _same(decision, frame):
            values = None if frame.declined else filled_in(self._table, job, key)
            self._accepted(opened, session, frame, decision["kind"], values)
            return
        if decision is not None:
            # It comes too late, which is no reason for its client to give the turn up.
            raise _nothing_pending()
        raise _mismatch() if waits else _nothing_pending()

    def _accepted(
        self,
        opened: Connection,
        session: Session,
        frame: frames.SubmitInteraction,
        kind: str,
        values: Mapping[str, Any] | None,
    ) -> None:
        data = replies.interaction_submitted(session.id, frame.interaction_id, kind, values)
        self._answers.final(opened.id, frame.request_id, data)
        self._turns.wake(session.box)

    def _invalid(
        self, opened: Connection, job: Job, prompt: Stored, kind: Kind, invalid: InvalidValues
    ) -> None:
        event = prompts.interaction_invalid(
            job.payload["request_id"],
            prompt["id"],
            kind.name,
            [(fault.field, fault.message) for fault in invalid.faults],
            ATTENTION,
            at=self._clock.now(),
        )
        self._answers.event(opened.id, event)


def _asked(principal: Principal, job: Job) -> Stored | None:
    """What the job waits for. A form that is another one's is none, also for those who share the
    conversation: what is filled in may be who somebody is."""
    prompt = prompt_of(job)
    if prompt is None or prompt["kind"] != INTERACTION:
        return prompt
    return prompt if may(principal, "decide", thing(job.key.tenant, prompt)) else None


def _same(decision: Mapping[str, Any], frame: frames.SubmitInteraction) -> bool:
    """Whether this very thing has been submitted already."""
    return frame.kind in (None, decision.get("kind")) and decision.get("sent") == _sent(frame)


def _sent(frame: frames.SubmitInteraction) -> str:
    """What tells one submission from another: as it was sent, for what is stored of it has been put
    in order."""
    text = "" if frame.declined else json.dumps(frame.values, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _nothing_pending() -> NotFound:
    return NotFound("Nothing waits for this to be filled in.", code="NO_PENDING_INTERACTION")


def _mismatch() -> ConflictError:
    return ConflictError("Something else is to be filled in by now.", code=MISMATCH)
