"""Questions with options: what answers them."""

from typing import Any

import pytest

from shared.interactions.port import InvalidValues
from tests.interactions.asked import CHOICES, faults, question, spec, told

PLAN = spec(CHOICES, question("Plan", "Free", "Pro"))
BOTH = spec(
    CHOICES,
    question("Plan", "Free", "Pro"),
    question("Days", "Mon", "Tue", "Wed", multiSelect=True),
)


def answer(header: str = "Plan", **more: Any) -> dict[str, Any]:
    return {"header": header, **more}


def answers(*each: Any) -> dict[str, Any]:
    return {"answers": list(each)}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (answer(options=["Pro"]), answer(options=["Pro"])),
        (answer(options=[" Pro "], other=" "), answer(options=["Pro"])),
        (answer(options=["Pro"], other=None), answer(options=["Pro"])),
        (answer(other=" None of them "), answer(other="None of them")),
        (answer(options=[], other="Mine"), answer(other="Mine")),
        (answer(options=None, other="Free"), answer(other="Free")),
        (answer(other="x" * 1000), answer(other="x" * 1000)),
    ],
)
def test_what_answers_a_question(given: dict[str, Any], kept: dict[str, Any]) -> None:
    assert CHOICES.validate(PLAN, answers(given)) == answers(kept)


def test_answers_come_in_the_order_of_what_was_asked() -> None:
    given = answers(
        answer("Days", options=["Wed", "Mon"], other="Holidays"), answer("Plan", options=["Free"])
    )
    assert CHOICES.validate(BOTH, given) == answers(
        answer("Plan", options=["Free"]),
        answer("Days", options=["Mon", "Wed"], other="Holidays"),
    )


NOT_ANSWERED = "is not answered; choose an option, or write an answer"
OPTIONS = "must have a list of up to 4 labels as its options"
NOT_JSON = "must be JSON of whole characters, and of at most 64 KB"
ALONE = "must be the one field of an object"
EACH = "must each be an object with the header of a question"


@pytest.mark.parametrize(
    ("values", "field", "message"),
    [
        (None, "answers", ALONE),
        ([answer(options=["Pro"])], "answers", ALONE),
        ({**answers(answer(options=["Pro"])), "Plan": "Pro"}, "answers", ALONE),
        ({}, "answers", "is missing; add it"),
        ({"answers": {"Plan": "Pro"}}, "answers", "must be a list"),
        (answers(), "answers", "must have 1 to 4 entries"),
        (answers(*[answer(options=["Pro"])] * 5), "answers", "must have 1 to 4 entries"),
        (answers("Pro"), "answers", EACH),
        (answers({"options": ["Pro"]}), "answers", EACH),
        (answers(answer("x" * 13, options=["Pro"])), "answers", EACH),
        (answers(answer(5, options=["Pro"])), "answers", EACH),  # type: ignore[arg-type]  # wrong on purpose
        (answers(answer()), "Plan", NOT_ANSWERED),
        (answers(answer(options=[], other=" ")), "Plan", NOT_ANSWERED),
        (answers(answer(options="Pro")), "Plan", OPTIONS),
        (answers(answer(options=["Pro"] * 5)), "Plan", OPTIONS),
        (answers(answer(options=[5])), "Plan", OPTIONS),
        (answers(answer(options=["x" * 81])), "Plan", OPTIONS),
        (answers(answer(other=5)), "Plan", "must be a text"),
        (answers(answer(other="x" * 1001)), "Plan", "may have at most 1000 characters; shorten it"),
        (
            answers(answer(other="a\x07b")),
            "Plan",
            "may not have line breaks or other control characters; write one line",
        ),
        (
            answers(answer(options=["Pro"], value=1)),
            "Plan",
            "may have nothing but its header, options and other",
        ),
        (
            answers(answer(options=["Max"])),
            "Plan",
            'must be one of "Free", "Pro", or an answer in other',
        ),
        (
            answers(answer(options=["Pro", "Pro"])),
            "Plan",
            "has an option more than once; choose each once",
        ),
        (
            answers(answer(options=["Free", "Pro"])),
            "Plan",
            "takes one option, or an answer in other, and not more",
        ),
        (
            answers(answer(options=["Pro"], other="Mine")),
            "Plan",
            "takes one option, or an answer in other, and not more",
        ),
        (
            answers(answer(options=["Pro"]), answer(options=["Free"])),
            "Plan",
            "is answered more than once; keep one of the answers",
        ),
        (
            answers(answer(options=["Pro"]), answer("Size", options=["L"])),
            "answers",
            'must be to what was asked: "Plan"',
        ),
        (answers(answer(other="\ud800")), "answers", NOT_JSON),
        (answers(answer(other="x" * 66_000)), "answers", NOT_JSON),
    ],
)
def test_what_does_not_answer_a_question(values: Any, field: str, message: str) -> None:
    assert faults(CHOICES, PLAN, values) == [(field, message)]


def test_every_question_that_is_wrong_is_named() -> None:
    assert faults(CHOICES, BOTH, answers(answer("Days", options=["Sun"]))) == [
        ("Plan", NOT_ANSWERED),
        ("Days", 'must be one of "Mon", "Tue", "Wed", or an answer in other'),
    ]


def test_a_fault_in_what_was_not_asked_does_not_repeat_it() -> None:
    assert faults(CHOICES, PLAN, answers(answer("Secret", other=5))) == [
        ("answers", "must be a text")
    ]


def test_answers_without_their_questions() -> None:
    given = answers(answer("Days", options=["Tue", "Mon"], other="x"), answer(other="Mine"))
    assert CHOICES.validate_alone(given) == given


@pytest.mark.parametrize(
    ("values", "field", "message"),
    [
        (answers(answer()), "Plan", NOT_ANSWERED),
        (answers(answer(other="a"), answer(other="b")), "Plan", "is answered more than once;"),
        (answers(answer(options=["A", "A"])), "Plan", "has an option more than once;"),
        (answers(answer(other=5)), "Plan", "must be a text"),
        (answers(), "answers", "must have 1 to 4 entries"),
    ],
)
def test_what_answers_no_question_at_all(values: Any, field: str, message: str) -> None:
    with pytest.raises(InvalidValues) as caught:
        CHOICES.validate_alone(values)
    [(where, said)] = told(caught.value)
    assert where == field
    assert said.startswith(message)


def test_choices_are_no_contact() -> None:
    assert CHOICES.contact(answers(answer(other="ann@example.com"))) == {}
