"""However large what is asked about is, clients can be told of it."""

from typing import Any

import pytest

from shared.conversations import prompts
from shared.interactions.choices import Choices
from shared.interactions.identity_intake import IdentityIntake
from shared.mailbox.box import Job
from shared.protocol import events, replies
from shared.runner.batch import Call
from shared.runner.prompts import INTERACTION, Prompt
from tests.conversations.test_prompts import AT, FORM, UNTIL, approval, asked, job, kept

__all__ = ["job"]

TEXTS = ["x", '"', "\\", "\n", "\x00", "\u00e4", "\u6f22", "\U0001f600"]


def fits(job: Job, prompt: Prompt) -> None:
    """Whether clients can be told of it, also of the one with the longest ids there are."""
    long = "\U0001f600" * 32
    payload = {**job.payload, "request_id": long, "session": "s" * 36}
    larger = Job(job.key, f"TURN#{'s' * 36}#{long}", job.attrs, {**job.body, "payload": payload})
    found = kept(larger, prompt)
    for event in prompts.shown(larger, found, UNTIL):
        assert len(events.encode(event)) <= events.MAX_EVENT_BYTES
    told = prompts.resumed(larger, found, UNTIL)
    data = replies.resumed(long, "awaiting_approval", begin=0, text="", prompt=told)
    answer = events.immediate_response(long, events.FINAL, at=AT, data=data)
    assert len(events.encode(answer)) <= events.MAX_EVENT_BYTES


@pytest.mark.parametrize("text", TEXTS)
def test_the_largest_arguments_fit_into_an_event(job: Job, text: str) -> None:
    for arguments in (
        {"x": text * 15_990},
        {"x": text * 1_000_000},
        {text * 8_000: text * 8_000},
        {f"{number}{text}": text * 100 for number in range(2_000)},
        {"x": [text * 10] * 5_000},
    ):
        fits(job, approval(arguments))


@pytest.mark.parametrize("text", TEXTS)
def test_the_largest_arguments_of_a_form_fit_into_an_event(job: Job, text: str) -> None:
    """The model may have written much more than is shown of it."""
    prompt = asked(INTERACTION, FORM)
    call = Call("1-0", "toolu_1", "request_choices", {"questions": text * 100_000})
    fits(job, Prompt(kind=INTERACTION, key="1-0", call=call, digest="d", content=prompt.content))


def test_the_largest_forms_fit_into_an_event(job: Job) -> None:
    for letter in ("x", '"', "\U0001f600"):
        options = [{"label": f"{n}{letter * 60}", "description": letter * 100} for n in range(4)]
        questions = [
            {"question": letter * 200, "header": f"{n}{letter * 11}", "options": options}
            for n in range(4)
        ]
        raised = Choices().raised({"questions": questions, "reason": letter * 500})
        fits(job, asked(INTERACTION, form("choices", raised)))
    intake = IdentityIntake()
    raised = intake.raised({"fields": [{"key": "email", "label": '"' * 80}], "reason": '"' * 500})
    fits(job, asked(INTERACTION, form("identity_intake", raised)))


def form(kind: str, raised: Any) -> dict[str, Any]:
    return {"kind": kind, "spec": dict(raised.spec), "reason": raised.reason}
