"""What turns ask people, as their clients have it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.runner.prompts import APPROVAL, INTERACTION
from tests.faults.seeded.diary import Event

REFUSALS = frozenset(
    {
        "ALREADY_DECIDED",
        "APPROVAL_EXPIRED",
        "APPROVAL_WITHDRAWN",
        "NO_PENDING_CONFIRMATION",
        "NO_PENDING_INTERACTION",
        "INTERACTION_MISMATCH",
    }
)
"""Why an answer was refused; the turn goes on as if it had not come."""

ASKED_IN = "Which"
"""The header of the one question in the forms of a run."""


@dataclass(frozen=True)
class Prompt:
    """One of them, by its id."""

    turn: str
    session: str
    kind: str
    id: str


def prompt_in(event: Event, session: str) -> Prompt | None:
    """What this event of a turn of the session asks, if it does."""
    turn = str(event.get("requestId"))
    match event:
        case {"type": "stream_chunk", "data": {"state": {"pendingWriteConfirmation": approval}}}:
            return Prompt(turn, session, APPROVAL, approval["approvalId"])
        case {"type": "immediate_response", "data": {"prompt": prompt}}:
            if "pendingWriteConfirmation" in prompt:
                approval = prompt["pendingWriteConfirmation"]
                return Prompt(turn, session, APPROVAL, approval["approvalId"])
            return prompt_in(prompt, session)
        case {"type": "interaction_required", "data": {"data": {"interactionId": known}}}:
            return Prompt(turn, session, INTERACTION, known)
    return None


def chosen(label: str) -> Mapping[str, Any]:
    """The form, filled in."""
    return {"answers": [{"header": ASKED_IN, "options": [label]}]}
