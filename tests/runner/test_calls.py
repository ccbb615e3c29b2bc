"""Calls of tools: which run, beside which others, and what becomes of those that do not."""

import threading
from functools import partial
from typing import Any

import pytest

from shared.runner.calls import EXCERPT, INTERRUPTED, MAX_CALLS, MAX_KEPT, MAX_PARALLEL, MAX_RESULT
from shared.runner.events import ToolEnded, ToolStarted, TurnEvent
from shared.tools.port import InvalidArguments, ToolFault
from tests.runner.paper import Enough, Paper, run, turn
from tests.runner.said import MadeTool, SaidModel, answer, use

PATIENCE = 10.0


def ended(events: Any) -> dict[str, tuple[str, bool]]:
    return {
        event.call: (event.content, event.is_error)
        for event in events
        if isinstance(event, ToolEnded)
    }


def made(*blocks: Any, tools: Any, **more: Any) -> tuple[Paper, dict[str, tuple[str, bool]]]:
    host = Paper(SaidModel(answer(*blocks), answer("Done")), **more)
    return host, ended(run(host, *tools))


def raising(fault: BaseException) -> Any:
    def work(**_: Any) -> str:
        raise fault

    return work


def test_calls_of_one_reply_run_beside_each_other() -> None:
    together = threading.Barrier(3)

    def work(**_: Any) -> str:
        return str(together.wait(PATIENCE))

    tools = [MadeTool(name, work) for name in "abc"]
    host, results = made(*[use(name) for name in "abc"], tools=tools)
    assert sorted(said for said, _ in results.values()) == ["0", "1", "2"]
    assert host.steps[:2] == [("reply", ""), ("begin", "1-0", "1-1", "1-2")]
    assert sorted(host.steps[2:]) == [("result", f"1-{number}") for number in range(3)]


def test_results_are_noted_as_they_come() -> None:
    first_noted = threading.Event()
    slow = MadeTool("slow", lambda: str(first_noted.wait(PATIENCE)))
    host = Paper(SaidModel(answer(use("slow"), use("quick")), answer("Done")))
    calls = []
    for event in turn(host, slow, MadeTool("quick")).run():
        if isinstance(event, ToolEnded):
            calls.append(event.tool)
            first_noted.set()
    assert calls == ["quick", "slow"]
    assert host.steps[-2:] == [("result", "1-1"), ("result", "1-0")]


def test_a_tool_that_runs_alone_runs_after_what_was_asked_before_it() -> None:
    order: list[str] = []

    def work(name: str) -> str:
        order.append(name)
        return name

    tools = [
        MadeTool(name, partial(work, name), parallel=name != "alone")
        for name in ("a", "alone", "b")
    ]
    host, _ = made(use("a"), use("alone"), use("alone"), use("b"), tools=tools)
    assert order == ["a", "alone", "alone", "b"]
    assert host.steps == [
        ("reply", ""),
        ("begin", "1-0"),
        ("result", "1-0"),
        ("begin", "1-1"),
        ("result", "1-1"),
        ("begin", "1-2"),
        ("result", "1-2"),
        ("begin", "1-3"),
        ("result", "1-3"),
    ]


def test_no_more_than_so_many_run_at_once() -> None:
    host, results = made(*[use("t", f"id{n}") for n in range(20)], tools=[MadeTool("t")])
    assert len(results) == 20
    begun = [len(entry) - 1 for entry in host.steps if entry[0] == "begin"]
    assert begun == [MAX_PARALLEL, MAX_PARALLEL, 20 - 2 * MAX_PARALLEL]


def test_calls_beyond_the_limit_are_not_made() -> None:
    tool = MadeTool("t")
    _, results = made(*[use("t", f"id{n}") for n in range(MAX_CALLS + 2)], tools=[tool])
    assert len(tool.calls) == MAX_CALLS
    refused = [said for said, is_error in results.values() if is_error]
    assert refused == [f"Not called: one reply may have {MAX_CALLS} calls."] * 2


