"""Questions with options: what may be asked."""

from typing import Any

import pytest

from tests.interactions.asked import CHOICES, question, refused


def test_what_is_shown_has_every_default_and_no_white_space_around() -> None:
    raised = CHOICES.raised(
        {
            "questions": [
                {
                    "question": " Which plan?\n",
                    "header": " Plan ",
                    "options": [
                        {"label": " Free "},
                        {"label": "Pro", "description": " For teams "},
                        {"label": "Max", "description": " "},
                        {"label": "Own", "description": None},
                    ],
                }
            ],
            "reason": " to set it up ",
        }
    )
    assert raised.reason == "to set it up"
    assert raised.spec == {
        "questions": [
            {
                "question": "Which plan?",
                "header": "Plan",
                "options": [
                    {"label": "Free"},
                    {"label": "Pro", "description": "For teams"},
                    {"label": "Max"},
                    {"label": "Own"},
                ],
                "multiSelect": False,
            }
        ]
    }


@pytest.mark.parametrize("reason", [{}, {"reason": None}, {"reason": " "}])
def test_a_reason_may_be_left_out(reason: dict[str, Any]) -> None:
    assert CHOICES.raised({"questions": [question()], **reason}).reason == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, '"questions" is missing; add it.'),
        ({"questions": "Which?"}, '"questions" must be a list.'),
        ({"questions": []}, '"questions" must have 1 to 4 entries.'),
        ({"questions": [question(f"H{n}") for n in range(5)]}, '"questions" must have 1 to 4'),
        ({"questions": ["Which?"]}, '"questions.0" must be an object.'),
        ({"questions": [question()], "reason": "x" * 501}, '"reason" may have at most 500'),
        ({"questions": [question()], "reason": 5}, '"reason" must be a text.'),
        ({"questions": [question()], "colour": 5}, '"colour" is not a known field;'),
        ({"questions": [question()], "a\nb": 5}, '"…" is not a known field;'),
        ({"questions": [question()], "x" * 65: 5}, '"…" is not a known field;'),
        ({"questions": [question()], "reason": "\ud800"}, "It must be JSON of whole characters,"),
        ({"questions": [question()], "\ud800": 1}, "It must be JSON of whole characters,"),
        ({"questions": [question()], "x": float("nan")}, "It must be JSON of whole characters,"),
        ({"questions": ["x" * 66_000]}, "and of at most 64 KB."),
        ({"questions": [question(), question()]}, 'has the header "Plan" more than once;'),
        ({"questions": [question("Plan"), question(" Plan ")]}, 'has the header "Plan" more than'),
    ],
)
def test_what_may_not_be_asked(arguments: dict[str, Any], said: str) -> None:
    assert said in refused(CHOICES, arguments)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"question": " "}, '"questions.0.question" may not be empty.'),
        ({"question": "x" * 501}, '"questions.0.question" may have at most 500 characters;'),
        ({"question": "a\nb"}, '"questions.0.question" may not have line breaks or other control'),
        ({"question": "a\x1b[1mb"}, "control characters; write one line."),
        ({"header": "thirteen char"}, '"questions.0.header" may have at most 12 characters;'),
        ({"header": None}, '"questions.0.header" must be a text.'),
        ({"multiSelect": "yes"}, '"questions.0.multiSelect" must be true or false.'),
        ({"options": [{"label": "One"}]}, '"questions.0.options" must have 2 to 4 entries.'),
        ({"options": [{"label": str(n)} for n in range(5)]}, "must have 2 to 4 entries."),
        (
            {"options": [{"label": "One"}, {"label": " One"}]},
            '"questions.0.options" has the label "One" more than once; make each different.',
        ),
        ({"options": ["One", "Two"]}, '"questions.0.options.0" must be an object.'),
        (
            {"options": [{"label": "One"}, {"label": "x" * 81}]},
            '"questions.0.options.1.label" may have at most 80 characters; shorten it.',
        ),
        (
            {"options": [{"label": "One"}, {"label": "Two", "description": "x" * 301}]},
            '"questions.0.options.1.description" may have at most 300 characters;',
        ),
        (
            {"options": [{"label": "One"}, {"label": "Two", "value": 2}]},
            '"questions.0.options.1.value" is not a known field;',
        ),
    ],
)
def test_what_a_question_may_not_be(wrong: dict[str, Any], said: str) -> None:
    assert said in refused(CHOICES, {"questions": [{**question(), **wrong}]})


def test_what_is_as_long_as_it_may_be() -> None:
    options = [{"label": f"{n}" * 80, "description": "x" * 300} for n in range(4)]
    asked = {"question": "x" * 500, "header": "x" * 12, "options": options, "multiSelect": True}
    raised = CHOICES.raised({"questions": [asked], "reason": "x" * 500})
    assert raised.spec == {"questions": [asked]}
    assert raised.reason == "x" * 500


def test_all_questions_together_are_bounded() -> None:
    def asked(size: int) -> dict[str, Any]:
        long = {"label": "Long", "description": "語" * size}
        options = [{**long, "label": f"{n}"} for n in range(4)]
        return {"questions": [{**question(f"H{n}"), "options": options} for n in range(4)]}

    assert CHOICES.raised(asked(300))
    emoji = {"questions": [{**q, "question": "🦉" * 500} for q in asked(300)["questions"]]}
    assert refused(CHOICES, emoji) == ('"questions" may have at most 16 KB of JSON; shorten it.')


def test_the_model_is_told_to_ask_in_words() -> None:
    asked = [question("Plan", "Free", "Pro"), question("Days", "Mon", "Tue", multiSelect=True)]
    said = CHOICES.ask(CHOICES.raised({"questions": asked}))
    assert "one after another" in said
    assert (
        '1. Which Plan? (header "Plan"; one of "Free", "Pro", or an answer of their own)\n'
        '2. Which Days? (header "Days"; one or several of "Mon", "Tue", or an answer of their own)'
    ) in said
    assert 'call submit_interaction with kind "choices" and values {"answers": [' in said
