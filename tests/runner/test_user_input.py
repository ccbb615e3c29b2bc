"""Questions that end a turn: the user's next message is the result of the call that asked."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from shared.local.messages_api import complaint
from shared.runner.calls import MAX_CALLS
from shared.runner.events import Delta, Reply, ToolEnded, ToolStarted
from shared.runner.messages import LOST_RESULT
from shared.runner.request import model_request
from tests.runner.paper import Paper, reply, run
from tests.runner.parking import results
from tests.runner.said import MadeTool, SaidModel, answer, use
from tests.runner.test_request import result, step, turn

ASK = "request_user_input"
MAY = frozenset({ASK})
SAID = {"role": "assistant", "text": "When?", "said": "", "asks": "When?"}


def asks(question: Any = "When?", name: str = "q") -> dict[str, Any]:
    return use(ASK, name, question=question)


def ended(*blocks: Any, tools: Sequence[MadeTool] = ()) -> tuple[Paper, list[Any]]:
    host = Paper(SaidModel(answer(*blocks), answer("Done")))
    return host, run(host, *tools, builtins=MAY)


# -- the turn that asks -----------------------------------------------------------------------


def test_a_turn_ends_with_its_question() -> None:
    host, events = ended(asks(" When? "))
    end = reply(events)
    assert events == [Delta("When?"), end]
    assert (end.text, end.said, end.asks, end.stop_reason) == ("When?", "", "When?", "tool_use")
    assert end.usage.input_tokens == 10
    assert len(host.model.requests) == 1
    # The call is noted, and open.
    assert [note["role"] for note in host.notes] == ["assistant"]


def test_a_question_is_set_off_from_what_was_said_before_it() -> None:
    _, events = ended("I need to know.", asks())
    assert reply(events).text == "I need to know.\n\nWhen?"


def test_other_calls_of_the_reply_are_made_first() -> None:
    first, last = MadeTool("a"), MadeTool("b")
    host, events = ended(use("a"), asks(), use("b"), tools=[first, last])
    assert reply(events).asks == "When?"
    assert results(events) == {"1-0": ("found", False), "1-2": ("found", False)}
    assert host.steps[1] == ("begin", "1-0", "1-2")
    assert [type(event) for event in events[-2:]] == [Delta, Reply]


def test_of_two_questions_the_second_is_refused() -> None:
    _, events = ended(asks("When?", "x"), asks("Where?", "y"))
    assert reply(events).asks == "When?"
    assert results(events) == {"1-1": ("Not asked: ask one question at a time.", True)}
    assert [type(event) for event in events[:2]] == [ToolStarted, ToolEnded]


def test_a_bad_question_is_told_to_the_model_and_the_turn_goes_on() -> None:
    host, events = ended(asks(" "))
    said = "Not asked. question: must be the text of the question."
    assert results(events) == {"1-0": (said, True)}
    assert (reply(events).said, reply(events).asks) == ("Done", None)
    assert len(host.model.requests) == 2


def test_after_a_bad_question_the_good_one_is_asked() -> None:
    _, events = ended(asks(5, "x"), asks("Where?", "y"))
    assert (reply(events).asks, set(results(events))) == ("Where?", {"1-0"})


def test_a_worker_that_takes_over_asks_the_question_and_not_the_model() -> None:
    noted = step("I need to know.", asks(), said="I need to know.")
    host = Paper(SaidModel())
    events = run(host, progress=[noted], builtins=MAY)
    assert [event for event in events if isinstance(event, Delta)] == [Delta("\n\nWhen?")]
    end = events[-1]
    assert isinstance(end, Reply)
    assert (end.text, end.asks) == ("I need to know.\n\nWhen?", "When?")


def test_a_tool_of_the_agents_own_by_that_name_is_a_tool() -> None:
    tool = MadeTool(ASK)
    host, events = ended(asks(), tools=[tool])
    assert results(events) == {"1-0": ("found", False)}
    assert reply(events).asks is None
    assert len(host.model.requests) == 2


def test_in_the_last_step_nothing_is_asked() -> None:
    host = Paper(SaidModel(answer("Well.", asks())))
    end = reply(run(host, builtins=MAY, max_iterations=1))
    assert (end.said, end.asks) == ("Well.", None)


def test_a_question_beyond_so_many_calls_is_asked_all_the_same() -> None:
    """It is not made; it ends the turn."""
    calls = [use("a", f"x{number}") for number in range(MAX_CALLS)]
    _, events = ended(*calls, asks(), tools=[MadeTool("a")])
    assert reply(events).asks == "When?"


# -- the turn that has the answer -------------------------------------------------------------


def contents(
    history: Sequence[Mapping[str, Any]], message: str = "Today", **more: Any
) -> list[Any]:
    request = model_request(turn(history, message, **{"builtins": MAY, **more}))
    sent = {
        "model": request.model,
        "max_tokens": request.max_tokens,
        "messages": request.messages,
        "tools": request.tools,
    }
    assert complaint(sent) is None
    return [message["content"] for message in request.messages]


def given(said: str = "Today", call: str = "q") -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": call, "content": said}


def test_the_next_message_is_the_result() -> None:
    history = [{"role": "user", "text": "Book it."}, step(asks()), SAID]
    assert contents(history) == ["Book it.", [asks()], [given()]]


def test_also_in_the_middle_of_a_history() -> None:
    history = [
        {"role": "user", "text": "Book it."},
        step("Well.", asks(), said="Well."),
        {**SAID, "text": "Well.\n\nWhen?"},
        {"role": "user", "text": "Today"},
        {"role": "assistant", "text": "Booked."},
    ]
    called = [{"type": "text", "text": "Well."}, asks()]
    assert contents(history, "Thanks") == ["Book it.", called, [given()], "Booked.", "Thanks"]


def test_the_turn_that_has_the_answer_goes_on_with_calls() -> None:
    history = [{"role": "user", "text": "Book it."}, step(asks()), SAID]
    progress = [step(use("t", "x")), result("x")]
    request = model_request(turn(history, "Today", builtins=MAY), progress)
    assert [message["role"] for message in request.messages] == ["user", "assistant"] * 2 + ["user"]
    assert request.messages[2]["content"] == [given()]


def test_the_results_of_the_other_calls_stand_before_the_answer() -> None:
    history = [
        {"role": "user", "text": "Book it."},
        step(use("t", "x"), asks()),
        result("x"),
        SAID,
    ]
    found = {"type": "tool_result", "tool_use_id": "x", "content": "found"}
    assert contents(history) == ["Book it.", [use("t", "x"), asks()], [found, given()]]


def test_another_call_that_is_open_is_lost() -> None:
    history = [{"role": "user", "text": "Book it."}, step(use("t", "x"), asks()), SAID]
    lost = {**given(LOST_RESULT, "x"), "is_error": True}
    assert contents(history)[-1] == [lost, given()]


def test_without_words_nothing_is_answered() -> None:
    """A turn whose message is not remembered answers no question."""
    history = [
        {"role": "user", "text": "Book it."},
        step(asks()),
        SAID,
        {"role": "user", "text": " "},
        {"role": "assistant", "text": "Hm."},
    ]
    lost = {**given(LOST_RESULT), "is_error": True}
    assert contents(history)[2] == [lost]


def test_a_call_that_waits_for_no_answer_takes_none() -> None:
    history = [{"role": "user", "text": "Book it."}, step(use("t", "x"))]
    lost = {**given(LOST_RESULT, "x"), "is_error": True}
    assert contents(history)[-1] == [lost, {"type": "text", "text": "Today"}]


@pytest.mark.parametrize(
    "end",
    [
        [],
        [result("x")],
        [{"role": "assistant", "text": "I lo", "said": "", "stopped": True}],
    ],
)
def test_what_is_said_after_a_turn_that_broke_off_answers_no_question(end: list[Any]) -> None:
    """It failed or was stopped before it had asked; nobody has seen the question."""
    calls = step(use("t", "x"), asks("Shall I delete it?"))
    history = [{"role": "user", "text": "Clean up."}, calls, *end]
    last = contents(history, "Yes, try again")[-1]
    lost = {**given(LOST_RESULT), "is_error": True}
    assert lost in last
    assert last[-1] == {"type": "text", "text": "Yes, try again"}


def test_an_agent_that_has_lost_its_tools_reads_what_was_asked() -> None:
    history = [
        {"role": "user", "text": "Book it."},
        step("Well.", asks(), said="Well."),
        {**SAID, "text": "Well.\n\nWhen?"},
    ]
    assert contents(history, builtins=frozenset()) == ["Book it.", "Well.\n\nWhen?", "Today"]


def test_an_agent_that_may_ask_no_more_has_the_answer_as_a_result() -> None:
    history = [{"role": "user", "text": "Book it."}, step(asks()), SAID]
    assert contents(history, builtins=frozenset(), tools=[MadeTool()])[-1] == [given()]


def test_a_question_whose_call_is_not_remembered_is_words() -> None:
    """Of a turn that does not fit, what people saw is kept."""
    history = [
        {"role": "user", "text": "Book it."},
        {"role": "assistant", "text": "Well.\n\nWhen?", "asks": "When?"},
    ]
    for named in (MAY, frozenset[str]()):
        assert contents(history, builtins=named) == ["Book it.", "Well.\n\nWhen?", "Today"]
