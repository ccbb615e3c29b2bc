"""How a turn ends: its messages, its terminal event, its usage and its callback, as one write."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from shared.clock import Clock
from shared.conversations import approval_items
from shared.conversations.items import meta_key, owned_by
from shared.conversations.leaving import NOTHING_LEFT, Left
from shared.conversations.messages import Message, question
from shared.conversations.naming import preview
from shared.conversations.notices import Ended, Notices
from shared.conversations.transcript import Transcript
from shared.conversations.usage import Ledger, counting
from shared.errors import InternalError, ParleyError, for_client
from shared.ids import time_ordered_id
from shared.mailbox.box import Job
from shared.mailbox.jobs import Ending
from shared.models.port import Usage
from shared.protocol import events
from shared.runner.events import Reply
from shared.runner.prompts import APPROVAL
from shared.runner.request import Equipped
from shared.storage.expressions import Assign
from shared.storage.table import Operation, Update

log = logging.getLogger("parley")

MAX_TERMINAL_TEXT = 100 * 1024
"""Bytes of text, as JSON, in a terminal event, with citations and directive; the whole text stands
in the log."""

MAX_FIRST = 200
"""Characters of its first message by which a conversation is found."""


_WAITING = {"prompt", "recorded"}
"""What the body of a turn has while it waits for people."""


_BY_WHAT_WAS_ASKED = ("MODEL_REFUSED", "CONTEXT_TOO_LONG")
"""How a turn ends whose pictures may be why: shown again, they would end every later turn too."""


class Endings:
    """Builds the endings of turns."""

    def __init__(self, clock: Clock, ledger: Ledger, notices: Notices) -> None:
        self._clock = clock
        self._ledger = ledger
        self._notices = notices

    def completed(
        self, job: Job, reply: Reply, *, cut: int | None = None, equipped: Equipped | None = None
    ) -> Ending:
        """The turn has a reply, of the agent as it was `equipped`. `cut`: see `Transcript`."""
        now = self._clock.now()
        message_id = time_ordered_id(now)
        answer = {
            "id": message_id,
            "role": "assistant",
            "text": reply.text,
            "at": now,
            "turn": job.ref,
            "stop_reason": reply.stop_reason,
        }
        if reply.said != reply.text:
            answer["said"] = reply.said
        event = events.eventual_response(
            job.payload["request_id"],
            message_id=message_id,
            text=events.shortened(reply.text, _room(reply)),
            at=now,
            usage=wire_usage(reply.usage),
            suggestions=reply.suggestions,
            citations=reply.citations,
            directive=reply.directive,
            escalation=reply.escalation,
        )
        result: dict[str, Any] = {
            "text": reply.text,
            "usage": wire_usage(reply.usage),
            "spent": asdict(reply.usage),
            "said": reply.said,
            "stop_reason": reply.stop_reason,
            "suggestions": list(reply.suggestions),
        }
        beside = {
            "citations": [dict(each) for each in reply.citations],
            "directive": reply.directive,
            "escalation": reply.escalation,
        }
        kept = {name: value for name, value in beside.items() if value}
        answer, result = {**answer, **kept}, {**result, **kept}
        if reply.escalation:
            named = {"gen_ai.conversation.id": job.key.id}
            log.warning("an agent asks for a person", extra=named)
        if cut is not None:
            result["cut"] = cut
        if reply.asks is not None:
            # The next message is the result of the call that asked.
            answer["asks"] = result["asks"] = reply.asks
        return self._ending(
            job, "completed", event, [answer], result, reply.usage, equipped=equipped
        )

    def failed(
        self,
        job: Job,
        fault: Exception | None,
        cost: Usage,
        left: Left = NOTHING_LEFT,
    ) -> Ending:
        """The turn has no reply: because of `fault`, or (None) because its workers died."""
        error = _told(fault)
        details: dict[str, Any] = {**error.details, "retryable": error.is_retryable}
        if cost != Usage():
            # The protocol has no other place for it, and none at all in `cancelled`.
            details["usage"] = wire_usage(cost)
        if left.escalation is not None:
            details["escalationReason"] = left.escalation
        event = events.error(
            job.payload["request_id"],
            error.error_code,
            error.message,
            at=self._clock.now(),
            details=details,
        )
        told: dict[str, Any] = {
            "code": error.error_code,
            "message": error.message,
            "retryable": error.is_retryable,
        }
        if error.details:
            told["details"] = dict(error.details)
        result = {"error": told, "usage": wire_usage(cost), "spent": asdict(cost)}
        hidden = fault is None or error.error_code in _BY_WHAT_WAS_ASKED
        return self._ending(job, "failed", event, [], result, cost, left=left, hidden=hidden)

    def cancelled(
        self,
        job: Job,
        cost: Usage,
        *,
        at_head: bool,
        said: Transcript | None = None,
        noted: str = "",
        left: Left = NOTHING_LEFT,
    ) -> Ending:
        """Somebody stopped the turn. One that is not at the head writes nothing to the log, whose
        next numbers belong to the head. What it has `said` is kept, of which its notes have
        `noted` already."""
        now = self._clock.now()
        event = events.cancelled(job.payload["request_id"], at=now)
        result: dict[str, Any] = {"usage": wire_usage(cost), "spent": asdict(cost)}
        answer: list[Message] = []
        if said is not None and at_head and said.text.strip():
            result["text"] = said.text
            if said.cut is not None:
                result["cut"] = said.cut
            partial = {
                "id": time_ordered_id(now),
                "role": "assistant",
                "text": said.text,
                "said": said.text.removeprefix(noted).lstrip("\n"),
                "at": now,
                "turn": job.ref,
                "stopped": True,
            }
            answer = [partial]
        return self._ending(
            job, "cancelled", event, answer, result, cost, in_log=at_head, left=left
        )

    def _ending(
        self,
        job: Job,
        outcome: str,
        event: Mapping[str, Any],
        said: Sequence[Message],
        result: Mapping[str, Any],
        cost: Usage,
        *,
        in_log: bool = True,
        left: Left = NOTHING_LEFT,
        equipped: Equipped | None = None,
        hidden: bool = False,
    ) -> Ending:
        """`in_log`: the turn's messages are in the log when it has ended, the user's at least.
        `hidden`: see `question`."""
        first, now = int(job.attrs["count"]), self._clock.now()
        notes = [{"id": time_ordered_id(now), "at": now, "turn": job.ref, **n} for n in left.unmade]
        start, log = first, [question(job, hidden=hidden), *notes, *said]
        if job.log_length is not None:
            start, log = job.log_length, [*notes, *said]
        if not in_log:
            log = []
        end = start + len(log) if in_log else None
        if left.escalation is not None:
            result = {**result, "escalation": left.escalation}
        ended = Ended(outcome, result, log, said, end, equipped, left.escalated)
        told = self._notices.of(job, ended)
        return Ending(
            outcome=outcome,
            terminal=events.encode(event).decode(),
            log=log,
            log_from=start,
            beside=[
                *self._conversation(job, end, said, told.noted, cost),
                self._ledger.end(job, cost),
                *self._withdrawn(job),
            ],
            queued=[writes for writes, _ in told.queued],
            wakes=[box for _, box in told.queued],
            next_at=told.next_at,
            body={"result": result, **dict.fromkeys(_WAITING & job.body.keys())},
        )

    def _withdrawn(self, job: Job) -> list[Operation]:
        """Nobody is asked any more."""
        prompt, pending = job.body.get("prompt"), job.undecided
        if prompt is None or pending is None or prompt["kind"] != APPROVAL:
            return []
        return [approval_items.withdrawn(job, prompt, self._clock.now())]

    def _conversation(
        self,
        job: Job,
        count: int | None,
        said: Sequence[Message],
        noted: Mapping[str, Any],
        cost: Usage,
    ) -> list[Operation]:
        """The number of messages, all (None: the turn has written none) and those that people see,
        and what its turns cost; with the first ones the conversation gets its title and appears in
        lists."""
        if count is None:
            return []
        changed: dict[str, Any] = {
            "count": count,
            "messages": job.attrs["messages"] + 1 + len(said),
            "owned_by": owned_by(job.key.tenant, job.attrs["owner"]),
            "listed_at": self._clock.now(),
            **noted,
        }
        if job.attrs["count"] == 0:
            asked = " ".join(job.payload["message"].split())
            changed |= {"first": asked[:MAX_FIRST], "auto_title": preview(asked)}
        changes = [Assign((name,), value) for name, value in changed.items()]
        return [Update(meta_key(job.key), [*changes, *counting(cost, 1)])]


def wire_usage(usage: Usage) -> dict[str, Any]:
    """Usage as clients see it: all tokens that went in, all that came out, and USD."""
    prompt = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    return events.usage(prompt, usage.output_tokens, usage.cost_nano_usd)


def _room(reply: Reply) -> int:
    """Bytes for the text beside what goes with it, both of which are bounded."""
    beside = [*reply.citations, *filter(None, [reply.directive])]
    return MAX_TERMINAL_TEXT - sum(events.json_bytes(dict(each)) for each in beside)


def _told(fault: Exception | None) -> ParleyError:
    """What a client is told: our own errors as they are, everything else only that it failed."""
    if fault is None:
        return InternalError("The turn could not be completed after several attempts.")
    return for_client(fault)
