"""Which of the built-in tools the model is told of, and which it may call."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from shared.interactions.kinds import KINDS
from shared.runner.builtins import (
    FORMS,
    MAX_QUESTION,
    USER_INPUT,
    is_form,
    offered,
    question_of,
)
from shared.runner.request import model_request
from shared.tools.port import InvalidArguments
from tests.runner.paper import Paper, run
from tests.runner.parking import results
from tests.runner.said import MadeTool, SaidModel, answer, use
from tests.runner.test_request import result, step, turn

CHOICES, INTAKE, SUBMIT, ASK = (
    "request_choices",
    "request_identity_intake",
    "submit_interaction",
    "request_user_input",
)


def told(
    *named: str, renders: Sequence[str] = (), messages: Sequence[Mapping[str, Any]] = ()
) -> list[str]:
    return [tool.name for tool in offered(frozenset(named), frozenset(renders), messages)]


@pytest.mark.parametrize(
    ("named", "renders", "called", "tools"),
    [
        ([], [], [], []),
        ([], ["stream_truncate"], [], []),
        ([], ["choice_chips"], [], [CHOICES]),
        ([], ["identity_form", "choice_chips"], [], [CHOICES, INTAKE]),
        ([CHOICES], [], [], [CHOICES, SUBMIT]),
        ([CHOICES], ["choice_chips"], [], [CHOICES]),
        ([INTAKE], ["choice_chips"], [], [CHOICES, INTAKE, SUBMIT]),
        ([SUBMIT], [], [], [SUBMIT]),
        ([], [], [INTAKE], [INTAKE, SUBMIT]),
        ([], [], [SUBMIT], [SUBMIT]),
        ([], ["identity_form"], [INTAKE], [INTAKE]),
        ([], [], [ASK, "look_up"], []),
        ([ASK], [], [], [ASK]),
        ([ASK, CHOICES], [], [], [CHOICES, SUBMIT, ASK]),
    ],
)
def test_a_tool_is_told_of_where_it_can_be_shown_or_is_named_or_was_called(
    named: list[str], renders: list[str], called: list[str], tools: list[str]
) -> None:
    messages = [step(*[use(name) for name in called])] if called else []
    assert told(*named, renders=renders, messages=messages) == tools


def test_every_kind_has_its_tool_and_its_capability() -> None:
    for kind in KINDS:
        assert FORMS[kind.tool].description == kind.description
        assert FORMS[kind.tool].parameters == kind.parameters
        assert is_form(kind.tool)
        assert told(renders=[kind.capability]) == [kind.tool]
    assert is_form(SUBMIT)
    assert not is_form(USER_INPUT.name)


def test_an_agents_own_tool_goes_before_a_built_in_one() -> None:
    own = MadeTool(CHOICES, description="Mine.")
    request = model_request(turn(tools=[own], renders=frozenset({"choice_chips"})))
    assert [(tool["name"], tool["description"]) for tool in request.tools] == [(CHOICES, "Mine.")]


def test_built_in_tools_follow_the_agents_own() -> None:
    request = model_request(turn(tools=[MadeTool("z")], builtins=frozenset({ASK})))
    assert [tool["name"] for tool in request.tools] == ["z", ASK]


def test_a_form_that_was_called_before_is_told_of_in_every_later_turn() -> None:
    history = [
        {"role": "user", "text": "Hi"},
        step(use(INTAKE, "x")),
        result("x"),
        {"role": "assistant", "text": "Yes."},
    ]
    request = model_request(turn(history))
    assert [tool["name"] for tool in request.tools] == [INTAKE, SUBMIT]
    progress = [step(use(INTAKE, "y")), result("y")]
    assert [tool["name"] for tool in model_request(turn(), progress).tools] == [INTAKE, SUBMIT]


def test_any_agent_may_call_a_form_that_it_was_not_told_of() -> None:
    fields = [{"key": "email"}]
    host = Paper(SaidModel(answer(use(INTAKE, fields=fields)), answer("Done")))
    said, is_error = results(run(host))["1-0"]
    assert "submit_interaction" in said
    assert not is_error
    assert [len(request.tools) for request in host.model.requests] == [0, 2]


def test_only_an_agent_that_names_it_may_end_a_turn_with_a_question() -> None:
    host = Paper(SaidModel(answer(use(ASK, question="When?")), answer("Done")))
    assert results(run(host)) == {
        "1-0": ("There is no tool request_user_input. The tools are: none.", True)
    }


# -- questions --------------------------------------------------------------------------------


def test_a_question_is_shown_without_the_white_space_around_it() -> None:
    assert question_of({"question": " When? \n"}) == "When?"
    assert len(question_of({"question": "x" * MAX_QUESTION})) == MAX_QUESTION


@pytest.mark.parametrize(
    "arguments",
    [{}, {"question": ""}, {"question": " \n"}, {"question": 5}, {"question": None}],
)
def test_a_question_without_words(arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidArguments, match=r"^question: must be the text of the question\.$"):
        question_of(arguments)


def test_a_question_that_is_too_long() -> None:
    with pytest.raises(InvalidArguments, match=r"^question: may have 4000 characters\. Shorten"):
        question_of({"question": "x" * (MAX_QUESTION + 1)})
