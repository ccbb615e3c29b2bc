"""Whatever a model asks and a user answers: the documented errors, and values that stay."""

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.interactions.kinds import KINDS
from shared.interactions.port import InvalidValues, Kind
from shared.interactions.submitting import submitted_by_model
from shared.tools.arguments import checked
from shared.tools.port import InvalidArguments
from tests.interactions.asked import IDENTITY, field, spec
from tests.interactions.drawn import ARGUMENTS, JSON, SPECS, TEXTS, almost, answers
from tests.interactions.rating import Rating

FIELDS = {
    "choices": {"Plan", "Days", "answers"},
    "identity_intake": {"name", "email", "phone", "values"},
}
EACH = pytest.mark.parametrize("kind", [*KINDS, Rating()], ids=lambda kind: kind.name)
PUBLISHED = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


def check_said(text: str) -> None:
    """It can be stored, sent and shown, and it is not long."""
    text.encode()
    assert not any(ord(character) < 32 for character in text)
    assert len(text) < 3000


def check_faults(refusal: InvalidValues, fields: Iterable[str]) -> None:
    assert refusal.faults
    for fault in refusal.faults:
        assert fault.field in fields
        check_said(fault.message)


@EACH
@given(data=st.data())
def test_what_may_be_asked_is_shown_and_can_be_asked_again(kind: Kind, data: st.DataObject) -> None:
    raised = kind.raised(data.draw(ARGUMENTS[kind.name]))
    again = {**raised.spec, "reason": raised.reason}
    assert kind.raised(again) == raised
    checked(kind.parameters)(again)
    assert "submit_interaction" in kind.ask(raised)


@EACH
@given(data=st.data())
def test_whatever_else_is_asked_is_refused_in_words(kind: Kind, data: st.DataObject) -> None:
    anything = st.dictionaries(TEXTS, JSON, max_size=3)
    arguments = data.draw(almost(ARGUMENTS[kind.name]) | anything)
    try:
        raised = kind.raised(arguments)
    except InvalidArguments as refusal:
        check_said(str(refusal))
    else:
        assert kind.raised({**raised.spec, "reason": raised.reason}) == raised


@PUBLISHED
@given(data=st.data())
def test_an_answer_to_what_was_asked_is_taken_and_stays(kind: Kind, data: st.DataObject) -> None:
    shown = kind.raised(data.draw(ARGUMENTS[kind.name])).spec
    validated = kind.validate(shown, data.draw(answers(kind.name, shown)))
    assert kind.validate(shown, validated) == validated
    if validated:
        assert kind.validate_alone(validated) == validated
    assert kind.contact(validated).items() <= validated.items()


@PUBLISHED
@given(data=st.data())
def test_whatever_else_is_answered_is_refused_by_field(kind: Kind, data: st.DataObject) -> None:
    shown = data.draw(st.sampled_from(SPECS[kind.name]))
    values = data.draw(almost(answers(kind.name, shown)) | JSON)
    try:
        validated = kind.validate(shown, values)
    except InvalidValues as refusal:
        check_faults(refusal, FIELDS[kind.name])
    else:
        assert kind.validate(shown, validated) == validated


@EACH
@given(data=st.data())
def test_whatever_the_model_submits_is_refused_or_stays(kind: Kind, data: st.DataObject) -> None:
    shown = data.draw(st.sampled_from(SPECS[kind.name]))
    values = data.draw(almost(answers(kind.name, shown)))
    submission = st.just({"kind": kind.name, "values": values})
    arguments = data.draw(almost(submission) | st.dictionaries(TEXTS, JSON, max_size=3))
    try:
        found, submitted = submitted_by_model(arguments, [*KINDS, Rating()])
    except InvalidArguments as refusal:
        check_said(str(refusal))
    else:
        assert found.validate_alone(submitted) == submitted


@PUBLISHED
@given(data=st.data())
def test_what_the_model_submits_is_what_a_form_would_have(kind: Kind, data: st.DataObject) -> None:
    shown = data.draw(st.sampled_from(SPECS[kind.name]))
    values = kind.validate(shown, data.draw(answers(kind.name, shown)))
    submission: dict[str, Any] = {"kind": kind.name, "values": values}
    assert submitted_by_model(submission) == (kind, values)


@given(
    country=st.integers(1, 999),
    number=st.text("0123456789", min_size=7, max_size=12),
    plus=st.sampled_from(["+", "00", " + ", "(+", "0 0"]),
    between=st.lists(st.sampled_from([" ", "-", ".", "(", ")", "\u00a0", "\u2013"]), max_size=3),
)
def test_a_number_is_the_same_however_it_is_written(
    country: int, number: str, plus: str, between: list[str]
) -> None:
    gap = "".join(between)
    typed = f"{plus}{country}{gap}{number[:2]}{gap}{number[2:]}"
    shown = spec(IDENTITY, field("phone"))
    assert IDENTITY.validate(shown, {"phone": typed}) == {"phone": f"+{country}{number}"}
