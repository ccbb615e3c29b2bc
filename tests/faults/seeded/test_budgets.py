"""A tenant's budget under many turns at once, in several processes; and what the counters say then.

`test_seeds.py` has the counters under faults: they are part of the audit.
"""

from collections import Counter
from pathlib import Path
from typing import Any, cast

import pytest

from shared.conversations.usage import Ledger, day_of, shards
from shared.mailbox.log import Log
from shared.models.port import ModelRequest
from tests.faults.seeded.audit import TENANT
from tests.faults.seeded.calm import Calm, calm
from tests.faults.seeded.client import Client
from tests.faults.seeded.counters import broken_counters
from tests.faults.seeded.model import USAGE, Plan, Saying
from tests.simulation.hub import SimClock

TURNS = 20
CALL = USAGE.cost_nano_usd or 0
WITHIN = 47
"""Calls that the budget pays for: after two of each turn, and before the third of each."""

BUDGET = {"TENANT_USD_PER_DAY": f"{WITHIN * CALL / 1e9:.9f}"}


class Watched:
    """Writes down which turns ask the model when the counters say that the budget is used up."""

    def __init__(self, scene: Calm) -> None:
        self.late: Counter[str] = Counter()
        self._scene = scene
        self._model = cast(Any, scene.world.model)
        self._ask = self._model.stream
        self._model.stream = self.stream

    def spent(self) -> int:
        keys = shards(TENANT, day_of(SimClock.EPOCH_MS))
        found = self._scene.world.table().get(keys)
        return sum(item.attrs["cost"] for item in found if item)

    def stream(self, request: ModelRequest, *, seconds_left: float) -> Saying:
        reached = self.spent() >= WITHIN * CALL
        calls = self._scene.world.diary.model_calls
        before = len(calls)
        said: Saying = self._ask(request, seconds_left=seconds_left)
        if reached:
            self.late[calls[before][1]] += 1
        return said


def busy(scene: Calm, seed: int) -> None:
    """Turns of as many conversations, all at once, each of which would make seven calls."""
    rng = scene.world.rng
    for _ in range(TURNS - 1):
        scene.clients.append(Client(scene.world, "ann", truncates=True))
        scene.join(scene.clients[-1])
    plans = [
        Plan([["look"]] * 6, tokens=rng.choice([1, 4]), pace=rng.choice([0.0, 0.05]), seconds=0.3)
        for _ in scene.clients
    ]
    turns = [
        scene.send(f"q{number}", plan, client)
        for number, (plan, client) in enumerate(zip(plans, scene.clients, strict=True))
    ]
    scene.until(lambda: all(turn.terminal is not None for turn in turns))
    scene.pass_time(60.0)


@pytest.mark.parametrize("seed", range(4))
def test_each_turn_makes_one_call_at_most_when_the_budget_is_used_up(
    seed: int, tmp_path: Path
) -> None:
    with calm(seed, tmp_path, None, **BUDGET) as scene:
        watched = Watched(scene)
        busy(scene, seed)
        calls = scene.world.diary.model_calls
        assert len({turn for _, turn in calls}) == TURNS, "all of them have begun"
        assert WITHIN <= len(calls) <= WITHIN + TURNS
        assert max(watched.late.values(), default=0) <= 1
        audit = scene.audit()
        assert {job.outcome for job in audit.jobs.values()} == {"failed"}
        assert {audit.result(turn)["error"]["code"] for turn in audit.jobs} == {"BUDGET_EXCEEDED"}
        assert watched.spent() == len(calls) * CALL
        assert list(broken_counters(audit, TENANT)) == []


def test_with_something_left_all_of_them_have_their_replies(tmp_path: Path) -> None:
    with calm(0, tmp_path, TENANT_USD_PER_DAY="1") as scene:
        busy(scene, 0)
        assert {job.outcome for job in scene.audit().jobs.values()} == {"completed"}
        assert scene.audit().all() == []


# -- the tests find what they are there for --------------------------------------------------------


def test_without_a_look_at_the_counters_turns_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ledger, "check", lambda *_, **__: None)
    with calm(0, tmp_path, None, **BUDGET) as scene:
        watched = Watched(scene)
        busy(scene, 0)
        assert max(watched.late.values()) > 1


def test_steps_that_count_twice_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    end = Ledger.add
    monkeypatch.setattr(
        Ledger, "end", lambda self, job, cost: end(self, job.key.tenant, job.key.id, cost)
    )
    assert any("counters say" in each for each in audited(tmp_path))


def test_steps_that_are_not_counted_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append: Any = Log.append
    monkeypatch.setattr(
        Log, "append", lambda *args, **named: append(*args, **{**named, "beside": ()})
    )
    assert any("counters say" in each for each in audited(tmp_path))


def audited(folder: Path) -> list[str]:
    """What the audit says of one turn with a budget."""
    with calm(0, folder, TENANT_USD_PER_DAY="1") as scene:
        turn = scene.send("q0", Plan([["look"]], tokens=2, pace=0.0, seconds=0.1))
        scene.until(lambda: turn.terminal is not None)
        scene.pass_time(60.0)
        return scene.audit().all()
