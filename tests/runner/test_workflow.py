"""Where in a workflow a conversation is, how it moves, and what the agent is told of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.runner.workflow import MAX_TRIES, Place, Verdict, told_workflow

IDS = ["find", "solve", "thank"]
VERDICTS: list[Verdict] = ["yes", "no", "maybe"]


@dataclass(frozen=True)
class Stage:
    id: str
    intent: str
    criteria: str


@dataclass(frozen=True)
class Plan:
    goal: str
    steps: Sequence[Stage]


PLAN = Plan("Solve the\n  problem.", [Stage(name, f"Do {name}", f"{name} is done") for name in IDS])


def at(step: str, **fields: int) -> Place:
    return Place.of(IDS, {"step": step, "tries": 0, "version": 0, "done": False, **fields})


# -- moving -------------------------------------------------------------------------------------


def test_a_conversation_begins_at_the_first_step() -> None:
    assert Place.of(IDS, None) == Place(step="find", tries=0, version=0, done=False)


def test_a_yes_leads_to_the_next_step() -> None:
    assert at("find", tries=2, version=4).after(IDS, "yes") == at("solve", version=5)


@pytest.mark.parametrize("verdict", ["no", "maybe"])
def test_anything_else_stays_and_is_counted(verdict: Verdict) -> None:
    assert at("find").after(IDS, verdict) == at("find", tries=1, version=1)


def test_after_three_turns_it_goes_on_anyway() -> None:
    place = at("find")
    for _ in range(MAX_TRIES - 1):
        place = place.after(IDS, "no")
        assert place.step == "find"
    place = place.after(IDS, "maybe")
    assert place == at("solve", version=3)


def test_behind_the_last_step_the_goal_is_reached() -> None:
    place = at("thank", tries=1, version=7).after(IDS, "yes")
    assert place == Place(step="thank", tries=0, version=8, done=True)
    assert Place.of(IDS, place.to_dict()) == place


def test_a_step_that_is_gone_is_the_first_one_and_the_versions_go_on() -> None:
    gone = {"step": "greet", "tries": 2, "version": 9, "done": True}
    assert Place.of(IDS, gone) == Place(step="find", tries=0, version=9)


@given(st.lists(st.sampled_from(VERDICTS), max_size=12))
def test_it_only_ever_goes_forward_and_reaches_the_goal(verdicts: list[Verdict]) -> None:
    place = Place.of(IDS, None)
    for number, verdict in enumerate(verdicts, 1):
        before, place = place, place.after(IDS, verdict)
        assert place.version == number
        moved = IDS.index(place.step) - IDS.index(before.step)
        assert moved in (0, 1)
        assert (moved == 1 or place.done) == (verdict == "yes" or before.tries == MAX_TRIES - 1)
        if place.done:
            assert IDS.index(place.step) == len(IDS) - 1
            return
    assert len(verdicts) < MAX_TRIES * len(IDS)


# -- what the agent is told ---------------------------------------------------------------------


def test_the_agent_is_told_the_goal_all_steps_and_the_one_to_take() -> None:
    told = told_workflow(PLAN, at("solve"))
    assert "The goal: Solve the problem.\n" in told
    assert "1. Do find\n2. Do solve\n3. Do thank\n" in told
    assert "The step to take now is number 2: Do solve\n" in told
    assert "It is done when this holds: solve is done\n" in told
    assert "Never mention the goal, the steps" in told
    assert "find is done" not in told
    assert "thank is done" not in told


def test_the_agent_is_told_that_the_goal_is_reached() -> None:
    told = told_workflow(PLAN, Place(step="thank", done=True))
    assert "Solve the problem." in told
    assert "Do find" not in told
    assert "thank is done" not in told


@pytest.mark.parametrize("text", ["100 {}% {0} {name}", "{", "}}"])
def test_texts_are_told_to_the_letter(text: str) -> None:
    plan = Plan(text, [Stage("find", text, text)])
    assert told_workflow(plan, at("find")).count(text) == 4
    assert text in told_workflow(plan, Place(step="find", done=True))
