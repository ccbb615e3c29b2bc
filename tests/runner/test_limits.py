"""What an agent's turns may take, wherever they run."""

from typing import Any

import pytest

from shared.errors import TurnFailed
from shared.models.port import ModelError, TextDelta, Usage
from shared.runner.events import Reply
from shared.runner.in_process import Agent, InProcessRunner
from shared.runner.limits import NO_LIMITS, Limits, used_up
from tests.runner.said import COST, MadeTool, SaidModel, answer, use
from tests.runner.test_in_process import ANN
from tests.support.clock import FakeClock

CALL = COST.cost_nano_usd or 0


def runner(model: SaidModel, limits: Limits, *tools: MadeTool, **more: Any) -> InProcessRunner:
    agent = Agent(instructions="Be kind.", model="m", limits=limits)
    return InProcessRunner(agent=agent, model=model, tools=tools, **more)


def say(door: InProcessRunner) -> list[Any]:
    return list(door.run("s", "Hi", principal=ANN))


def refusal(door: InProcessRunner) -> TurnFailed:
    with pytest.raises(TurnFailed) as caught:
        say(door)
    return caught.value


# -- what may be spent --------------------------------------------------------------------------


@pytest.mark.parametrize(("limit", "calls"), [(1, 1), (CALL, 1), (CALL + 1, 2), (2 * CALL, 2)])
def test_a_turn_makes_no_call_when_its_budget_is_used_up(limit: int, calls: int) -> None:
    model = SaidModel(*[answer(use("look_up", f"c{n}")) for n in range(9)])
    fault = refusal(runner(model, Limits(turn_nano_usd=limit), MadeTool()))
    assert (fault.error_code, fault.is_retryable) == ("BUDGET_EXCEEDED", False)
    assert (fault.message, fault.details) == (
        "The budget of this turn is used up.",
        {"limit": "turn"},
    )
    assert len(model.requests) == calls


def test_the_last_call_may_go_beyond_it() -> None:
    """What a call costs is known when it has been made."""
    model = SaidModel(answer(use("look_up")), answer("Found."))
    events = say(runner(model, Limits(turn_nano_usd=CALL + 1), MadeTool()))
    assert isinstance(events[-1], Reply)
    assert events[-1].usage.cost_nano_usd == 2 * CALL


def test_each_turn_has_its_own() -> None:
    model = SaidModel(*[answer("Yes.") for _ in range(3)])
    door = runner(model, Limits(turn_nano_usd=1))
    for _ in range(3):
        assert isinstance(say(door)[-1], Reply)


def test_what_broke_off_counts_before_the_next_try() -> None:
    broken = [TextDelta("I thi"), ModelError("cut", retryable=True, usage=COST)]
    model = SaidModel(broken, answer("Never."))
    assert refusal(runner(model, Limits(turn_nano_usd=CALL))).details == {"limit": "turn"}
    assert len(model.requests) == 1


@pytest.mark.parametrize(
    ("earlier", "turn", "said"),
    [
        (0, 4_999, None),
        (4_999, 0, None),
        (5_000, 0, "The budget of this conversation is used up. Begin a new one."),
        (4_000, 1_000, "The budget of this conversation is used up. Begin a new one."),
    ],
)
def test_the_turns_of_a_conversation_share_one(earlier: int, turn: int, said: str | None) -> None:
    limits = Limits(conversation_nano_usd=5_000)
    if said is None:
        limits.check(Usage(cost_nano_usd=turn), earlier)
        return
    with pytest.raises(TurnFailed) as caught:
        limits.check(Usage(cost_nano_usd=turn), earlier)
    assert (caught.value.message, caught.value.details) == (said, {"limit": "conversation"})


def test_each_budget_has_its_words() -> None:
    assert len({used_up(limit).message for limit in ("turn", "conversation", "tenant")}) == 3


@pytest.mark.parametrize(
    "limits", [Limits(turn_nano_usd=10**9), Limits(conversation_nano_usd=10**9)]
)
def test_what_nobody_can_count_is_not_spent_on(limits: Limits) -> None:
    with pytest.raises(TurnFailed, match="price of this turn's model is not known") as caught:
        limits.check(Usage(cost_nano_usd=None))
    assert caught.value.error_code == "AGENT_ERROR"


@pytest.mark.parametrize("limits", [NO_LIMITS, Limits(turn_seconds=5)])
def test_without_a_limit_in_dollars_prices_do_not_matter(limits: Limits) -> None:
    assert not limits.in_dollars
    limits.check(Usage(cost_nano_usd=None), 10**18)


# -- time ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("own", "general", "steps"), [(25.0, 600.0, 3), (600.0, 25.0, 3), (None, 25.0, 3)]
)
def test_the_shorter_time_counts(own: float | None, general: float, steps: int) -> None:
    clock = FakeClock()

    def work() -> str:
        clock.sleep(10)
        return "found"

    model = SaidModel(*[answer(use("look_up", f"c{n}")) for n in range(9)])
    tool = MadeTool(work=work)
    door = runner(model, Limits(turn_seconds=own), tool, clock=clock, turn_seconds=general)
    with pytest.raises(ModelError) as caught:
        say(door)
    assert caught.value.error_code == "TURN_TIMEOUT"
    assert len(model.requests) == steps
