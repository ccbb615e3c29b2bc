"""Frames that answer what a turn asked: those that the parser takes, and those that it refuses."""

from typing import Any

import pytest

from shared.protocol import fields
from shared.protocol.fields import NO_SESSION
from shared.protocol.frames import ConfirmToolAction, SubmitInteraction, VerifyOtp
from tests.protocol.samples import (
    CONFIRM,
    SEND,
    SESSION,
    SUBMIT,
    VERIFY,
    parsed,
    refusal,
    without,
)

ANSWERS = (CONFIRM, SUBMIT, VERIFY)


def test_a_decision() -> None:
    frame = parsed(CONFIRM)
    assert frame == ConfirmToolAction(request_id="a1", session_id=SESSION.lower(), approved=True)
    assert isinstance(frame, ConfirmToolAction)
    assert (frame.approval_id, frame.note) == (None, "")


def test_a_decision_with_everything() -> None:
    frame = parsed(CONFIRM, approved=False, approvalId="approval_x", note=" Too\nmuch.\t")
    assert isinstance(frame, ConfirmToolAction)
    assert (frame.approved, frame.approval_id, frame.note) == (False, "approval_x", "Too\nmuch.")


def test_what_is_filled_in() -> None:
    frame = parsed(SUBMIT, kind="identity_intake")
    assert isinstance(frame, SubmitInteraction)
    assert (frame.interaction_id, frame.kind) == ("interaction_x", "identity_intake")
    assert (frame.values, frame.declined) == ({"email": "ann@example.org"}, False)


def test_somebody_declines() -> None:
    frame = parsed(without(SUBMIT, "values"), declined=True)
    assert isinstance(frame, SubmitInteraction)
    assert (frame.values, frame.declined, frame.kind) == (None, True, None)


def test_a_code() -> None:
    frame = parsed(VERIFY, code=" 123 456")
    assert frame == VerifyOtp(request_id="v1", session_id=SESSION.lower(), code=" 123 456")


def test_null_is_as_good_as_absent() -> None:
    assert parsed(CONFIRM, approvalId=None, note=None) == parsed(CONFIRM)
    assert parsed(SUBMIT, kind=None, declined=None) == parsed(SUBMIT)


def test_an_empty_id_is_not_none() -> None:
    frame = parsed(CONFIRM, approvalId="")
    assert isinstance(frame, ConfirmToolAction)
    assert frame.approval_id == ""


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer["action"])
@pytest.mark.parametrize("session", ["nonsense", "", f"{{{SESSION}}}"])
def test_a_session_that_none_can_be_is_for_whoever_looks_for_it(
    answer: dict[str, Any], session: str
) -> None:
    frame: Any = parsed(answer, sessionId=session)
    assert frame.session_id == NO_SESSION


@pytest.mark.parametrize(
    ("frame", "field", "value", "said"),
    [
        (CONFIRM, "approved", None, "must be true or false"),
        (CONFIRM, "approved", "yes", "must be true or false"),
        (CONFIRM, "approved", 1, "must be true or false"),
        (CONFIRM, "approved", [], "must be true or false"),
        (CONFIRM, "approvalId", 7, "must be a text"),
        (CONFIRM, "approvalId", "x" * (fields.MAX_PROMPT_ID + 1), "at most 2048 characters"),
        (CONFIRM, "note", "x" * (fields.MAX_NOTE + 1), "at most 1000 characters"),
        (CONFIRM, "note", "a\x1b[2J", "without control characters"),
        (CONFIRM, "note", ["x"], "must be a text"),
        (CONFIRM, "sessionId", 5, "must be a text"),
        (SUBMIT, "interactionId", None, "must be a text"),
        (SUBMIT, "interactionId", "x" * (fields.MAX_PROMPT_ID + 1), "at most 2048 characters"),
        (SUBMIT, "kind", "x" * 65, "at most 64 characters"),
        (SUBMIT, "kind", 5, "must be a text"),
        (SUBMIT, "values", ["x"], "must be an object"),
        (SUBMIT, "values", "x", "must be an object"),
        (SUBMIT, "values", {"k": "x" * fields.MAX_VALUES_BYTES}, "at most 16384 bytes"),
        (SUBMIT, "declined", "no", "must be true or false"),
        (SUBMIT, "declined", 0, "must be true or false"),
        (VERIFY, "code", 123456, "must be a text"),
        (VERIFY, "code", "1" * 65, "at most 64 characters"),
    ],
)
def test_what_is_said_about_a_field(
    frame: dict[str, Any], field: str, value: object, said: str
) -> None:
    fault = refusal(frame, **{field: value})
    assert (fault.error_code, fault.request_id) == ("VALIDATION_ERROR", frame["requestId"])
    assert fault.message.startswith(f'The frame\'s "{field}" ')
    assert said in fault.message
    assert fault.details == {"field": field}


@pytest.mark.parametrize("values", [{}, {"values": None}, {"values": None, "declined": False}])
def test_a_form_needs_values_or_that_somebody_declines(values: dict[str, Any]) -> None:
    fault = refusal(without(SUBMIT, "values"), **values)
    assert fault.error_code == "VALIDATION_ERROR"
    assert fault.message == "The frame needs values, or declined: true."


@pytest.mark.parametrize(
    ("answer", "field"),
    [(CONFIRM, "approved"), (SUBMIT, "interactionId"), (VERIFY, "code")],
)
def test_each_names_its_session_and_its_request(answer: dict[str, Any], field: str) -> None:
    for name in (field, "sessionId", "requestId"):
        fault = refusal(without(answer, name))
        assert (fault.error_code, fault.details) == ("VALIDATION_ERROR", {"field": name})


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer["action"])
def test_whose_turn_a_refused_answer_may_have_been_for(answer: dict[str, Any]) -> None:
    assert refusal(answer, requestId=5).answered == SESSION.lower()
    assert refusal(answer, requestId=5, sessionId="nonsense").answered == NO_SESSION
    assert refusal(answer, sessionId=5).answered is None


def test_no_other_frame_answers_a_turn() -> None:
    assert refusal(SEND, message=5).answered is None