def test_a_tool_that_is_not_there() -> None:
    host, results = made(use("nonsense"), use("t"), tools=[MadeTool("t")])
    assert results == {
        "1-0": ("There is no tool nonsense. The tools are: t.", True),
        "1-1": ("found", False),
    }
    assert ("begin", "1-0") not in host.steps


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (InvalidArguments('"id" is missing.'), 'Not called. "id" is missing.'),
        (ToolFault("The shop is closed."), "The shop is closed."),
        (KeyError("hunter2"), "t failed. It may or may not have taken effect."),
        (SystemExit(3), "t failed. It may or may not have taken effect."),
    ],
)
def test_what_went_wrong_is_told_to_the_model_and_nothing_else(
    fault: BaseException, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    _, results = made(use("t"), tools=[MadeTool("t", raising(fault))])
    assert results == {"1-0": (said, True)}
    assert "hunter2" not in caplog.text


def test_a_call_that_is_late_is_given_up() -> None:
    for repeatable, said in (
        (True, "t gave no result within 0.05 s."),
        (False, "t gave no result within 0.05 s. Whether it took effect is not known."),
    ):
        over = threading.Event()
        tool = MadeTool(
            "t", lambda over=over: str(over.wait(PATIENCE)), repeatable=repeatable, timeout=0.05
        )
        _, results = made(use("t"), tools=[tool])
        over.set()
        assert results == {"1-0": (said, True)}


def test_a_long_result_is_kept_and_the_model_gets_its_beginning() -> None:
    long = "x" * (MAX_RESULT + 1)
    host, results = made(use("t"), tools=[MadeTool("t", lambda: long)])
    said, is_error = results["1-0"]
    assert said.startswith("x" * EXCERPT + "\n[")
    assert str(len(long)) in said
    assert len(said) < EXCERPT + 200
    assert (host.kept, is_error) == ({"1-0": long}, False)
    assert host.notes[1]["artifact"] == "kept/1-0"


def test_a_result_that_just_fits_is_noted_whole() -> None:
    host, results = made(use("t"), tools=[MadeTool("t", lambda: "x" * MAX_RESULT)])
    assert len(results["1-0"][0]) == MAX_RESULT
    assert host.kept == {}


def test_of_an_enormous_result_so_much_is_kept() -> None:
    host, _ = made(use("t"), tools=[MadeTool("t", lambda: "x" * (MAX_KEPT + 5))])
    assert len(host.kept["1-0"]) == MAX_KEPT


def test_an_empty_result_can_be_told() -> None:
    host, results = made(use("t"), tools=[MadeTool("t", lambda: "")])
    assert results == {"1-0": ("", False)}
    result = host.model.last[-1]["content"]
    assert result == [{"type": "tool_result", "tool_use_id": "toolu_t"}]


# -- stops --------------------------------------------------------------------------------------


def test_a_stop_does_not_wait_for_a_tool() -> None:
    over = threading.Event()
    host = Paper(SaidModel(answer(use("quick"), use("slow"))))
    tools = [MadeTool("slow", lambda: str(over.wait(PATIENCE))), MadeTool("quick")]
    events = turn(host, *tools).run()
    seen = [next(events), next(events), next(events)]
    host.stop()
    with pytest.raises(Enough):
        next(events)
    over.set()
    assert ended(seen) == {"1-0": ("found", False)}
    assert host.steps[-1] == ("result", "1-0")


def test_when_time_runs_out_between_two_calls_the_second_is_not_noted_as_begun() -> None:
    host = Paper(SaidModel(answer(use("a"), use("b"))))
    late = MadeTool("b", parallel=False)

    def work() -> str:
        host.left = 1
        return "found"

    with pytest.raises(Enough):
        run(host, MadeTool("a", work, parallel=False, timeout=0.5), late)
    assert host.steps == [("reply", ""), ("begin", "1-0"), ("result", "1-0")]
    assert late.calls == []


def test_when_there_is_no_time_for_a_call_its_reply_is_noted_and_nothing_begins() -> None:
    host, tool = Paper(SaidModel(answer("Hm.", use("t")))), MadeTool("t", timeout=900)
    host.left = 800
    with pytest.raises(Enough):
        run(host, tool)
    assert (host.steps, tool.calls) == ([("reply", "Hm.")], [])


def test_a_worker_whose_time_is_over_does_not_blame_the_tool() -> None:
    host = Paper(SaidModel(answer(use("t"))))
    over = threading.Event()

    def work() -> str:
        host.left = 0
        return str(over.wait(PATIENCE))

    with pytest.raises(Enough):
        run(host, MadeTool("t", work, timeout=0.05))
    over.set()
    assert host.diary[-1] == ("ready", 0, True)


# -- taking over --------------------------------------------------------------------------------


def taken_over(
    marks: list[str], results: list[str], tools: Any, *blocks: Any
) -> tuple[Paper, list[TurnEvent]]:
    """A turn whose worker died after its first reply."""
    reply = {"role": "assistant", "content": list(blocks), "said": ""}
    noted = [
        {"role": "tool", "call": call, "call_id": f"toolu_{call}", "name": "t", "text": "was"}
        for call in results
    ]
    host = Paper(SaidModel(answer("Done")), marks=marks)
    return host, run(host, *tools, progress=[reply, *noted])


@pytest.mark.parametrize("repeatable", [True, False])
@pytest.mark.parametrize("marked", [True, False])
def test_a_call_that_was_interrupted_runs_again_only_if_it_may(
    repeatable: bool, marked: bool
) -> None:
    tool = MadeTool("t", repeatable=repeatable)
    host, events = taken_over(["1-0"] if marked else [], [], [tool], use("t", "toolu_1-0"))
    unknown = marked and not repeatable
    assert len(tool.calls) == (0 if unknown else 1)
    assert ended(events) == {"1-0": (INTERRUPTED, True) if unknown else ("found", False)}
    assert host.steps == [*([] if unknown else [("begin", "1-0")]), ("result", "1-0")]


def test_of_several_calls_only_those_without_a_result_are_taken_up() -> None:
    tools = [MadeTool("t", repeatable=True), MadeTool("once")]
    blocks = [use("t", "toolu_1-0"), use("once", "toolu_1-1"), use("t", "toolu_1-2")]
    host, events = taken_over(["1-0", "1-1", "1-2"], ["1-2"], tools, *blocks)
    assert ended(events) == {
        "1-0": ("found", False),
        "1-1": (INTERRUPTED, True),
    }
    answers = host.model.last[-1]["content"]
    assert sorted(block["tool_use_id"] for block in answers) == [b["id"] for b in blocks]


def test_a_call_that_is_taken_up_is_announced_again() -> None:
    _, events = taken_over(["1-0"], [], [MadeTool("t", repeatable=True)], use("t", "toolu_1-0"))
    assert events[0] == ToolStarted("1-0", "t", {})


def test_a_call_that_had_begun_when_the_agent_still_had_the_tool() -> None:
    host, events = taken_over(["1-0"], [], [MadeTool("other")], use("t", "toolu_1-0"))
    assert ended(events) == {"1-0": (INTERRUPTED, True)}
    assert host.steps == [("result", "1-0")]
