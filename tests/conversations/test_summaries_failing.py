"""Summaries that cannot be made, come too late, or meet a store that fails."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.conversations.items import DELETING
from shared.conversations.summaries import MAX_WORDS
from shared.conversations.usage import Ledger
from shared.models.port import ModelError, Usage
from shared.storage.expressions import Assign
from shared.storage.table import Delete, Update
from tests.conversations.memory_rig import META, SPENT, LogRig
from tests.support.faults import Call, Fault


@pytest.fixture
def log(tmp_path: Path) -> Iterator[LogRig]:
    made = LogRig(tmp_path)
    yield made
    made.rig.engine.close()


@pytest.mark.parametrize("reason", ["refusal", "end_turn"])
def test_a_model_without_words_changes_nothing_and_is_paid(log: LogRig, reason: str) -> None:
    log.talk(30)
    log.keeper.stop_reason = reason
    log.keeper.says = lambda _: "No." if reason == "refusal" else " \n"
    log.queue()
    log.make()
    assert (log.summary, log.state, log.cost()) == (None, (None, 0), 500)
    assert (log.outcomes, log.at_rest()) == (["failed"], True)


def test_a_failure_changes_nothing_and_the_next_job_does_it(log: LogRig) -> None:
    log.talk(30)
    log.keeper.faults = [ModelError("Down.", usage=Usage(7, 0, cost_nano_usd=30))]
    log.queue("t1")
    log.make()
    assert (log.summary, log.state, log.cost(), log.outcomes) == (None, (None, 0), 30, ["failed"])
    log.queue("t2")
    log.make()
    assert log.summary is not None
    assert log.outcomes == ["failed", "completed"]


def test_nothing_is_asked_when_the_budget_is_used_up(log: LogRig) -> None:
    log.talk(30)
    ledger = Ledger(log.rig.clock, limit=0)
    log.use(ledger)
    log.queue()
    log.make()
    assert (log.keeper.requests, log.summary, log.outcomes) == ([], None, ["failed"])


def test_the_rate_of_the_model_holds(log: LogRig) -> None:
    class Rates:
        taken: list[tuple[str, str]] = []

        def take(self, tenant: str, model: str) -> None:
            self.taken.append((tenant, model))
            raise ModelError("Too many.", code="RATE_LIMITED")

    log.talk(30)
    log.use(rates=Rates())
    log.queue(model="m")
    log.make()
    assert (Rates.taken, log.keeper.requests) == ([("acme", "m")], [])
    assert (log.summary, log.outcomes) == (None, ["failed"])


@pytest.mark.parametrize("how", ["gone", "going"])
@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_deleted_conversation_stays_deleted(log: LogRig, how: str, when: str) -> None:
    log.talk(30)

    def delete() -> None:
        going = Update(META, [Assign((DELETING,), 1)])
        log.rig.table.write([Delete(META) if how == "gone" else going])

    if when == "before":
        delete()
    log.keeper.during = delete
    log.queue()
    log.make()
    assert log.summary is None
    assert log.meta is None or "summary" not in log.meta.attrs
    assert log.cost() == (0 if when == "before" else SPENT.cost_nano_usd)
    assert log.at_rest()


def test_a_summary_that_comes_late_does_not_replace_a_newer_one(log: LogRig) -> None:
    log.talk(30)
    log.keeper.during = lambda: log.rig.table.write([Update(META, [Assign(("summary",), 58)])])
    log.queue()
    log.make()
    assert (log.summary, log.state[0], log.cost()) == (None, 58, 500)


@pytest.mark.parametrize("fault", [Fault.LOST_REQUEST, Fault.LOST_ANSWER])
def test_an_answer_of_the_store_that_is_lost_counts_nothing_twice(
    log: LogRig, fault: Fault
) -> None:
    log.talk(30)
    lost: list[str] = []

    def plan(call: Call) -> Fault | None:
        kinds = [operation.key.pk.split("#")[0] for operation in call.operations]
        if {"MEMORY", "USAGE"} <= set(kinds) and not lost:
            lost.extend(kinds)
            return fault
        return None

    log.queue()
    log.rig.plan = plan
    log.make()
    assert lost
    assert log.summary is not None
    assert (log.cost(), log.outcomes, log.at_rest()) == (500, ["completed"], True)


def test_what_was_taken_in_before_a_failure_is_kept(tmp_path: Path) -> None:
    log = LogRig(tmp_path, budget=4000)
    for _ in range(40):
        log.log({"role": "user", "text": "漢" * MAX_WORDS}, {"role": "assistant", "text": "yes"})
    log.keeper.faults = [None, ModelError("Down.")]
    log.queue()
    log.make()
    assert log.summary is not None
    assert log.summary[1] == "Summary 1."
    assert 0 < log.summary[0] < 78
    assert log.outcomes == ["completed"]
    log.rig.engine.close()


def test_a_worker_that_dies_is_followed_by_another(log: LogRig) -> None:
    """It was killed when the model had answered and nothing was written."""

    class Killed(BaseException):
        pass

    def die() -> None:
        log.keeper.during = lambda: None
        raise Killed

    log.talk(30)
    log.queue()
    log.keeper.during = die
    with pytest.raises(Killed):
        log.make()
    assert (log.summary, log.outcomes) == (None, [None])
    log.rig.wait(60)
    log.make()
    assert log.summary is not None
    assert (log.cost(), log.outcomes, log.at_rest()) == (500, ["completed"], True)
