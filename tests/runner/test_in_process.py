"""The runner in one process, where the contract of runners says nothing: its memory, its limits."""

from typing import Any

import pytest

from shared.errors import ConfigurationError, ParleyError, TurnFailed
from shared.identity.principal import Principal
from shared.models.port import ModelError, TextDelta
from shared.runner.calls import MAX_RESULT
from shared.runner.events import Delta, Reply, Restarted, ToolEnded, ToolStarted
from shared.runner.in_process import Agent, InProcessRunner
from shared.runner.messages import LOST_RESULT
from shared.runner.port import NoAgent, RuntimeMissing
from tests.runner.said import MadeTool, SaidModel, answer, use
from tests.support.clock import FakeClock

ANN = Principal("acme", "ann", frozenset({"user"}), email="ann@example.com")
AGENT = Agent(instructions="Be kind.", model="m", greeting="Hello!")


def runner(model: SaidModel, *tools: MadeTool, **more: Any) -> InProcessRunner:
    return InProcessRunner(**{"agent": AGENT, "model": model, "tools": tools, **more})


def say(door: InProcessRunner, text: str = "Hi", session: str = "s") -> list[Any]:
    return list(door.run(session, text, principal=ANN))


def texts(model: SaidModel) -> list[Any]:
    return [message["content"] for message in model.last]


def test_without_an_agent_there_is_no_runner() -> None:
    with pytest.raises(NoAgent):
        InProcessRunner(agent=None, model=SaidModel())


def test_without_a_model_there_is_no_runner() -> None:
    with pytest.raises(RuntimeMissing):
        InProcessRunner(agent=AGENT, model=None)


@pytest.mark.parametrize(
    ("name", "number"),
    [("backlog", -1), ("turn_seconds", 0), ("history_token_budget", 0), ("sessions", 0)],
)
def test_a_number_that_is_too_small_is_refused_by_name(name: str, number: int) -> None:
    with pytest.raises(ConfigurationError, match=f"^{name} is {number}"):
        runner(SaidModel(), **{name: number})


def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="named twin"):
        runner(SaidModel(), MadeTool("twin"), MadeTool("other"), MadeTool("twin"))


def test_the_tools_are_those_of_the_beginning() -> None:
    model = SaidModel(answer("Yes"))
    tools = [MadeTool("one")]
    door = InProcessRunner(agent=AGENT, model=model, tools=tools)
    tools.append(MadeTool("two"))
    say(door)
    assert [tool["name"] for tool in model.requests[0].tools] == ["one"]


def test_what_a_caller_does_with_an_event_changes_no_call() -> None:
    tool = MadeTool("t", lambda words: " ".join(words))
    model = SaidModel(answer(use("t", words=["a", "b"])), answer("Done"), answer("Yes"))
    door = runner(model, tool)
    for event in door.run("s", "Hi", principal=ANN):
        if isinstance(event, ToolStarted):
            event.arguments["words"].clear()
    assert tool.calls == [{"words": ["a", "b"]}]
    say(door)
    assert texts(model)[1] == [use("t", words=["a", "b"])]


def test_a_tool_learns_for_whom_it_works() -> None:
    tool = MadeTool("t")
    door = runner(SaidModel(*[answer(use("t")), answer("Yes")] * 2), tool)
    say(door), say(door)
    first, second = tool.contexts
    assert (first.tenant, first.user, first.email) == ("acme", "ann", "ann@example.com")
    assert first.conversation == second.conversation == first.session
    assert first.turn != second.turn
    assert first.idempotency_key == f"{first.turn}.{first.call}"


def test_of_a_long_result_the_model_gets_the_beginning() -> None:
    tool = MadeTool("t", lambda: "x" * (MAX_RESULT + 1))
    events = say(runner(SaidModel(answer(use("t")), answer("Yes")), tool))
    (ended,) = (event for event in events if isinstance(event, ToolEnded))
    assert len(ended.content) < MAX_RESULT
    assert f"{MAX_RESULT + 1} characters" in ended.content


def test_a_broken_answer_is_said_anew() -> None:
    broken = [TextDelta("Wro"), ModelError("cut", retryable=True)]
    events = say(runner(SaidModel(broken, answer("Right"))))
    assert events[:2] == [Delta("Wro"), Restarted(0)]
    assert events[-1].text == "Right"


