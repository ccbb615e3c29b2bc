"""The promises about what people decide, checked after a run."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from shared.conversations.approval_items import WITHDRAWN
from shared.conversations.prompts import parts_of
from shared.mailbox.box import Job
from shared.runner.calls import INTERRUPTED, NOT_MADE
from shared.runner.prompts import (
    APPROVAL,
    APPROVED,
    DECLINED,
    DENIED,
    EXPIRED,
    INTERACTION,
    SUBMITTED,
)
from shared.storage.table import Item
from tests.faults.seeded.diary import Delivery, Said
from tests.faults.seeded.model import FORM, GATED

if TYPE_CHECKING:
    from tests.faults.seeded.audit import Audit

SEEN = 1000
"""Milliseconds after a prompt in which an answer that names none is one to the prompt before."""

TOLD = {
    EXPIRED: "Not called. Nobody decided",
    DENIED: "Not called. The person who was asked about this call declined",
    SUBMITTED: '{"status":"submitted"',
    DECLINED: '{"status":"declined"',
}
"""How the result begins that the model gets of a call that was not made."""


class Decisions:
    """Of one run; see `Audit`."""

    def __init__(self, audit: "Audit") -> None:
        self._audit = audit
        self._diary = audit.diary
        self._approvals: dict[tuple[str, str], Item] = {
            (str(body["ref"]).rpartition("#")[2], str(body["key"])): item
            for box in audit.boxes
            for item in audit.stored(box, "APPROVAL#")
            if (body := item.body)
        }
        self._filled_in: dict[tuple[str, str], Mapping[str, Any]] = {}
        for box in audit.boxes:
            for item in audit.stored(box, "FILLED#"):
                ref, _, key = item.key.sk.rpartition("#")
                self._filled_in[ref.rpartition("#")[2], key] = item.body or {}

    def all(self) -> Iterator[str]:
        yield from self._once()
        yield from self.unapproved()
        yield from self._kept()
        yield from self._told_to_the_model()
        yield from self._told_to_clients()

    def _decision(self, turn: str, call: str) -> Mapping[str, Any]:
        job = self._audit.jobs.get(turn)
        return (job.decision(call) if job else None) or {}

    def _once(self) -> Iterator[str]:
        """Each call is decided once, by whom it is asked of, about what has been shown."""
        times = Counter((each.turn, each.call) for each in self._diary.decided)
        yield from (f"{each} was decided {n} times" for each, n in times.items() if n > 1)
        for each in self._diary.decided:
            what, who = each.decision["what"], each.decision["who"]
            asker = self._audit.jobs[each.turn].payload["principal"]["user"]
            if who != ("" if what == EXPIRED else asker):
                yield f"{each.turn} {each.call}: {what} by {who!r}"
            shown = self._diary.shown.get((each.turn, each.call))
            if what == EXPIRED and (shown is None or each.at < shown.at):
                yield f"{each.turn} {each.call}: expired before it was shown"

    def unapproved(self) -> Iterator[str]:
        """No tool without an approval that stands, of exactly these arguments."""
        approved = {
            (each.turn, each.call): each.at
            for each in self._diary.decided
            if each.decision["what"] == APPROVED
        }
        for run in self._diary.approved_runs:
            at = approved.get((run.turn, run.call))
            if at is None or at > run.at:
                yield f"{run.turn} {run.call}: called at {run.at}, approved at {at}"
            item = self._approvals.get((run.turn, run.call))
            asked = (item.body or {})["content"]["arguments"] if item else None
            if asked != run.arguments:
                yield f"{run.turn} {run.call}: called with {run.arguments}, asked about {asked}"

    def _kept(self) -> Iterator[str]:
        """What is listed of approvals is what was decided; when all is at rest none waits."""
        for (turn, call), item in self._approvals.items():
            what = item.attrs.get("what") or (WITHDRAWN if "withdrawn_at" in item.attrs else None)
            decided = self._decision(turn, call).get("what", WITHDRAWN)
            if what != decided or "#decided#" not in item.attrs["owned_by"]:
                yield f"{turn} {call}: kept as {what} at {item.attrs['owned_by']}, was {decided}"
        for job in self._audit.jobs.values():
            if job.body.get("prompt") or job.body.get("recorded"):
                yield f"{job.ref}: keeps what it waited for"

    def _told_to_the_model(self) -> Iterator[str]:
        for box in self._audit.boxes:
            for entry in self._audit.log(box):
                if entry["role"] == "tool" and entry["name"] in {*GATED, FORM}:
                    turn = str(entry["turn"]).rpartition("#")[2]
                    yield from self._result(turn, entry)

    def _result(self, turn: str, entry: Mapping[str, Any]) -> Iterator[str]:
        decision = self._decision(turn, entry["call"])
        what, text = decision.get("what"), str(entry["text"])
        ran = any((r.turn, r.call) == (turn, entry["call"]) for r in self._diary.approved_runs)
        if text == NOT_MADE:
            # Its turn ended before it could begin, whatever was decided.
            agrees = not ran and self._audit.jobs[turn].outcome != "completed"
        elif entry["name"] == FORM and what is None:
            # Its client cannot show forms, so the model is to ask in words.
            agrees = text.startswith("The user's client cannot show")
        elif entry["name"] == FORM:
            began = '{"status":"no_response"' if what == EXPIRED else TOLD[str(what)]
            values = self._filled_in.get((turn, entry["call"]), {})
            agrees = text.startswith(began) and json.loads(text).get("values", {}) == values
        elif what == APPROVED:
            # One that was interrupted may have been so before it began.
            agrees = text == INTERRUPTED or (ran and not text.startswith("Not called."))
        else:
            agrees = what is not None and text.startswith(TOLD[what])
        if not agrees:
            yield f"{turn} {entry['call']}: {what}, and the model was told {text[:80]!r}"

    def _told_to_clients(self) -> Iterator[str]:
        for each in self._diary.delivered:
            data = each.event.get("data", {})
            if each.event["type"] == "immediate_response" and "approvalId" in data:
                yield from self._acknowledged(each, APPROVAL, data["approvalId"])
            elif each.event["type"] == "immediate_response" and "interactionId" in data:
                yield from self._acknowledged(each, INTERACTION, data["interactionId"])
            elif each.event["type"] == "error" and each.event.get("requestId") in self._diary.said:
                yield from self._refused(each)

    def _acknowledged(self, each: Delivery, kind: str, prompt: str) -> Iterator[str]:
        """Whoever is told that they have decided has."""
        data = each.event["data"]
        turn, call = _call(kind, prompt)
        decision = self._decision(turn, call)
        if kind == APPROVAL:
            true = decision.get("what") == (APPROVED if data["approved"] else DENIED)
        elif "values" in data:
            values = self._filled_in.get((turn, call), {})
            true = decision.get("what") == SUBMITTED and data["values"] == values
        else:
            true = decision.get("what") == DECLINED
        said = self._diary.said.get(str(each.event.get("requestId")))
        if not true or (said and said.user != decision["who"]):
            yield f"{turn} {call}: {decision}, and {said} was answered {data}"
        elif said and said.prompt not in (None, prompt):
            yield f"{turn} {call}: {said} was taken for {prompt}"
        elif said and said.prompt is None:
            yield from self._guessed(said, prompt, turn, call)

    def _guessed(self, said: Said, prompt: str, turn: str, call: str) -> Iterator[str]:
        """An answer that names nothing decides nothing that its sender cannot have seen."""
        diary = self._diary
        decided = next(d for d in diary.decided if (d.turn, d.call) == (turn, call))
        shown = diary.shown.get((turn, call))
        if shown is None or shown.at > decided.at:
            yield f"{turn} {call}: decided at {decided.at} by {said}, noted as shown: {shown}"
            return
        before = any(
            each.turn == turn and each.at < decided.at
            for each in diary.decided
            if each.decision["what"] in (APPROVED, DENIED)
        )
        if any(each.prompt == prompt and each.at <= decided.at for each in diary.said.values()):
            return  # it may have been that one, and this one a repeat of it
        # Only where all processes have the same time.
        soon = decided.decision["at"] < shown.noted + SEEN
        if before and soon and not self._audit.world.skewed:
            yield f"{turn} {call}: decided at {decided.at} by {said}, noted as shown: {shown}"

    def _refused(self, each: Delivery) -> Iterator[str]:
        """Whoever is told that they have not has not, and why is true."""
        said = self._diary.said[each.event["requestId"]]
        code = each.event["error"]["code"]
        if said.prompt is None or "approved" not in said.fields:
            return
        turn, call = _call(APPROVAL, said.prompt)
        job: Job | None = self._audit.jobs.get(turn)
        what = self._decision(turn, call).get("what")
        mine = APPROVED if said.fields["approved"] else DENIED
        owner = job is not None and job.payload["principal"]["user"] == said.user
        true = {
            "ALREADY_DECIDED": what in {APPROVED, DENIED} - {mine},
            "APPROVAL_EXPIRED": what in (EXPIRED, None),
            "APPROVAL_WITHDRAWN": what in (EXPIRED, None),
            "NO_PENDING_CONFIRMATION": not owner or said.elsewhere,
        }
        if not true.get(code, True):
            yield f"{turn} {call}: {what}, and {said} was refused: {code}"


def _call(kind: str, prompt: str) -> tuple[str, str]:
    """Turn and call of a prompt."""
    _, ref, key, _ = parts_of(kind, prompt)
    return ref.rpartition("#")[2], key
