"""Calls that are refused before anybody is asked about them, and what clients are shown of them."""

from collections.abc import Mapping
from typing import Annotated, Any

import pytest
from pydantic import AfterValidator

from shared.identity.credentials import LOCAL
from shared.runner.calls import MAX_CALLS
from shared.runner.events import ToolStarted, TurnEvent
from shared.runner.gates import Gate
from shared.runner.in_process import Agent, InProcessRunner
from shared.runner.prompts import Answer, Prompt
from shared.tools.arguments import checked
from shared.tools.port import Tool, ToolFault
from shared.tools.python_tool import PythonTool
from tests.runner.paper import Paper, reply, run
from tests.runner.parking import ASK, BOTH, KNOWN, approved, host_of, parked, results, taken_up
from tests.runner.said import MadeTool, SaidModel, answer, use

GATES = {"refund": ASK}
HIDDEN = {"order": "42", "password": "[redacted]"}
SECRET = {"order": "42", "password": "hunter2"}


def begun(events: list[TurnEvent]) -> list[ToolStarted]:
    return [event for event in events if isinstance(event, ToolStarted)]


# -- what is shown of them --------------------------------------------------------------------


def test_a_call_beyond_the_limit_shows_no_secrets() -> None:
    calls = [use("a", f"x{number}") for number in range(MAX_CALLS)]
    host = host_of(*calls, use("refund", **SECRET))
    events = run(host, MadeTool("a"), MadeTool("refund"), gates=GATES)
    assert begun(events)[0] == ToolStarted(f"1-{MAX_CALLS}", "refund", HIDDEN)
    assert "hunter2" not in str(events)
    assert results(events)[f"1-{MAX_CALLS}"][0].startswith("Not called: one reply may have")


@pytest.mark.parametrize("gate", [ASK, BOTH])
def test_a_call_of_a_tool_that_is_gone_shows_no_secrets(gate: Gate) -> None:
    host = host_of(use("refund", **SECRET))
    events = run(host, MadeTool("a"), gates={"refund": gate})
    assert begun(events) == [ToolStarted("1-0", "refund", HIDDEN)]
    assert "hunter2" not in str(events)
    assert results(events) == {"1-0": ("There is no tool refund. The tools are: a.", True)}


def test_a_call_that_does_not_fit_shows_no_secrets() -> None:
    host, tool = host_of(use("refund", order=42, password="hunter2")), CheckedTool()
    events = run(host, tool, gates=GATES)
    assert begun(events) == [ToolStarted("1-0", "refund", {"order": 42, "password": "[redacted]"})]
    assert "hunter2" not in str(events)


# -- arguments that do not fit ----------------------------------------------------------------


class CheckedTool(MadeTool):
    """A tool that looks at arguments before it is called."""

    def __init__(self) -> None:
        super().__init__("refund")
        fields = {"order": {"type": "string"}, "password": {"type": "string"}}
        self.parameters = {"type": "object", "properties": fields, "required": ["order"]}
        self.check = checked(self.parameters)


def refund(order: str, amount: int = 1) -> str:
    """Refund an order."""
    return f"{amount} for {order}"


@pytest.mark.parametrize("gate", [ASK, KNOWN, BOTH])
@pytest.mark.parametrize("arguments", [{}, {"order": ["42"]}])
@pytest.mark.parametrize("kind", ["described", "python"])
def test_nobody_is_asked_about_a_call_that_cannot_be_made(
    gate: Gate, arguments: Mapping[str, Any], kind: str
) -> None:
    """Nor sent a code for it."""
    tool = CheckedTool() if kind == "described" else PythonTool(refund, name="refund")
    host = host_of(use("refund", **arguments))
    events = run(host, tool, gates={"refund": gate})
    said, is_error = results(events)["1-0"]
    assert said.startswith("Not called. The arguments do not fit, so nothing was called. ")
    assert '"order"' in said
    assert is_error
    assert (host.prompts, host.marks) == ([], set())


def test_nobody_who_runs_it_in_one_process_is_asked_either() -> None:
    asked: list[Prompt] = []
    agent = Agent(instructions="Help.", model="m", gates=GATES)
    model = SaidModel(answer(use("refund")), answer("Done"))
    tools = [PythonTool(refund, name="refund")]

    def approve(prompt: Prompt) -> bool:
        asked.append(prompt)
        return True

    door = InProcessRunner(agent=agent, model=model, tools=tools, approve=approve)
    events = list(door.run("s", "Hi", principal=LOCAL))
    assert events[-1].text == "Done"  # type: ignore[union-attr]  # the last event is the reply
    assert asked == []
    assert "do not fit" in model.last[-1]["content"][0]["content"]


@pytest.mark.parametrize("kind", ["described", "python", "unchecked"])
def test_a_call_that_fits_is_asked_about_and_made(kind: str) -> None:
    kinds: dict[str, Tool] = {
        "described": CheckedTool(),
        "python": PythonTool(refund, name="refund"),
        "unchecked": MadeTool("refund"),
    }
    tool, host = kinds[kind], host_of(use("refund", order="42"))
    parked(host, tool, gates=GATES)
    (prompt,) = host.prompts
    _, events = taken_up(host, tool, answers={prompt.key: approved(prompt)}, gates=GATES)
    assert results(events)["1-0"] == ("1 for 42" if kind == "python" else "found", False)


def test_a_tool_that_fails_over_its_arguments_does_not_end_the_turn(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whatever its author left in it; and nothing of the arguments is told."""

    def broken(value: str) -> str:
        raise KeyError(value)

    def odd(order: Annotated[str, AfterValidator(broken)]) -> str:
        """Refund an order."""
        return order

    host = host_of(use("refund", order="hunter2"))
    events = run(host, PythonTool(odd, name="refund"), gates=GATES)
    said, is_error = results(events)["1-0"]
    assert (is_error, host.prompts) == (True, [])
    assert "hunter2" not in said + caplog.text
    assert reply(events).said == "Done"


# -- where nobody may be asked any more -------------------------------------------------------


class Tired(Paper):
    """A host that asks nobody any more."""

    def park(self, prompt: Prompt) -> Answer:
        raise ToolFault("People have been asked too often.")

    def offer_code(self, description: str) -> Mapping[str, Any]:
        raise ToolFault("People have been asked too often.")


@pytest.mark.parametrize("gate", [ASK, KNOWN, BOTH])
def test_where_nobody_may_be_asked_the_model_is_told_and_the_rest_goes_on(gate: Gate) -> None:
    tool, other = MadeTool("refund"), MadeTool("a")
    host = Tired(SaidModel(answer(use("refund"), use("a")), answer("Done")))
    events = run(host, tool, other, gates={"refund": gate})
    assert results(events) == {
        "1-0": ("Not called. People have been asked too often.", True),
        "1-1": ("found", False),
    }
    assert tool.calls == []


def test_where_nobody_may_be_asked_no_form_is_shown() -> None:
    host = Tired(SaidModel(answer(use("request_identity_intake", fields=[{"key": "email"}]))))
    host.model.answers.append(answer("Done"))
    events = run(host, renders=frozenset({"identity_form"}))
    assert results(events) == {"1-0": ("Not called. People have been asked too often.", True)}
