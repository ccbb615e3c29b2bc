"""Questions with options to choose from: one to four, each with room for an answer of one's own."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from shared.interactions.port import SUBMIT_TOOL, FieldFault, InvalidValues, Raised
from shared.interactions.reading import (
    NOT_JSON,
    OMITTED,
    ONE_LINE,
    Asked,
    Shape,
    each_once,
    entries,
    raised_of,
    read,
    read_arguments,
)
from shared.interactions.schemas import REASON, fields, several, text
from shared.protocol.faults import Fault

MAX_QUESTIONS = 4
MIN_OPTIONS = 2
MAX_OPTIONS = 4
# Characters.
MAX_QUESTION = 500
MAX_HEADER = 12
MAX_LABEL = 80
MAX_DESCRIPTION = 300
MAX_OTHER = 1000

_DESCRIPTION = """\
Ask the user to choose: up to four questions, each with two to four options that they can click \
on. They can also answer a question in words of their own, so offer no option such as "Other". \
Use it when there are few likely answers. Returns JSON with a status: "submitted" with the \
values, "declined" or "no_response"; or it tells you to ask in words."""

_OPTION = fields(
    {
        "label": text(MAX_LABEL, "A few words, different from the question's other labels."),
        "description": text(MAX_DESCRIPTION, "What choosing it means."),
    },
    required=["label"],
)
_QUESTION = fields(
    {
        "question": text(MAX_QUESTION),
        "header": text(MAX_HEADER, "The question in a word, different from the other headers."),
        "options": several(_OPTION, MIN_OPTIONS, MAX_OPTIONS),
        "multiSelect": {
            "type": "boolean",
            "description": "Whether several options may be chosen; if left out, only one.",
        },
    },
    required=["question", "header", "options"],
)

_Header = Annotated[str, Field(max_length=MAX_HEADER), ONE_LINE]
_Label = Annotated[str, Field(max_length=MAX_LABEL), ONE_LINE]
_Description = Annotated[str, Field(max_length=MAX_DESCRIPTION), ONE_LINE]
_Other = Annotated[str, Field(max_length=MAX_OTHER), ONE_LINE]


class _Option(Shape):
    label: _Label
    description: Annotated[_Description | None, OMITTED] = None


class _Question(Shape):
    question: Annotated[str, Field(max_length=MAX_QUESTION), ONE_LINE]
    header: _Header
    options: Annotated[
        list[_Option],
        entries(MIN_OPTIONS, MAX_OPTIONS),
        each_once("label", lambda option: option.label),
    ]
    multi_select: bool = Field(False, alias="multiSelect", strict=True)


class _Asked(Asked):
    questions: Annotated[
        list[_Question],
        entries(1, MAX_QUESTIONS),
        each_once("header", lambda question: question.header),
    ]


class _Heading(Shape):
    header: _Header


class _Answer(_Heading):
    options: Annotated[
        list[_Label],
        entries(0, MAX_OPTIONS),
        BeforeValidator(lambda value: [] if value is None else value),
    ] = []
    other: Annotated[_Other | None, OMITTED] = None


class _Values(Shape):
    answers: Annotated[list[_Answer], entries(1, MAX_QUESTIONS)]


class Choices:
    """The kind `choices`. The field of a fault is the header of a question, or `answers`."""

    name = "choices"
    capability = "choice_chips"
    tool = "request_choices"
    description = _DESCRIPTION
    parameters = fields(
        {"questions": several(_QUESTION, 1, MAX_QUESTIONS), "reason": REASON},
        required=["questions"],
    )

    def raised(self, arguments: Mapping[str, Any]) -> Raised:
        return raised_of(read_arguments(_Asked, arguments))

    def validate(self, spec: Mapping[str, Any], values: Any) -> dict[str, Any]:
        questions = {question["header"]: question for question in spec["questions"]}
        given = _answers(values, known=list(questions))
        found: list[FieldFault] = []
        if any(answer.header not in questions for answer in given):
            found.append(FieldFault("answers", f"must be to what was asked: {_list(questions)}"))
        chosen: list[dict[str, Any]] = []
        for header, question in questions.items():
            answers = [answer for answer in given if answer.header == header]
            wrong = [FieldFault(header, message) for message in _wrong(question, answers)]
            found += wrong
            if not wrong:
                chosen.append(_normal(question, answers[0]))
        if found:
            raise InvalidValues(found)
        return {"answers": chosen}

    def validate_alone(self, values: Any) -> dict[str, Any]:
        presumed = [
            {
                "header": answer.header,
                "options": [{"label": label} for label in answer.options],
                "multiSelect": True,
            }
            for answer in _answers(values)
        ]
        return self.validate({"questions": presumed}, values)

    def ask(self, raised: Raised) -> str:
        lines = [
            (
                "The user's client cannot show these questions, so they were not shown. Ask them "
                "in words, one after another, and wait for the answer to each before you go on:"
            )
        ]
        for number, question in enumerate(raised.spec["questions"], 1):
            labels = _list(option["label"] for option in question["options"])
            pick = "one or several" if question["multiSelect"] else "one"
            lines.append(
                f'{number}. {question["question"]} (header "{question["header"]}"; {pick} of '
                f"{labels}, or an answer of their own)"
            )
        lines.append(
            f'When all are answered, call {SUBMIT_TOOL} with kind "{self.name}" and values '
            '{"answers": [{"header": "<header>", "options": ["<label>"], "other": "<their own '
            'words>"}]}: one entry for each question, with options or other or, where several '
            "may be chosen, both. Do not answer for the user."
        )
        return "\n".join(lines)

    def contact(self, values: Mapping[str, Any]) -> dict[str, str]:
        """None: what somebody chose does not say who they are."""
        return {}


def _answers(values: Any, known: Sequence[str] | None = None) -> list[_Answer]:
    """The answers in their shape. `known`: the headers that there are, if that is known."""
    found = read(_Values, values)
    if isinstance(found, list):
        raise InvalidValues(_told(fault, values, known) for fault in found)
    return found.answers


def _told(fault: Fault, values: Any, known: Sequence[str] | None) -> FieldFault:
    match fault.path:
        case () if fault.kind == NOT_JSON:
            return FieldFault("answers", fault.reason)
        case ("answers",):
            return FieldFault("answers", fault.reason)
        case ("answers", int()) | ("answers", int(), "header"):
            return FieldFault("answers", "must each be an object with the header of a question")
        case ("answers", int() as at, "other"):
            return FieldFault(_header(values["answers"][at], known), fault.reason)
        case ("answers", int() as at, "options", *_):
            message = f"must have a list of up to {MAX_OPTIONS} labels as its options"
            return FieldFault(_header(values["answers"][at], known), message)
        case ("answers", int() as at, _):
            message = "may have nothing but its header, options and other"
            return FieldFault(_header(values["answers"][at], known), message)
        case _:
            return FieldFault("answers", "must be the one field of an object")


def _header(answer: Any, known: Sequence[str] | None) -> str:
    """The field of a fault in this entry of `answers`."""
    found = read(_Heading, {"header": answer.get("header")})
    if isinstance(found, list) or (known is not None and found.header not in known):
        return "answers"
    return found.header


def _wrong(question: Mapping[str, Any], answers: Sequence[_Answer]) -> Iterator[str]:
    """What is wrong with the answers to this question."""
    if len(answers) > 1:
        yield "is answered more than once; keep one of the answers"
        return
    picks = len(answers[0].options) + (answers[0].other is not None) if answers else 0
    if picks == 0:
        yield "is not answered; choose an option, or write an answer"
        return
    labels = [option["label"] for option in question["options"]]
    if not set(answers[0].options) <= set(labels):
        yield f"must be one of {_list(labels)}, or an answer in other"
    elif len(set(answers[0].options)) < len(answers[0].options):
        yield "has an option more than once; choose each once"
    elif picks > 1 and not question["multiSelect"]:
        yield "takes one option, or an answer in other, and not more"


def _normal(question: Mapping[str, Any], answer: _Answer) -> dict[str, Any]:
    """The answer with its options in the order in which they were offered."""
    labels = [option["label"] for option in question["options"]]
    picked = [label for label in labels if label in answer.options]
    return {
        "header": answer.header,
        **({"options": picked} if picked else {}),
        **({"other": answer.other} if answer.other is not None else {}),
    }


def _list(texts: Iterable[str]) -> str:
    return ", ".join(f'"{text}"' for text in texts)
