"""What becomes of a question and of its answer, in words for the person."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from shared.cli.chat.clean import one_line
from shared.cli.chat.events import ToolAnswered, TurnEvent
from shared.cli.chat.prompts import Approval, Code, Form, Prompt
from shared.cli.chat.shapes import count, rows, string

BEFORE = "it waits behind another turn, which waits for a person."
_DECIDED = "It was decided elsewhere, or its time has run out: the turn goes on."
_APPROVED = "It was approved elsewhere: the turn goes on."
_DENIED = "It was denied elsewhere: the turn goes on."
_ELSEWHERE = "It was decided elsewhere: the turn goes on."
_TOO_LATE = "Its time has run out: the turn goes on."
_TOLD = (
    ("APPROVAL_EXPIRED", _TOO_LATE),
    ("Not called. Nobody decided about this call in time.", _TOO_LATE),
    ("Not called. The person who was asked about this call declined it.", _DENIED),
    ("ALREADY_DECIDED", _ELSEWHERE),
)
"""How the result of a call begins that was not made, and what that means."""

_LEFT_OPEN = "Left open. It may be decided elsewhere; the turn waits until the time runs out."
_NO_CODE = "No code: the turn goes on when the time for it has run out."
NOT_SHOWN = "The agent asks with a form that cannot be shown here ({}): declined."
NO_WORD = "The server does not confirm the answer. The question once more:"

_GONE = "The question is not open any more: it was answered elsewhere, or its time has run out."
GONE = {
    "NO_PENDING_CONFIRMATION": "Nothing waits for this approval any more.",
    "ALREADY_DECIDED": "Somebody else has decided the other way.",
    "APPROVAL_EXPIRED": "The time for this approval has run out.",
    "APPROVAL_WITHDRAWN": "The turn was stopped or has failed, and asks for no approval any more.",
    "NO_PENDING_INTERACTION": _GONE,
    "INTERACTION_MISMATCH": _GONE,
}
"""Errors that end the question, and never the turn."""

PASSING = frozenset({"RATE_LIMITED", "SERVICE_UNAVAILABLE", "INTERNAL_ERROR", "VALIDATION_ERROR"})
"""Errors after which the question may be put once more."""

REFUSALS = PASSING | {"UNSUPPORTED_ACTION", "UNAUTHORIZED", "CONFLICT"}
"""Errors that mean the answer, though they carry the turn's own request id."""

_WRONG_CODE = frozenset({"", "INVALID_CODE"})


def taken(frame: Mapping[str, Any]) -> str:
    """The answer of this frame has arrived."""
    if "approved" in frame:
        return "Approved." if frame["approved"] else "Denied."
    return "Declined." if frame.get("declined") is True else "Sent."


def decided(prompt: Prompt, said: Sequence[TurnEvent], now: int) -> str:
    """What has become of something that was not decided here, as far as `said`, which follows it,
    tells; `now` in milliseconds since the epoch."""
    results = [each for each in said if isinstance(each, ToolAnswered)]
    if isinstance(prompt, Approval) and results and results[0].name == prompt.tool:
        if not results[0].failed:
            return _APPROVED
        for begins, meaning in _TOLD:
            if results[0].result.startswith(begins):
                return meaning
    is_over = prompt.expires_at is not None and prompt.expires_at <= now
    return _TOO_LATE if is_over else _DECIDED


def left(prompt: Prompt) -> str:
    """The person gives no answer."""
    return _NO_CODE if isinstance(prompt, Code) else _LEFT_OPEN


def deciders(approval: Approval) -> str:
    """Who decides, when the user of the turn may not; "" when they may."""
    if approval.may_decide:
        return ""
    *more, last = approval.roles or [""]
    named = f"{', '.join(more)} or {last}" if more else last
    return f"Somebody with the role {named}" if named else "Somebody else"


def code_sent(data: Mapping[str, Any]) -> str:
    """Where the code can be found."""
    place = one_line(string(data, "maskedDestination")) or "you"
    return f"A code was sent to {place}."


def code_taken(data: Mapping[str, Any]) -> str:
    return one_line(string(data, "message")) or "The code is right."


def code_refused(data: Mapping[str, Any]) -> tuple[str, bool]:
    """Why, and whether another one may be tried."""
    left = count(data, "attemptsRemaining") or 0
    said = one_line(string(data, "message")) or "The code is not right."
    again = left > 0 and string(data, "error") in _WRONG_CODE
    return (f"{said} Tries left: {left}." if again else said), again


def faulty(data: Mapping[str, Any]) -> Collection[str]:
    """The names of the parts of a form that must be filled in again."""
    return {string(row, "field") for row in rows(data, "errors")}


def faults(form: Form, data: Mapping[str, Any]) -> Sequence[str]:
    """What is wrong with what was filled in, line by line."""
    labels = {part.name: part.label for part in form.parts}
    said = [one_line(string(data, "message")) or "Some of it cannot be taken."]
    for row in rows(data, "errors"):
        field = string(row, "field")
        said.append(f"  {one_line(labels.get(field, field))}: {one_line(string(row, 'message'))}")
    return said
