"""The runner in one process, where a call waits for people: whoever runs it answers at once."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from shared.identity.principal import Principal
from shared.runner.events import ToolEnded, ToolStarted
from shared.runner.gates import Approval, Gate
from shared.runner.in_process import Agent, InProcessRunner
from shared.runner.messages import LOST_RESULT
from shared.runner.prompts import APPROVAL, Prompt
from tests.runner.said import MadeTool, SaidModel, answer, use

ANN = Principal("acme", "ann", frozenset({"user"}), email="ann@example.com")
DECLINED = "Not called. The person who was asked about this call declined it."
ASK, KNOWN = Gate(approval=Approval()), Gate(verified=True)
MAY_ASK = frozenset({"request_user_input"})

Approve = Callable[[Prompt], bool]


def runner(
    model: SaidModel, *tools: MadeTool, gate: Gate = ASK, **more: Any
) -> tuple[InProcessRunner, SaidModel]:
    agent = Agent(instructions="Help.", model="m", gates={"refund": gate}, builtins=MAY_ASK)
    return InProcessRunner(agent=agent, model=model, tools=tools, **more), model


def say(door: InProcessRunner, text: str = "Hi") -> list[Any]:
    return list(door.run("s", text, principal=ANN))


def said(events: list[Any]) -> list[tuple[str, bool]]:
    return [(event.content, event.is_error) for event in events if isinstance(event, ToolEnded)]


def words(model: SaidModel) -> list[Any]:
    return [message["content"] for message in model.last]


def calling(*answers: Any, **arguments: Any) -> SaidModel:
    return SaidModel(answer(use("refund", **arguments)), *(answers or [answer("Done")]))


def test_whoever_runs_it_is_asked_on_their_own_thread() -> None:
    asked: list[tuple[Prompt, int]] = []

    def approve(prompt: Prompt) -> bool:
        asked.append((prompt, threading.get_ident()))
        return True

    tool = MadeTool("refund", description="Refunds an order.")
    door, _ = runner(calling(order="42", password="hunter2"), tool, approve=approve)
    events = say(door)
    ((prompt, thread),) = asked
    assert thread == threading.get_ident()
    assert prompt.kind == APPROVAL
    hidden = {"order": "42", "password": "[redacted]"}
    assert prompt.content["arguments"] == hidden
    assert prompt.content["description"] == (
        'Refunds an order. refund(order: "42", password: "[redacted]")'
    )
    assert said(events) == [("found", False)]
    assert tool.calls == [{"order": "42", "password": "hunter2"}]


def test_what_is_declined_is_not_called() -> None:
    tool = MadeTool("refund")
    door, model = runner(calling(), tool, approve=lambda _: False)
    events = say(door)
    assert said(events) == [(DECLINED, True)]
    assert [type(event) for event in events[:2]] == [ToolStarted, ToolEnded]
    assert (tool.calls, events[-1].text) == ([], "Done")
    assert model.last[-1]["content"][0]["content"] == DECLINED


def test_where_nobody_is_asked_nothing_is_approved() -> None:
    tool = MadeTool("refund")
    door, _ = runner(calling(), tool)
    assert (said(say(door)), tool.calls) == ([(DECLINED, True)], [])


def test_each_call_is_asked_about() -> None:
    asked: list[Any] = []

    def approve(prompt: Prompt) -> bool:
        asked.append(prompt.call.arguments)
        return len(asked) == 2

    tool = MadeTool("refund")
    calls = [use("refund", f"x{number}", order=number) for number in range(3)]
    door, _ = runner(SaidModel(answer(*calls), answer("Done")), tool, approve=approve)
    say(door)
    assert asked == [{"order": 0}, {"order": 1}, {"order": 2}]
    assert tool.calls == [{"order": 1}]


def test_what_is_raised_while_asking_ends_the_turn_and_not_the_session() -> None:
    def approve(_: Prompt) -> bool:
        raise KeyboardInterrupt

    tool = MadeTool("refund")
    door, model = runner(calling(answer("Yes?")), tool, approve=approve)
    with pytest.raises(KeyboardInterrupt):
        say(door, "Refund it")
    assert tool.calls == []
    assert say(door, "Hello?")[-1].text == "Yes?"
    assert words(model)[2][0]["content"] == LOST_RESULT


def test_no_code_can_be_sent() -> None:
    tool = MadeTool("refund")
    door, _ = runner(calling(), tool, gate=KNOWN, approve=lambda _: True)
    told = "Not called. The user must show who they are first, which is not possible here."
    assert (said(say(door)), tool.calls) == ([(told, True)], [])


def test_forms_are_asked_in_words_and_what_is_said_can_be_handed_in() -> None:
    given: Any = {"kind": "identity_intake", "values": {"email": "ann@example.com"}}
    form = use("request_identity_intake", fields=[{"key": "email"}])
    model = SaidModel(
        answer(form), answer("Your email?"), answer(use("submit_interaction", **given))
    )
    model.answers.append(answer("Thanks."))
    door, _ = runner(model)
    (asked,) = said(say(door))
    assert "submit_interaction" in asked[0]
    assert said(say(door, "It is ann@example.com")) == [
        ('{"status":"submitted","values":{"email":"ann@example.com"}}', False)
    ]


# -- questions --------------------------------------------------------------------------------


def question(name: str = "q") -> dict[str, Any]:
    return use("request_user_input", name, question="When exactly?")


def test_the_next_message_is_the_answer() -> None:
    door, model = runner(SaidModel(answer("Well.", question()), answer("Booked.")))
    end = say(door, "Book it.")[-1]
    assert (end.text, end.asks) == ("Well.\n\nWhen exactly?", "When exactly?")
    say(door, "Today")
    given = {"type": "tool_result", "tool_use_id": "q", "content": "Today"}
    assert words(model)[2] == [given]


def test_the_question_of_a_turn_that_does_not_fit_is_remembered() -> None:
    tool = MadeTool("t", lambda: "x" * 4000)
    model = SaidModel(answer("I look.", use("t", "x"), question()), answer("Booked."))
    door, _ = runner(model, tool, history_token_budget=300)
    say(door, "Book it.")
    say(door, "Today")
    assert words(model) == ["Book it.", "I look.\n\nWhen exactly?", "Today"]
