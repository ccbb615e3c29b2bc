"""Calls that wait among others: what runs before, beside and after them, and after a crash."""

import pytest

from shared.runner.calls import INTERRUPTED, MAX_CALLS
from shared.runner.events import ToolEnded, ToolStarted
from shared.runner.prompts import DENIED, VERIFIED, Answer, Parked, digest_of
from tests.runner.paper import Enough, Paper, run, turn
from tests.runner.parking import (
    ASK,
    KNOWN,
    approved,
    host_of,
    parked,
    results,
    successor,
    taken_up,
)
from tests.runner.said import MadeTool, answer, use

GATES = {"refund": ASK}
TOOLS = ("a", "b", "c", "d")


def plain() -> list[MadeTool]:
    return [MadeTool(name) for name in TOOLS]


def approve(host: Paper) -> dict[str, Answer]:
    prompt = host.prompts[-1]
    return {prompt.key: approved(prompt)}


def test_a_call_that_waits_stands_alone_between_those_beside_each_other() -> None:
    refund = MadeTool("refund")
    host = host_of(*[use(name) for name in ("a", "b", "refund", "c", "d")])
    parked(host, *plain(), refund, gates=GATES)
    assert host.steps[:2] == [("reply", ""), ("begin", "1-0", "1-1")]
    assert sorted(host.steps[2:]) == [("result", "1-0"), ("result", "1-1")]

    other, events = taken_up(host, *plain(), refund, answers=approve(host), gates=GATES)
    assert len(refund.calls) == 1
    # What comes after it begins with the write of its result, and not before.
    assert other.steps[:3] == [("begin", "1-2"), ("result", "1-2"), ("begin", "1-3", "1-4")]
    assert sorted(other.steps[3:]) == [("result", "1-3"), ("result", "1-4")]
    assert set(results(events)) == {"1-2", "1-3", "1-4"}


def test_a_call_that_was_declined_lets_the_next_begin() -> None:
    host = host_of(use("refund"), use("a"))
    parked(host, *plain(), MadeTool("refund"), gates=GATES)
    answers = {"1-0": Answer(what=DENIED)}
    other, _ = taken_up(host, *plain(), MadeTool("refund"), answers=answers, gates=GATES)
    assert other.steps == [("result", "1-0"), ("begin", "1-1"), ("result", "1-1")]


def test_nothing_begins_while_somebody_is_asked() -> None:
    host, later = host_of(use("refund"), use("a")), MadeTool("a")
    events = parked(host, MadeTool("refund"), later, gates=GATES)
    assert (events, host.steps, later.calls) == ([], [("reply", "")], [])
    assert host.marks == set()


def test_a_call_begins_only_with_what_was_approved() -> None:
    host, tool = host_of(use("refund", order="42")), MadeTool("refund")
    parked(host, tool, gates=GATES)
    prompt = host.prompts[-1]
    other, _ = taken_up(host, tool, answers=approve(host), gates=GATES)
    assert other.approved == {"1-0": digest_of(prompt.call)}
    assert other.steps[0] == ("begin", "1-0")


def test_a_call_that_needs_a_code_only_begins_without_an_approval() -> None:
    host, tool = host_of(use("refund")), MadeTool("refund")
    parked(host, tool, gates={"refund": KNOWN})
    answers = {"1-0-code": Answer(what=VERIFIED)}
    other, events = taken_up(host, tool, answers=answers, gates={"refund": KNOWN})
    assert other.approved == {}
    # The prompt of a code says nothing of the call, so the call itself is announced.
    assert events[0] == ToolStarted("1-0", "refund", {})


def test_whoever_takes_up_an_answered_turn_asks_neither_people_nor_the_model_again() -> None:
    host, tool = host_of(use("refund")), MadeTool("refund")
    parked(host, tool, gates=GATES)
    other, _ = taken_up(host, tool, answers=approve(host), gates=GATES)
    assert other.prompts == []
    assert len(host.model.requests) == 2


def test_whoever_takes_up_an_unanswered_turn_asks_the_same() -> None:
    host, tool = host_of(use("refund", order="42")), MadeTool("refund")
    parked(host, tool, gates=GATES)
    other = successor(host)
    parked(other, tool, gates=GATES, progress=tuple(host.notes))
    assert other.prompts == host.prompts
    assert len(host.model.requests) == 1


def test_a_call_that_clients_saw_with_its_prompt_is_announced_once() -> None:
    host, tool = host_of(use("refund")), MadeTool("refund")
    assert parked(host, tool, gates=GATES) == []
    _, events = taken_up(host, tool, answers=approve(host), gates=GATES)
    assert [type(event) for event in events[:1]] == [ToolEnded]


def test_two_calls_that_wait_are_asked_about_one_after_the_other() -> None:
    tool = MadeTool("refund")
    host = host_of(use("refund", "x", order="1"), use("refund", "y", order="2"))
    parked(host, tool, gates=GATES)
    assert [prompt.key for prompt in host.prompts] == ["1-0"]
    host.answers |= approve(host)
    second = successor(host)
    parked(second, tool, gates=GATES, progress=tuple(host.notes))
    assert [prompt.key for prompt in second.prompts] == ["1-1"]
    assert tool.calls == [{"order": "1"}]
    assert second.steps == [("begin", "1-0"), ("result", "1-0")]


