"""From what a turn waits for to its answer: the questions that are put to the person, one after
the other. Nothing here knows of a terminal."""

from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.cli.chat.clean import one_line, shortened
from shared.cli.chat.prompts import Approval, Choice, Code, Field, Form, Prompt

MAX_NOTE = 500
MAX_TEXT = 1_000
MAX_CODE = 32
"""Characters that the person may type."""

MAX_NAME = 100
MAX_SHOWN = 500
"""Characters that are shown of the name of an argument; of its value, and of a description."""

YES = frozenset({"y", "yes"})
NO = frozenset({"n", "no"})
HOW_TO_APPROVE = "y approves. n denies, also with the reason behind it. Enter alone denies."
HOW_TO_DECLINE = "Enter alone declines to answer."
HOW_TO_LEAVE_OUT = "Enter alone leaves out what is optional, and otherwise declines to answer."


@dataclass(frozen=True, kw_only=True)
class Question:
    """`lines` are shown before it, once; `label` stands before what is typed."""

    label: str
    lines: Sequence[str] = ()


Answer = Mapping[str, Any]
"""The fields of the frame that only the person can say."""

Dialogue = Generator[Question, str, Answer | None]
"""Takes what was typed, and returns the answer; None: the person gives none."""


def dialogue(
    prompt: Prompt, given: Mapping[str, Any] | None = None, faulty: Collection[str] = ()
) -> Dialogue:
    """The questions about this. Of a form that was filled in before (`given`, by the names of its
    parts) only the `faulty` parts are asked again; all if no part has such a name."""
    match prompt:
        case Approval():
            return _approval(prompt)
        case Code():
            return _code()
        case Form():
            again = [part for part in prompt.parts if part.name in faulty]
            return _form(prompt, again or prompt.parts, given or {})


def about(prompt: Prompt, now: int) -> list[str]:
    """What the person must know before the questions; `now` in milliseconds since the epoch."""
    left = "" if prompt.expires_at is None else time_left(prompt.expires_at - now)
    match prompt:
        case Approval():
            what = shortened(prompt.description or prompt.tool, MAX_SHOWN)
            said = [f"An approval is needed: {what}", *_pairs(prompt)]
        case Code():
            what = shortened(prompt.description or prompt.tool, MAX_SHOWN)
            said = [f"A code is needed, which shows who you are: {what}"]
        case Form():
            why = f": {prompt.reason}" if prompt.reason else "."
            optional = any(isinstance(part, Field) and not part.required for part in prompt.parts)
            how = HOW_TO_LEAVE_OUT if optional else HOW_TO_DECLINE
            said = [f"The agent has a question{why}", how]
    return [*said, f"  {left}"] if left else said


def time_left(milliseconds: int) -> str:
    """How long there is to answer."""
    seconds = milliseconds // 1000
    if seconds <= 0:
        return "no time left"
    if seconds < 60:
        return f"{seconds} s left"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if hours == 0:
        return f"{minutes} min left"
    return f"{hours} h {minutes % 60} min left" if days < 2 else f"{days} days left"


def _pairs(prompt: Approval) -> list[str]:
    """The arguments, line by line. The long ones come first: they must not push the short ones,
    such as an amount or a recipient, away from the question."""
    pairs = sorted(prompt.arguments, key=lambda pair: len(pair[1]) <= MAX_SHOWN)
    return [
        f"  {shortened(name, MAX_NAME)}: {shortened(value, MAX_SHOWN)}" for name, value in pairs
    ]


def _approval(prompt: Approval) -> Dialogue:
    label = f"Approve {prompt.tool}? [y/N] "
    hint = HOW_TO_APPROVE
    while True:
        typed = one_line((yield Question(label=label, lines=[hint])))
        first, _, note = typed.partition(" ")
        word = first.rstrip(",.:;!").lower()
        if len(note) > MAX_NOTE:
            hint = f"The reason may have {MAX_NOTE} characters."
        elif word in YES and not note:
            return {"approved": True}
        elif word in NO or not typed:
            return {"approved": False, **({"note": note} if note else {})}
        elif word in YES:
            hint = "An approval is for exactly these arguments. y alone approves, n denies."
        else:
            hint = HOW_TO_APPROVE


def _code() -> Dialogue:
    lines: Sequence[str] = ()
    while True:
        typed = one_line((yield Question(label="Code: ", lines=lines)))
        code = "".join(each for each in typed if each not in " -")
        if len(code) <= MAX_CODE:
            return {"code": code} if code else None
        lines = ["No code is so long. Enter alone gives up."]


def _form(form: Form, parts: Sequence[Field | Choice], given: Mapping[str, Any]) -> Dialogue:
    filled = dict(given)
    for part in parts:
        if isinstance(part, Field):
            filled[part.name] = yield from _typed(f"{part.label}: ", part.required)
        else:
            filled[part.name] = yield from _chosen(part)
        if filled[part.name] is None:
            return {"declined": True}
    return {"values": form.values({name: value for name, value in filled.items() if value})}


def _typed(label: str, required: bool) -> Generator[Question, str, str | None]:
    """A line of text, "" if what is optional was left out; None: declined."""
    shown = label if required else label.removesuffix(": ") + " (optional): "
    lines: Sequence[str] = ()
    while True:
        typed = one_line((yield Question(label=shown, lines=lines)))
        if len(typed) <= MAX_TEXT:
            return None if required and not typed else typed
        lines = [f"It may have {MAX_TEXT} characters."]


def _chosen(choice: Choice) -> Generator[Question, str, dict[str, Any] | None]:
    """One answer as the server takes it; None: declined."""
    labels = [label for label, _ in choice.options]
    lines = [choice.question]
    for number, (option, meaning) in enumerate(choice.options, 1):
        lines.append(f"  {number}  {one_line(option)}" + (f": {meaning}" if meaning else ""))
    how = "numbers" if choice.several else "a number"
    label = f"{one_line(choice.label)} ({how}, or your own words): "
    while True:
        typed = one_line((yield Question(label=label, lines=lines)))
        if not typed:
            return None
        answer: dict[str, Any] = {"header": choice.name}
        if typed in labels:
            return {**answer, "options": [typed]}
        words = typed.replace(",", " ").split()
        if not labels or not words or not all(word.isdecimal() for word in words):
            if len(typed) <= MAX_TEXT:
                return {**answer, "options": [], "other": typed}
            lines = [f"Your own words may have {MAX_TEXT} characters."]
            continue
        numbers = list(dict.fromkeys(words))
        known = [str(number) for number, _ in enumerate(labels, 1)]
        if set(numbers) <= set(known) and (choice.several or len(numbers) == 1):
            return {**answer, "options": [labels[known.index(number)] for number in numbers]}
        lines = [f"Say one of the numbers 1 to {len(labels)}{', or several' * choice.several}."]
