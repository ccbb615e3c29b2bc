"""What turns under a lease may take and what they say that they cost, however they end."""

import json
from pathlib import Path
from typing import Any

import pytest

from shared.conversations.items import meta_key
from shared.conversations.usage import Costs
from shared.conversations.usage_reports import Used
from shared.identity.credentials import LOCAL
from shared.models.port import ModelError, TextDelta, Usage
from shared.runner.limits import Limits
from shared.storage.sqlite import SqliteTable
from tests.conversations.rig import box, text_of
from tests.conversations.spender import CALL, Desk, calls, steps
from tests.conversations.test_tool_turns import napping
from tests.runner.said import COST, answer
from tests.wire.scene import Scene


@pytest.fixture
def desk(scene: Scene) -> Desk:
    return Desk(scene)


@pytest.fixture
def limited(engine: SqliteTable, tmp_path: Path) -> Desk:
    """With a budget that pays for three calls."""
    return Desk(Scene(engine, tmp_path, TENANT_USD_PER_DAY=f"{3 * CALL / 1e9:.9f}"))


# -- usage, however it ends ---------------------------------------------------------------------

ENDS: dict[str, tuple[list[Any], str]] = {
    "completed": ([*steps(1), answer("Done")], "eventual_response"),
    "failed": ([*steps(1), [ModelError("No.", usage=COST)]], "error"),
}


@pytest.mark.parametrize("outcome", ENDS)
def test_every_turn_says_what_it_cost(desk: Desk, outcome: str) -> None:
    answers, kind = ENDS[outcome]
    desk.equip(*answers)
    desk.ask()
    assert desk.end()["type"] == kind
    said_what_it_cost(desk, 2)
    usage = {"promptTokens": 20, "completionTokens": 4, "costUsd": 2e-06}
    data = desk.end()["data"]
    told = data["details"]["usage"] if kind == "error" else data["data"]["usage"]
    assert told == usage


def test_a_stopped_turn_says_it_too_but_not_on_the_wire(desk: Desk) -> None:
    desk.equip(*steps(1), work=napping(desk.scene, 20))
    desk.scene.virtual.at(3, desk.stop)
    desk.ask()
    assert desk.end()["type"] == "cancelled"
    assert "usage" not in json.dumps(desk.end())
    said_what_it_cost(desk, 1)


def said_what_it_cost(desk: Desk, number: int) -> None:
    """The record, the view and both counters agree."""
    spent = desk.result()["spent"]
    assert (spent["input_tokens"], spent["cost_nano_usd"]) == (10 * number, CALL * number)
    assert desk.shown().usage["promptTokens"] == 10 * number
    assert desk.day == desk.conversation == calls(number) + Used(turns=1)


def test_a_turn_that_cost_nothing_says_nothing_of_it_in_its_error(desk: Desk) -> None:
    desk.equip([ModelError("No.")])
    desk.ask()
    assert desk.end()["data"]["details"] == {"retryable": False}
    assert desk.day == Used(turns=1)


def test_what_broke_off_is_known_to_the_next_worker(desk: Desk) -> None:
    """A note has the cost of what left none itself."""
    broken = [TextDelta("I thi"), ModelError("cut", retryable=True, usage=COST)]
    desk.equip(broken, *steps(1), answer("Done"), work=napping(desk.scene, 100), timeout=500)
    desk.ask(seconds=60)
    handler: Any = desk.scene.deployment.turn_handler
    handler._costs = Costs()
    desk.scene.work()
    said_what_it_cost(desk, 3)


# -- the agent's limits -------------------------------------------------------------------------


def test_the_turns_of_a_conversation_share_a_budget(desk: Desk) -> None:
    model = desk.equip(
        answer("One"), answer("Two"), answer("Never"), limits=Limits(conversation_nano_usd=2 * CALL)
    )
    for request_id in ("r1", "r2", "r3"):
        desk.ask(request_id)
    assert [text_of(desk.end(each)) for each in ("r1", "r2")] == ["One", "Two"]
    assert desk.end("r3")["error"]["code"] == "BUDGET_EXCEEDED"
    assert desk.end("r3")["data"]["details"] == {"limit": "conversation", "retryable": False}
    assert len(model.requests) == 2
    assert desk.conversation == calls(2) + Used(turns=3)


