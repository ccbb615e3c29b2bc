"""What becomes of a question and of its answer, in words for the person."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from shared.cli.chat.clean import one_line
from shared.cli.chat.prompts import Form
from shared.cli.chat.shapes import count, rows, string

DECIDED = "It was decided elsewhere, or its time has run out: the turn goes on."
LEFT_OPEN = "Left open. It may be decided elsewhere; the turn waits until the time runs out."
NO_CODE = "No code: the turn goes on when the time for it has run out."
NOT_SHOWN = "The agent asks with a form that cannot be shown here ({}): declined."
NO_WORD = "The server does not confirm the answer. The question once more:"

_GONE = "The question is not open any more: it was answered elsewhere, or its time has run out."
GONE = {
    "NO_PENDING_CONFIRMATION": "Nothing waits for this approval any more.",
    "ALREADY_DECIDED": "Somebody else has decided the other way.",
    "APPROVAL_EXPIRED": "The time for this approval has run out.",
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
