"""What the model hands in when it had to ask in words."""

from typing import Any

import pytest

from shared.interactions.submitting import SUBMIT, submitted_by_model
from shared.tools.arguments import checked
from shared.tools.port import InvalidArguments
from tests.interactions.asked import NOTHING_CALLED


def test_the_values_come_out_as_they_would_from_a_form() -> None:
    kind, values = submitted_by_model(
        {
            "kind": "identity_intake",
            "values": {"email": "ann@example.com", "phone": "0049 30 12345"},
        }
    )
    assert kind.name == "identity_intake"
    assert values == {"email": "ann@example.com", "phone": "+493012345"}
    assert kind.contact(values) == values


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, '"kind" is missing; add it. "values" is missing; add it.'),
        ({"kind": "rating", "values": {}}, '"kind" must be one of "choices", "identity_intake".'),
        ({"kind": "choices", "values": "Pro"}, '"values" must be an object.'),
        ({"kind": "choices", "values": {}, "more": 1}, '"more" is not a known field;'),
        ({"kind": "choices", "values": {}}, '"values.answers" is missing; add it.'),
        ({"kind": "identity_intake", "values": {}}, '"values" must have one or more of name,'),
        (
            {"kind": "choices", "values": {"answers": [{"header": "Plan", "options": []}]}},
            '"values.Plan" is not answered; choose an option, or write an answer.',
        ),
        (
            {"kind": "identity_intake", "values": {"email": "still bad@", "phone": "5"}},
            '"values.email" must be a valid email address. "values.phone" must be a phone number',
        ),
    ],
)
def test_the_model_is_told_each_field_that_is_wrong(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidArguments) as caught:
        submitted_by_model(arguments)
    text = str(caught.value)
    assert text.startswith(NOTHING_CALLED + said)


def test_the_refusal_does_not_carry_what_the_user_said() -> None:
    with pytest.raises(InvalidArguments) as caught:
        submitted_by_model({"kind": "identity_intake", "values": {"email": "private words"}})
    assert caught.value.__context__ is None
    assert "private" not in str(caught.value)


def test_what_the_model_is_told_of_the_tool() -> None:
    assert SUBMIT.name == "submit_interaction"
    assert "in words" in SUBMIT.description
    check = checked(SUBMIT.parameters)
    check({"kind": "choices", "values": {"answers": []}})
    with pytest.raises(InvalidArguments, match='"kind" must be one of "choices"'):
        check({"kind": "rating", "values": {}})