# -- crashes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("repeatable", [True, False])
def test_a_call_that_a_crash_interrupted(repeatable: bool) -> None:
    host = host_of(use("refund"))
    tool = MadeTool("refund", repeatable=repeatable)
    parked(host, tool, gates=GATES)
    host.marks.add("1-0")
    other, events = taken_up(host, tool, answers=approve(host), gates=GATES)
    assert results(events) == {"1-0": ("found", False) if repeatable else (INTERRUPTED, True)}
    assert len(tool.calls) == repeatable
    assert other.prompts == []
    assert not any(isinstance(event, ToolStarted) for event in events)
    # Made again, it needs the very same approval.
    assert other.approved == ({"1-0": digest_of(host.prompts[-1].call)} if repeatable else {})


def test_a_call_that_was_interrupted_is_not_asked_about() -> None:
    """It had been answered; nothing that is decided now could change what it did."""
    host, tool = host_of(use("refund")), MadeTool("refund")
    parked(host, tool, gates=GATES)
    host.marks.add("1-0")
    other, events = taken_up(host, tool, gates=GATES)
    assert (other.prompts, results(events)) == ([], {"1-0": (INTERRUPTED, True)})


def test_a_known_users_call_that_was_interrupted_is_announced_again() -> None:
    """Nobody knows whether its beginning was sent, as with a call that waits for nobody."""
    tool = MadeTool("refund")
    noted = {"role": "assistant", "content": [use("refund")], "said": ""}
    host = Paper(host_of(use("a")).model, marks=["1-0"])
    host.model.answers = [answer("Done")]
    host.is_known = True
    events = run(host, tool, gates={"refund": KNOWN}, progress=[noted])
    assert events[0] == ToolStarted("1-0", "refund", {})
    assert results(events) == {"1-0": (INTERRUPTED, True)}


# -- what cannot be made ----------------------------------------------------------------------


def test_a_tool_that_is_gone_when_its_call_is_approved() -> None:
    host = host_of(use("refund"))
    parked(host, MadeTool("refund"), gates=GATES)
    other, events = taken_up(host, MadeTool("a"), answers=approve(host), gates=GATES)
    assert results(events) == {"1-0": ("There is no tool refund. The tools are: a.", True)}
    assert not any(isinstance(event, ToolStarted) for event in events)
    assert other.steps == [("result", "1-0")]


def test_a_tool_that_is_gone_when_its_call_was_interrupted() -> None:
    host = host_of(use("refund"))
    parked(host, MadeTool("refund"), gates=GATES)
    host.marks.add("1-0")
    _, events = taken_up(host, MadeTool("a"), answers=approve(host), gates=GATES)
    assert results(events) == {"1-0": (INTERRUPTED, True)}


def test_nobody_is_asked_about_a_tool_that_is_not_there() -> None:
    host = host_of(use("refund"))
    events = run(host, MadeTool("a"), gates=GATES)
    assert results(events) == {"1-0": ("There is no tool refund. The tools are: a.", True)}
    assert host.prompts == []


def test_nobody_is_asked_about_a_call_beyond_the_limit() -> None:
    calls = [use("a", f"x{number}") for number in range(MAX_CALLS)]
    host = host_of(*calls, use("refund"))
    events = run(host, MadeTool("a"), MadeTool("refund"), gates=GATES)
    assert results(events)[f"1-{MAX_CALLS}"][0].startswith("Not called: one reply may have")
    assert host.prompts == []


def test_an_approved_call_is_left_to_a_worker_that_has_time_for_it() -> None:
    host, tool = host_of(use("refund")), MadeTool("refund", timeout=900)
    parked(host, tool, gates=GATES)
    other = successor(host, approve(host))
    other.left = 800
    with pytest.raises(Enough):
        list(turn(other, tool, gates=GATES, progress=tuple(host.notes)).run())
    assert (other.steps, tool.calls) == ([], [])


def test_a_reply_is_noted_before_anybody_is_asked() -> None:
    host = host_of("I will.", use("refund"))
    with pytest.raises(Parked):
        run(host, MadeTool("refund"), gates=GATES)
    assert [note["said"] for note in host.notes] == ["I will."]


def test_a_call_that_was_approved_before_its_prompt_was_shown_shows_no_secrets() -> None:
    host, tool = host_of(use("refund", order="42", password="hunter2")), MadeTool("refund")
    parked(host, tool, gates=GATES)
    other = successor(host, approve(host))
    other.prompted = set()
    events = run(other, tool, gates=GATES, progress=tuple(host.notes))
    assert events[0] == ToolStarted("1-0", "refund", {"order": "42", "password": "[redacted]"})
    assert tool.calls == [{"order": "42", "password": "hunter2"}]
