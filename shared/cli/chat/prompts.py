"""What a turn waits for, as the server says it, and the frames that answer it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.cli.chat.clean import exact, exact_name, one_line, visible
from shared.cli.chat.shapes import mapping, moment, rows, string, strings
from shared.ids import new_id

FORMS = ("identity_form", "choice_chips")
"""What a client that can show all forms below lists in `supports`."""

IDENTITY = "identity_intake"
CHOICES = "choices"
MAX_PARTS = 10
MAX_OPTIONS = 20
MAX_ROLES = 10
_LABELS = {"name": "Name", "email": "Email", "phone": "Phone"}

ASKING = frozenset(
    {"write_confirmation_required", "interaction_required", "otp_verification_required"}
)
"""Events that ask somebody."""

Frame = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Approval:
    """A call of a tool that is to be allowed. `arguments` are name and value, each on one line and
    whole. With `roles` one of them is needed to decide; `may_decide` is False when the user of
    the turn has none. Every `expires_at` is in milliseconds since the epoch, None if it is not
    known."""

    id: str
    tool: str
    description: str
    arguments: Sequence[tuple[str, str]]
    roles: Sequence[str] = ()
    may_decide: bool = True
    expires_at: int | None = None

    @property
    def is_answerable(self) -> bool:
        """Whether the person can be asked about it."""
        return self.may_decide

    def frame(self, session: str, turn: str, answer: Mapping[str, Any]) -> Frame:
        """What sends the answer: `approved`, and maybe a `note`."""
        asked = {"action": "confirm_tool_action", "requestId": new_id(), "sessionId": session}
        return {**asked, "approvalId": self.id, **answer}


@dataclass(frozen=True, kw_only=True)
class Code:
    """A code that was sent to the user is to be entered."""

    tool: str
    description: str
    expires_at: int | None = None

    is_answerable = True

    @property
    def id(self) -> str:
        return f"code {self.tool}"

    def frame(self, session: str, turn: str, answer: Mapping[str, Any]) -> Frame:
        """What sends the answer: a `code`."""
        return {"action": "verify_otp", "requestId": new_id(), "sessionId": session, **answer}


@dataclass(frozen=True)
class Field:
    """One line of text."""

    name: str
    label: str
    required: bool


@dataclass(frozen=True)
class Choice:
    """Some of the options, or else the person's own words. An option is what it is called and what
    it means."""

    name: str
    question: str
    options: Sequence[tuple[str, str]]
    several: bool

    @property
    def label(self) -> str:
        return self.name


@dataclass(frozen=True, kw_only=True)
class Form:
    """Questions that are answered together. Without `parts` it is of a kind that is not known."""

    id: str
    kind: str
    reason: str
    parts: Sequence[Field | Choice]
    expires_at: int | None = None

    @property
    def is_answerable(self) -> bool:
        """Whether there is anything that can be asked."""
        return bool(self.parts)

    def frame(self, session: str, turn: str, answer: Mapping[str, Any]) -> Frame:
        """What sends the answer: `values`, or `declined`."""
        asked = {"action": "submit_interaction", "requestId": turn, "sessionId": session}
        return {**asked, "interactionId": self.id, "kind": self.kind, **answer}

    def values(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """What was given for the parts, by their names, as the server takes it."""
        if self.kind == CHOICES:
            return {"answers": [given[part.name] for part in self.parts if part.name in given]}
        return dict(given)

    def given(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The reverse of `values`."""
        if self.kind == CHOICES:
            return {string(answer, "header"): answer for answer in rows(values, "answers")}
        return dict(values)


Prompt = Approval | Code | Form


def approval_of(state: Mapping[str, Any], description: str) -> Approval | None:
    """The approval that a `stream_chunk`, or the prompt of a turn that was come back to, names;
    None if it names none."""
    pending = mapping(state, "pendingWriteConfirmation")
    if not string(pending, "approvalId"):
        return None
    arguments = pending.get("arguments")
    named = arguments if isinstance(arguments, dict) else {"arguments": arguments}
    return Approval(
        id=string(pending, "approvalId"),
        tool=visible(string(pending, "toolId")) or "a tool",
        description=description,
        arguments=[(exact_name(name), exact(value)) for name, value in named.items()],
        roles=[visible(role) for role in strings(pending, "roles")][:MAX_ROLES],
        may_decide=pending.get("mayDecide") is not False,
        expires_at=moment(pending, "expiresAt"),
    )


def prompt_of(event: Mapping[str, Any]) -> Prompt | None:
    """What an event waits for. None: nothing, or it does not say enough to answer."""
    data = mapping(mapping(event, "data"), "data")
    match event.get("type"):
        case "write_confirmation_required":
            return approval_of(event, described(event))
        case "interaction_required" if string(data, "interactionId"):
            return Form(
                id=string(data, "interactionId"),
                kind=string(data, "kind"),
                reason=one_line(string(data, "reason")),
                parts=_parts(string(data, "kind"), mapping(data, "spec")),
                expires_at=moment(event, "expiresAt"),
            )
        case "otp_verification_required":
            return Code(
                tool=visible(string(data, "toolId")) or "a tool",
                description=described(event),
                expires_at=moment(event, "expiresAt"),
            )
    return None


def described(event: Mapping[str, Any]) -> str:
    """What is to be done, as the server describes it."""
    return visible(string(mapping(mapping(event, "data"), "data"), "actionDescription"))


def _parts(kind: str, spec: Mapping[str, Any]) -> Sequence[Field | Choice]:
    parts: list[Field | Choice] = []
    if kind == IDENTITY:
        parts += [_field(row) for row in rows(spec, "fields")]
    elif kind == CHOICES:
        parts += [_choice(row) for row in rows(spec, "questions")]
    # Answering a part of the questions is no answer.
    return parts if len(parts) <= MAX_PARTS and all(part.name for part in parts) else []


def _field(row: Mapping[str, Any]) -> Field:
    key = string(row, "key")
    label = one_line(string(row, "label")) or _LABELS.get(key) or one_line(key)
    return Field(key, label, row.get("required") is True)


def _choice(row: Mapping[str, Any]) -> Choice:
    options = [
        (string(option, "label"), one_line(string(option, "description")))
        for option in rows(row, "options")
    ]
    return Choice(
        string(row, "header"),
        one_line(string(row, "question")),
        options[:MAX_OPTIONS],
        row.get("multiSelect") is True,
    )
