"""Asking for a turn, and how it stands: what frames and HTTP requests share."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from shared.clock import Clock
from shared.conversations import observing
from shared.conversations.items import (
    TURN_ID,
    Session,
    box_key,
    conversation_thing,
    living,
    meta_key,
    turn_ref,
)
from shared.conversations.options import PLAIN, TurnOptions
from shared.conversations.prompts import (
    FOR_APPROVAL,
    FOR_INPUT,
    asker,
    described,
    prompt_of,
    waits_for,
)
from shared.errors import ConflictError, NotFound, ParleyError, ValidationError
from shared.identity.access import Action, may
from shared.identity.principal import SERVICE, Principal
from shared.ids import time_ordered_id, unpack
from shared.interactions.kinds import KINDS
from shared.mailbox.box import Box, BoxKey, Job
from shared.mailbox.listeners import Listener
from shared.mailbox.requests import (
    Added,
    BacklogFull,
    DifferentPayload,
    MailboxGone,
    NewJob,
    Requests,
)
from shared.messaging.wakes import Wake, Wakes
from shared.storage.table import Item, Operation, Table

CAPABILITIES = frozenset(kind.capability for kind in KINDS)
"""What clients list in `supports` that can show a form."""

TRUNCATE = "stream_truncate"
"""What clients list in `supports` that can cut the text which they have of an answer."""

Status = Literal[
    "queued", "running", "awaiting_approval", "awaiting_input", "completed", "failed", "cancelled"
]

NOTHING_ATTACHED: Mapping[str, Any] = MappingProxyType({})

AWAITING: Mapping[str, Status] = {
    FOR_APPROVAL: "awaiting_approval",
    FOR_INPUT: "awaiting_input",
}


@dataclass(frozen=True)
class TurnView:
    """A turn as its caller sees it."""

    id: str
    session: str
    status: Status
    text: str = ""
    usage: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    prompt: dict[str, Any] | None = None
    escalation: str | None = None
    directive: Mapping[str, Any] | None = None
    citations: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    @property
    def waits(self) -> bool:
        """Whether it goes on only when a person has answered."""
        return self.status in AWAITING.values()

    @property
    def done(self) -> bool:
        return self.status in ("completed", "failed", "cancelled")


class TurnRequests:
    """Adds turns to conversations and reads them back."""

    def __init__(
        self, table: Table, clock: Clock, requests: Requests, wakes: Wakes, *, backlog: int
    ) -> None:
        self._table = table
        self._clock = clock
        self._requests = requests
        self._wakes = wakes
        self._backlog = backlog

    def add(
        self,
        principal: Principal,
        session: Session,
        *,
        request_id: str,
        message: str,
        options: TurnOptions = PLAIN,
        listener: Listener | None = None,
        callback_url: str | None = None,
        attached: Mapping[str, Any] = NOTHING_ATTACHED,
        riders: Sequence[Operation] = (),
    ) -> Added:
        """Queue one message. The same request of the same session is the same turn. The caller
        has checked the options against the agent; it acknowledges, then calls `wake`. The
        listener hears the conversation from now on. `attached` is what comes with the message, as
        `protocol/attachments.attached` puts it.

        Raises:
            NotFound: SESSION_NOT_FOUND: its conversation has been deleted.
            ValidationError: the request id was used for another message.
            ConflictError: the conversation has as many waiting turns as it may.
            RiderFailed: a condition of `riders` failed.
        """
        payload: dict[str, Any] = {
            "message": message,
            "message_id": time_ordered_id(self._clock.now()),
            "request_id": request_id,
            "session": session.id,
            "agent": session.agent,
            "principal": principal.to_dict(),
            "callback_url": callback_url,
            **options.chosen,
            **session.own.to_dict(),
            **attached,
        }
        if variables := {**session.own.variables, **(options.variables or {})}:
            payload["variables"] = variables
        if TRUNCATE in session.supports:
            payload["truncates"] = True
        if session.user != principal.user:
            payload["for"] = session.user
        if renders := sorted(CAPABILITIES.intersection(session.supports)):
            payload["renders"] = renders
        job = NewJob(
            ref=turn_ref(session.id, request_id),
            hash=digest(message, callback_url, options, attached),
            payload=payload,
        )
        try:
            added = self._requests.add(
                session.box,
                job,
                bound=self._backlog + 1,
                listener=listener,
                riders=riders,
                made=True,
            )
        except MailboxGone as gone:
            raise NotFound("There is no such session.", code="SESSION_NOT_FOUND") from gone
        except DifferentPayload as fault:
            raise ValidationError(
                "This requestId (over HTTP: Idempotency-Key) was used for another message. "
                "Use a new one for a new message.",
                details={"field": "requestId"},
            ) from fault
        except BacklogFull as full:
            raise self._full(full.waiting) from full
        observing.accepted(added.job, duplicate=added.duplicate)
        return added

    def _full(self, waiting: int) -> ParleyError:
        if self._backlog == 0:
            return ConflictError(
                "A turn is in progress. Send the next message when it has ended.",
                code="TURN_IN_PROGRESS",
                retryable=True,
            )
        return ConflictError(
            f"{waiting} messages wait in this conversation already. Try again later.",
            code="SESSION_BACKLOG_FULL",
            retryable=True,
        )

    def wake(self, box: BoxKey) -> None:
        """Tell the workers that the conversation has something to do."""
        self._wakes.send([Wake(box.pk, box.tenant)])

    def reread(self, job: Job) -> Job | None:
        """The turn as it is now; None if it is gone."""
        item = self._table.get([job.key.job(job.ref)])[0]
        return Job.read(job.key, job.ref, item) if item else None

    def known(self, session: Session, request_id: str) -> bool:
        """Whether the request has been accepted before."""
        key = session.box.job(turn_ref(session.id, request_id))
        return self._table.get([key])[0] is not None

    def view(self, principal: Principal, turn: str) -> TurnView:
        """How a turn stands. Raises like `find`."""
        return self.find(principal, turn, "read")[2]

    def find(self, principal: Principal, turn: str, action: Action) -> tuple[BoxKey, str, TurnView]:
        """A turn with which the principal may do this: its mailbox, its sort key, how it stands.

        Raises:
            NotFound: no such turn, or not for the principal: the same answer.
        """
        try:
            conversation, ref = unpack(TURN_ID, turn, 2)
        except NotFound as fault:
            raise no_such_turn() from fault
        box = box_key(principal.tenant, conversation)
        found, head = self._table.get([meta_key(box), box.item])
        meta = living(found)
        if meta is None or not ref.startswith("TURN#"):
            raise no_such_turn()
        if not may(principal, action, conversation_thing(principal.tenant, meta)):
            raise no_such_turn()
        # Not with the others: a large turn takes long to read, which would tell that there is one.
        item = self._table.get([box.job(ref)])[0]
        if item is None:
            raise no_such_turn()
        return box, ref, _view(principal, turn, Job.read(box, ref, item), head)


def _view(principal: Principal, turn: str, job: Job, head: Item | None) -> TurnView:
    # Others who take part may not read what was looked up on behalf of who asked.
    own = principal.has_role(SERVICE) or asker(job.payload) == principal.user
    result: dict[str, Any] = dict(job.body.get("result", {}))
    prompt, pending = prompt_of(job), job.pending
    asked = described(prompt, pending.expires_at) if prompt and pending else None
    return TurnView(
        id=turn,
        session=job.payload["session"],
        status=_status(job, Box.read(job.key, head) if head else None),
        text=result.get("text", ""),
        usage=result.get("usage"),
        error=result.get("error"),
        prompt=asked,
        escalation=result.get("escalation"),
        citations=result.get("citations", []) if own else [],
        directive=result.get("directive") if own else None,
    )


def _status(job: Job, box: Box | None) -> Status:
    if job.done:
        ended: dict[str | None, Status] = {"completed": "completed", "cancelled": "cancelled"}
        return ended.get(job.outcome, "failed")
    prompt = prompt_of(job)
    if prompt is not None:
        return AWAITING[waits_for(prompt["kind"])]
    running = box is not None and box.head == job.ref and box.owner is not None
    return "running" if running else "queued"


def no_such_turn() -> NotFound:
    return NotFound("There is no such turn.", code="TURN_NOT_FOUND")


def digest(
    message: str,
    callback_url: str | None,
    options: TurnOptions = PLAIN,
    attached: Mapping[str, Any] = NOTHING_ATTACHED,
) -> str:
    """What tells one request from another under the same id."""
    asked: list[Any] = [message, callback_url]
    if options.chosen:
        asked.append(options.chosen)
    if attached:
        asked.append(dict(attached))
    text = json.dumps(asked, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