def test_a_turn_that_another_worker_goes_on_with_has_one_budget(desk: Desk) -> None:
    model = desk.equip(
        *steps(3),
        limits=Limits(turn_nano_usd=2 * CALL),
        work=napping(desk.scene, 100),
        timeout=500,
        repeatable=True,
    )
    desk.ask(seconds=60)
    assert len(model.requests) == 1
    desk.scene.work()
    assert desk.end()["data"]["details"]["limit"] == "turn"
    assert len(model.requests) == 2


@pytest.mark.parametrize(("own", "calls_made"), [(250.0, 3), (10_000.0, 7)])
def test_the_shorter_time_counts(desk: Desk, own: float, calls_made: int) -> None:
    """All turns may take 600 seconds."""
    model = desk.equip(
        *steps(20),
        limits=Limits(turn_seconds=own),
        work=napping(desk.scene, *[99.0] * 20),
        timeout=300,
    )
    desk.ask()
    desk.scene.work()
    assert desk.end()["error"]["code"] == "TURN_TIMEOUT"
    assert len(model.requests) == calls_made


# -- the tenant's budget ------------------------------------------------------------------------


def test_each_step_is_counted_before_the_next_call(limited: Desk) -> None:
    seen: list[Used] = []
    model = limited.equip(
        *[[lambda: seen.append(limited.day), *step] for step in steps(9)], parallel=False
    )
    limited.ask()
    assert seen == [calls(number) for number in range(3)]
    assert limited.end()["data"]["details"]["limit"] == "tenant"
    assert limited.day == limited.conversation == calls(3) + Used(turns=1)
    assert len(model.requests) == 3


def test_what_broke_off_counts_before_the_next_try(limited: Desk) -> None:
    spent = Usage(10, 2, cost_nano_usd=3 * CALL)
    broken = [TextDelta("I thi"), ModelError("cut", retryable=True, usage=spent)]
    model = limited.equip(broken, answer("Never"))
    limited.ask()
    assert limited.end()["error"]["code"] == "BUDGET_EXCEEDED"
    assert len(model.requests) == 1
    assert limited.day.cost == 3 * CALL


def test_what_others_have_spent_meanwhile_counts(limited: Desk) -> None:
    other = Usage(cost_nano_usd=2 * CALL)
    deployment = limited.scene.deployment

    def work() -> str:
        deployment.table.write([deployment.ledger.add(LOCAL.tenant, "c", other)])
        return "found"

    model = limited.equip(*steps(2), work=work)
    limited.ask()
    assert limited.end()["data"]["details"]["limit"] == "tenant"
    assert len(model.requests) == 1


def test_with_the_next_day_comes_the_next_budget(limited: Desk) -> None:
    limited.equip(*steps(9))
    limited.ask()
    limited.scene.virtual.pass_time(24 * 3600)
    limited.equip(answer("Good morning"))
    limited.ask("r2")
    assert text_of(limited.end("r2")) == "Good morning"


@pytest.mark.parametrize("limits", [Limits(turn_nano_usd=10**9), None])
def test_a_model_without_a_price_is_not_asked_where_there_is_a_budget(
    desk: Desk, limited: Desk, limits: Limits | None
) -> None:
    """A turn may have kept a configuration from before there was one."""
    place = desk if limits else limited
    model = place.equip(answer("Never"), limits=limits, model="house-model")
    place.ask()
    assert place.end()["error"]["code"] == "AGENT_ERROR"
    assert "MODEL_PRICES" in place.end()["error"]["message"]
    assert model.requests == []


def test_without_a_budget_it_is(desk: Desk) -> None:
    desk.equip(answer("Hello"), model="house-model")
    desk.ask()
    assert text_of(desk.end()) == "Hello"


def test_a_conversation_from_before_there_were_counters_has_spent_nothing(desk: Desk) -> None:
    item = desk.scene.deployment.table.get([meta_key(box(desk.scene, desk.session))])[0]
    assert item is not None
    assert "cost" not in item.attrs
    assert desk.conversation == Used()
