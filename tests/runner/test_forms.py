"""Calls that ask the user to fill something in, and what they come to."""

import json
from typing import Any

import pytest

from shared.interactions.results import declined, no_response
from shared.runner.prompts import DECLINED, EXPIRED, INTERACTION, SUBMITTED, Answer, Prompt
from tests.runner.paper import Paper, run
from tests.runner.parking import host_of, parked, results, successor, taken_up
from tests.runner.said import MadeTool, answer, use

FORM = frozenset({"identity_form"})
FIELDS = [{"key": "email", "required": True}]


def form(**more: Any) -> tuple[Paper, Prompt]:
    host = host_of(use("request_identity_intake", fields=FIELDS, **more))
    parked(host, renders=FORM)
    return host, host.prompts[-1]


def filled(host: Paper, prompt: Prompt, given: Answer) -> tuple[str, bool]:
    _, events = taken_up(host, answers={prompt.key: given}, renders=FORM)
    return results(events)["1-0"]


def test_a_form_is_shown_where_the_client_can() -> None:
    _, prompt = form(reason="To find you.")
    assert (prompt.kind, prompt.key, prompt.roles) == (INTERACTION, "1-0", frozenset())
    assert prompt.content == {
        "kind": "identity_intake",
        "spec": {"fields": FIELDS},
        "reason": "To find you.",
    }


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            Answer(what=SUBMITTED, values={"email": "a@b.example"}),
            '{"status":"submitted","values":{"email":"a@b.example"}}',
        ),
        (Answer(what=DECLINED), declined()),
        (Answer(what=EXPIRED), no_response()),
    ],
)
def test_what_comes_of_a_form(given: Answer, said: str) -> None:
    host, prompt = form()
    assert filled(host, prompt, given) == (said, False)


def test_where_it_cannot_be_shown_the_model_asks_in_words() -> None:
    host = host_of(use("request_identity_intake", fields=FIELDS))
    events = run(host)
    said, is_error = results(events)["1-0"]
    assert "submit_interaction" in said
    assert (is_error, host.prompts) == (False, [])


def test_what_was_said_in_words_is_kept() -> None:
    given: Any = {"kind": "identity_intake", "values": {"email": "a@b.example"}}
    host = host_of(use("submit_interaction", **given))
    said, is_error = results(run(host))["1-0"]
    assert (json.loads(said)["status"], is_error) == ("submitted", False)
    assert host.contact == {"email": "a@b.example"}


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("submit_interaction", {"kind": "nonsense", "values": {}}, "kind"),
        (
            "submit_interaction",
            {"kind": "identity_intake", "values": {"email": "still bad@"}},
            "must be a valid email address",
        ),
        ("request_identity_intake", {"fields": []}, "fields"),
        ("request_choices", {"questions": "x"}, "questions"),
    ],
)
def test_a_form_that_makes_no_sense(name: str, arguments: dict[str, Any], said: str) -> None:
    host = host_of(use(name, **arguments))
    told, is_error = results(run(host, renders=FORM))["1-0"]
    assert told.startswith("Not called. ")
    assert said in told
    assert (is_error, host.prompts, host.contact) == (True, [], {})


def test_an_agents_own_tool_of_that_name_is_no_form() -> None:
    tool = MadeTool("request_choices")
    host = host_of(use("request_choices", anything=1))
    events = run(host, tool, renders=frozenset({"choice_chips"}))
    assert results(events) == {"1-0": ("found", False)}
    assert host.prompts == []


def test_the_answer_to_one_form_is_not_that_to_the_next() -> None:
    host = Paper(host_of(use("request_identity_intake", fields=FIELDS)).model)
    host.model.answers.insert(1, answer(use("request_identity_intake", "b", fields=FIELDS)))
    parked(host, renders=FORM)
    host.answers["1-0"] = Answer(what=DECLINED)
    other = successor(host)
    parked(other, renders=FORM, progress=tuple(host.notes))
    assert [prompt.key for prompt in other.prompts] == ["3-0"]