def test_the_greeting_is_told_at_the_first_message_only() -> None:
    model = SaidModel(answer("One"), answer("Two"))
    door = runner(model)
    say(door), say(door)
    assert ["Hello!" in request.system for request in model.requests] == [True, False]


def test_only_what_fits_the_budget_is_remembered() -> None:
    model = SaidModel(*[answer(f"answer {number}") for number in range(9)])
    door = runner(model, history_token_budget=50)
    for number in range(9):
        say(door, f"message {number}")
    # Four messages of about ten tokens, and the new one.
    assert texts(model) == ["message 6", "answer 6", "message 7", "answer 7", "message 8"]


def test_the_sessions_used_least_recently_are_forgotten() -> None:
    model = SaidModel(*[answer("Yes")] * 9)
    door = runner(model, sessions=2)
    for session in ("a", "b", "a", "c"):
        say(door, f"in {session}", session)
    say(door, "again", "a")
    assert texts(model) == ["in a", "Yes", "in a", "Yes", "again"]
    say(door, "again", "b")
    assert texts(model) == ["again"]


def test_a_session_at_work_is_not_forgotten() -> None:
    model = SaidModel(*[answer("Yes")] * 9)
    door = runner(model, sessions=1)
    events = door.run("a", "in a", principal=ANN)
    next(events)
    say(door, "in b", "b")
    list(events)
    say(door, "again", "a")
    assert texts(model) == ["in a", "Yes", "again"]


def test_an_iteration_that_never_began_leaves_nothing() -> None:
    model = SaidModel(answer("Yes"))
    door = runner(model, backlog=0)
    door.run("s", "lost", principal=ANN).close()  # type: ignore[attr-defined]  # it is a generator
    say(door)
    assert texts(model) == ["Hi"]


def test_given_up_in_a_reply_the_model_is_told_what_the_user_said() -> None:
    model = SaidModel(answer("Never mind"), answer("Yes"))
    door = runner(model)
    events = door.run("s", "First", principal=ANN)
    next(events)
    events.close()  # type: ignore[attr-defined]  # it is a generator
    assert model.closed == 1
    say(door, "Second")
    assert texts(model) == ["First\n\nSecond"]


def test_given_up_in_a_call_the_model_is_told_that_its_result_is_lost() -> None:
    model = SaidModel(answer(use("t", "x")), answer("Yes"))
    door = runner(model, MadeTool("t"))
    events = door.run("s", "First", principal=ANN)
    assert isinstance(next(events), ToolStarted)
    events.close()  # type: ignore[attr-defined]  # it is a generator
    say(door, "Second")
    lost, words = texts(model)[2]
    assert (lost["content"], words["text"]) == (LOST_RESULT, "Second")


def test_a_refusal_with_words_is_a_reply() -> None:
    refusal = answer("I would rather not.", stop_reason="refusal")
    *_, last = say(runner(SaidModel(refusal)))
    assert isinstance(last, Reply)
    assert (last.text, last.stop_reason) == ("I would rather not.", "refusal")


def test_too_many_steps_fail_the_turn() -> None:
    agent = Agent(instructions="Be kind.", model="m", max_iterations=2)
    door = runner(SaidModel(*[answer(use("t"))] * 2), MadeTool("t"), agent=agent)
    with pytest.raises(TurnFailed) as failed:
        say(door)
    assert failed.value.error_code == "MAX_ITERATIONS"


# -- time ---------------------------------------------------------------------------------------


def test_a_turn_that_takes_too_long_fails() -> None:
    clock = FakeClock()
    model = SaidModel(answer(use("t")), answer("Yes"))

    def work() -> str:
        clock.advance(61)
        return "found"

    tool = MadeTool("t", work)
    door = runner(model, tool, clock=clock, turn_seconds=60)
    with pytest.raises(ModelError) as failed:
        say(door)
    assert (failed.value.error_code, failed.value.is_retryable) == ("TURN_TIMEOUT", False)
    say(door, "Again")
    assert len(model.requests) == 2


def test_a_model_that_had_no_time_left_is_not_to_blame() -> None:
    clock = FakeClock()
    late = [lambda: clock.advance(60), ModelError("late", code="LLM_UNAVAILABLE", retryable=True)]
    with pytest.raises(ParleyError) as failed:
        say(runner(SaidModel(late), clock=clock, turn_seconds=60))
    assert failed.value.error_code == "TURN_TIMEOUT"
