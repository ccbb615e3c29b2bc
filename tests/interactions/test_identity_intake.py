"""Who the user is: what may be asked for, and what answers it."""

from typing import Any

import pytest

from shared.interactions.identity_intake import NOT_A_PHONE, NOT_AN_EMAIL
from shared.interactions.port import InvalidValues
from tests.interactions.asked import IDENTITY, faults, field, refused, spec, told

EMAIL = spec(IDENTITY, field("email"))
ALL = spec(IDENTITY, field("name"), field("email"), field("phone", required=False))


def test_what_is_shown_has_every_default() -> None:
    raised = IDENTITY.raised(
        {
            "fields": [
                {"key": "email", "label": " Work email "},
                {"key": "name", "required": False, "label": ""},
            ],
            "reason": "to send the quote",
        }
    )
    assert raised.reason == "to send the quote"
    assert raised.spec == {
        "fields": [
            {"key": "email", "required": True, "label": "Work email"},
            {"key": "name", "required": False},
        ]
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, '"fields" is missing; add it.'),
        ({"fields": []}, '"fields" must have 1 to 3 entries.'),
        ({"fields": [field("name")] * 4}, '"fields" must have 1 to 3 entries.'),
        ({"fields": [field("name"), field("name")]}, 'has the key "name" more than once;'),
        ({"fields": ["email"]}, '"fields.0" must be an object.'),
        ({"fields": [{"required": True}]}, '"fields.0.key" is missing; add it.'),
        (
            {"fields": [field("address")]},
            "\"fields.0.key\" must be 'name', 'email' or 'phone'.",
        ),
        ({"fields": [field("email", pattern=".")]}, '"fields.0.pattern" is not a known field;'),
        ({"fields": [{"key": "email", "required": 1}]}, '"fields.0.required" must be true or'),
        ({"fields": [field("email", label="x" * 81)]}, '"fields.0.label" may have at most 80'),
        ({"fields": [field("email", label="a\tb")]}, '"fields.0.label" may not have line breaks'),
        ({"fields": [field("email")], "reason": "x" * 501}, '"reason" may have at most 500'),
    ],
)
def test_what_may_not_be_asked_for(arguments: dict[str, Any], said: str) -> None:
    assert said in refused(IDENTITY, arguments)


def test_the_values_are_normalised_and_what_is_blank_is_left_out() -> None:
    values = {"name": " Ann Lee ", "email": " ann@example.com ", "phone": "  "}
    assert IDENTITY.validate(ALL, values) == {"name": "Ann Lee", "email": "ann@example.com"}


def test_what_is_as_long_as_it_may_be() -> None:
    shown = spec(IDENTITY, field("name", label="x" * 80), field("email"))
    domain = ".".join(["y" * 63] * 2 + ["z" * 61])
    values = {"name": "x" * 200, "email": f"{'x' * 64}@{domain}"}
    assert len(values["email"]) == 254
    assert IDENTITY.validate(shown, values) == values


def test_what_is_nested_without_end_is_refused() -> None:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    assert faults(IDENTITY, EMAIL, {"email": nested}) == [
        ("values", "must be JSON of whole characters, and of at most 64 KB")
    ]


def test_what_is_optional_may_be_left_out_altogether() -> None:
    assert IDENTITY.validate(spec(IDENTITY, field("phone", required=False)), {}) == {}


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (None, [("values", "must be an object")]),
        (["ann@example.com"], [("values", "must be an object")]),
        ({}, [("name", "is missing; add it"), ("email", "is missing; add it")]),
        (
            {"name": " ", "email": None},
            [("name", "is missing; add it"), ("email", "is missing; add it")],
        ),
        (
            {"name": 5, "email": ["a"], "phone": {}},
            [(key, "must be a text") for key in ("name", "email", "phone")],
        ),
        (
            {"email": "still bad@", "phone": "5"},
            [("name", "is missing; add it"), ("email", NOT_AN_EMAIL), ("phone", NOT_A_PHONE)],
        ),
        (
            {"name": "x" * 201, "email": "x" * 255, "phone": "0" * 65},
            [
                ("name", "may have at most 200 characters; shorten it"),
                ("email", "may have at most 254 characters; shorten it"),
                ("phone", "may have at most 64 characters; shorten it"),
            ],
        ),
        (
            {"name": "Ann\r\nLee", "email": "ann@example.com"},
            [
                (
                    "name",
                    "may not have line breaks or other control characters; write one line",
                )
            ],
        ),
        (
            {"name": "Ann", "email": "ann@example.com", "admin": True, "tenant": "other"},
            [("values", "may have nothing but name, email, phone")],
        ),
        (
            {"name": "Ann", "email": "\ud800"},
            [("values", "must be JSON of whole characters, and of at most 64 KB")],
        ),
    ],
)
def test_what_does_not_answer(values: Any, told: list[tuple[str, str]]) -> None:
    assert faults(IDENTITY, ALL, values) == told


@pytest.mark.parametrize("phone", ["+4930123456", "nonsense", "", None, 5])
def test_what_was_not_asked_for_is_refused_whatever_it_is(phone: Any) -> None:
    values = {"email": "ann@example.com", "phone": phone}
    assert faults(IDENTITY, EMAIL, values) == [("phone", "was not asked for; leave it out")]


def test_the_model_is_told_to_ask_in_words() -> None:
    said = IDENTITY.ask(
        IDENTITY.raised(
            {"fields": [field("email", label="Work email"), field("phone", required=False)]}
        )
    )
    assert "one thing after another" in said
    assert (
        '1. email: their email address, called "Work email" (needed)\n'
        "2. phone: their phone number with its country code (they may leave it out)\n"
    ) in said
    assert (
        'call submit_interaction with kind "identity_intake" and values '
        '{"email": "…", "phone": "…"}'
    ) in said


def test_values_without_what_was_asked_for() -> None:
    assert IDENTITY.validate_alone({"phone": "0049 30 123456", "name": None}) == {
        "phone": "+4930123456"
    }


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, [("values", "must have one or more of name, email, phone")]),
        ({"name": " "}, [("values", "must have one or more of name, email, phone")]),
        ({"email": "still bad@", "phone": "5"}, [("email", NOT_AN_EMAIL), ("phone", NOT_A_PHONE)]),
        ({"address": "x"}, [("values", "may have nothing but name, email, phone")]),
        ("ann@example.com", [("values", "must be an object")]),
    ],
)
def test_what_could_answer_nothing(values: Any, said: list[tuple[str, str]]) -> None:
    with pytest.raises(InvalidValues) as caught:
        IDENTITY.validate_alone(values)
    assert told(caught.value) == said


def test_all_of_it_is_kept_with_the_session() -> None:
    values = IDENTITY.validate(ALL, {"name": "Ann", "email": "ann@example.com"})
    assert IDENTITY.contact(values) == {"name": "Ann", "email": "ann@example.com"}
