"""Long conversations: what the model is told when not everything fits any more."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from shared.conversations.summarising import AGAIN, summary_box
from shared.conversations.usage import Ledger
from shared.messaging.wakes import Wake
from shared.models.port import ModelError
from shared.runner.background import SUMMARY
from shared.runner.history import estimate_tokens
from shared.storage.sqlite import SqliteTable
from tests.conversations.long_talk import BUDGET, Long
from tests.conversations.rig import at_rest, box, text_of
from tests.runner.said import MadeTool, SaidModel, answer, use


@pytest.fixture
def long(engine: SqliteTable, tmp_path: Path) -> Long:
    return Long(engine, tmp_path)


def questions(long: Long) -> list[int]:
    """The numbers of the questions that the model was reminded of in the last turn."""
    words = " ".join(map(str, long.asked())).split("Question ")[1:]
    return [int(each.split(".")[0]) for each in words]


def test_what_has_been_said_is_known_in_its_words_or_in_short(long: Long) -> None:
    long.until_summary()
    assert long.summary is not None
    upto, text = long.summary
    assert text.startswith("Summary 1.")
    turns = upto // 2
    # Before, everything was in its words.
    assert questions(long) == list(range(1, long.number + 1))
    # Its size, in the weight, is that of the log.
    assert long.meta["weight"] == sum(map(estimate_tokens, long.log()))
    assert BUDGET < long.meta["weight"] < BUDGET + 100
    assert long.meta["weight"] - long.meta["summary_weight"] <= BUDGET // 2
    standing = long.log()[upto:]
    assert long.meta["weight"] - long.meta["summary_weight"] == sum(map(estimate_tokens, standing))

    long.say()
    assert long.asked()[0].startswith(SUMMARY)
    assert "Summary 1." in long.asked()[0]
    assert questions(long) == list(range(turns + 1, long.number + 1))
    assert len(long.log()) == 2 * long.number
    assert at_rest(long.scene, long.session)


def test_a_cold_worker_knows_what_a_warm_one_does(long: Long) -> None:
    long.until_summary()
    for _ in range(12):
        long.say()
        warm = long.asked()
        long.begin()
        long.scene.connect("c1")
        long.say()
        assert long.asked()[: len(warm)] == warm
        long.scene.work()
        if long.summary is not None and "Summary 2." in long.summary[1]:
            return
    raise AssertionError("there was no second summary")


def test_each_summary_takes_in_the_one_before_and_the_log_stays(long: Long) -> None:
    for _ in range(60):
        long.say()
        long.scene.work()
        # As many as fit, and a summary of all others.
        first = questions(long)[0]
        if long.summary is not None and len(long.model.kept) > 1:
            assert first <= long.summary[0] // 2 + 1
    assert len(long.model.kept) >= 4
    for number, request in enumerate(long.model.kept[1:], start=1):
        assert f'"summary": "Summary {number}.' in request.messages[0]["content"]
    assert len(long.log()) == 120
    # It costs as much as it costs: counted, but not as turns.
    counters = Ledger(long.scene.clock).keys("local")
    partition = [item for item in long.scene.deployment.table.get(counters) if item]
    assert sum(item.attrs["turns"] for item in partition) == 60
    assert sum(item.attrs["cost"] for item in partition) == 1000 * (60 + len(long.model.kept))


def test_a_model_that_fails_is_asked_again_a_little_later(long: Long) -> None:
    long.model.faults = 2
    tries: list[tuple[int, int]] = []
    while long.summary is None:
        long.say()
        long.scene.work()
        tries.append((len(long.model.kept), long.meta["weight"]))
        assert long.number < 60
    assert len(long.model.kept) == 3
    weights = [next(weight for count, weight in tries if count == number) for number in (1, 2, 3)]
    assert all(after - before >= BUDGET // AGAIN for before, after in pairwise(weights))
    # What could not be told meanwhile is in the summary.
    messages = long.model.kept[-1].messages[0]["content"]
    assert "Question 1." in messages
    long.say()
    assert long.summary is not None
    assert questions(long)[0] == long.summary[0] // 2 + 1


def test_turns_without_an_answer_count_and_ask_for_nothing(long: Long) -> None:
    long.say(2)
    model: Any = SaidModel([ModelError("Down.", retryable=False)])
    handler: Any = long.scene.deployment.turn_handler
    own = handler._services.model
    object.__setattr__(handler._services, "model", model)
    text = "x" * 8000
    long.scene.say("c1", long.session, "fails", text)
    long.scene.work()
    assert long.scene.events("c1", "fails")[-1]["type"] == "error"
    object.__setattr__(handler._services, "model", own)
    assert long.meta["weight"] == sum(map(estimate_tokens, long.log())) > 2 * BUDGET
    long.scene.work()
    assert (long.model.kept, long.summary) == ([], None)
    long.say()
    long.scene.work()
    assert long.summary is not None


def test_calls_and_results_weigh_too(long: Long) -> None:
    handler: Any = long.scene.deployment.turn_handler
    equip = handler._agents

    def equipped(*asked: Any) -> Any:
        return replace(equip(*asked), tools=[MadeTool("t", lambda: "found " * 100)])

    handler._agents = equipped
    model: Any = SaidModel(answer("I look.", use("t", "a"), use("t", "b")), answer("There."))
    object.__setattr__(handler._services, "model", model)
    long.scene.say("c1", long.session, "looks", "Look")
    long.scene.work()
    assert text_of(long.scene.events("c1", "looks")[-1]) == "I look.\n\nThere."
    assert len(long.log()) == 5
    assert long.meta["weight"] == sum(map(estimate_tokens, long.log())) > 300


@pytest.mark.parametrize("environ", [{}, {"SUMMARY_MODEL": "small-model"}])
def test_the_agents_own_model_is_asked_or_the_one_that_is_set(
    engine: SqliteTable, tmp_path: Path, environ: dict[str, str]
) -> None:
    long = Long(engine, tmp_path, **environ)
    long.until_summary()
    assert long.model.kept[0].model == environ.get("SUMMARY_MODEL", long.model.turns[0].model)


def test_one_job_at_a_time(long: Long) -> None:
    """Its wake is lost; the turns go on, and their ends find no room for another."""
    wakes = long.scene.wakes
    send = wakes.send
    memory = summary_box(box(long.scene, long.session)).pk
    lost: Any = lambda sent: send([wake for wake in sent if wake.box != memory])  # noqa: E731
    wakes.send = lost  # type: ignore[method-assign]  # the stage is ours to change
    long.say(30)
    assert long.model.kept == []
    jobs = long.item(summary_box(box(long.scene, long.session)).item)
    assert jobs is not None
    assert len(jobs.attrs["jobs"]) == 1
    wakes.send = send  # type: ignore[method-assign]  # the stage is ours to change
    # The sweep finds it.
    long.scene.wake(Wake(memory, "local"))
    assert len(long.model.kept) == 1
    long.say()
    assert questions(long)[-1] == 31
    assert "Summary 1." in long.asked()[0]
