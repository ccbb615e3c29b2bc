"""What the model is told, later, of the calls of a turn that ended before they began."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from shared.errors import TurnFailed
from shared.runner.calls import MAX_CALLS, NOT_MADE
from shared.runner.messages import LOST_RESULT
from shared.storage.expressions import Assign
from shared.storage.sqlite import SqliteTable
from shared.storage.table import Update
from tests.conversations.broken import written
from tests.conversations.people import ASK, Desk, refund
from tests.conversations.rig import at_rest, text_of
from tests.conversations.test_tool_turns import napping
from tests.runner.said import MadeTool, SaidModel, answer, use
from tests.support.faults import Call, Fault, FaultyTable
from tests.wire.scene import Scene

GATES = {"refund": ASK}
UNMADE, LOST, FOUND = (NOT_MADE, True), (LOST_RESULT, True), ("found", False)


@pytest.fixture
def desk(scene: Scene) -> Desk:
    return Desk(scene)


def stop(desk: Desk) -> None:
    desk.scene.frame("c1", "cancel", requestId="r1", sessionId=desk.session)
    desk.scene.work()
    assert desk.types()[-1] == "cancelled"


def remembered(desk: Desk, model: SaidModel) -> list[tuple[str, bool]]:
    """The results of the first turn's calls, as the model has them with the next message."""
    model.answers = [answer("Here.")]
    desk.ask("r2", "And now?")
    assert text_of(desk.scene.events("c1", "r2")[-1]) == "Here."
    blocks = [
        block
        for message in model.last
        if message["role"] == "user" and isinstance(message["content"], list)
        for block in message["content"]
        if block["type"] == "tool_result"
    ]
    return [(block["content"], block.get("is_error", False)) for block in blocks]


def test_a_stop_while_somebody_is_asked(desk: Desk) -> None:
    """Of the calls of one reply some have been made, and some never will be."""
    model = desk.equip(
        answer(use("look_up", "a"), use("refund", "b"), use("refund", "c"), use("look_up", "d")),
        tools=[MadeTool("look_up"), refund()],
        gates=GATES,
    )
    desk.ask()
    stop(desk)
    assert remembered(desk, model) == [FOUND, UNMADE, UNMADE, UNMADE]
    assert at_rest(desk.scene, desk.session)


def test_what_was_said_before_a_stop_stays(desk: Desk) -> None:
    model = desk.equip(answer("I will.", use("refund")), tools=[refund()], gates=GATES)
    desk.ask()
    stop(desk)
    assert remembered(desk, model) == [UNMADE]
    listed = desk.scene.frame("c1", "get_conversation_messages", sessionId=desk.session)
    texts = [message["content"]["text"] for message in listed["data"]["messages"]]
    assert texts == ["Here.", "And now?", "I will.", "Hi"]


def test_a_stop_after_the_decision_and_before_the_call(desk: Desk) -> None:
    model = desk.equip(answer(use("refund")), tools=[refund()], gates=GATES)
    desk.ask()
    desk.confirm()
    stop(desk)
    assert remembered(desk, model) == [UNMADE]


def test_nobody_knows_what_became_of_a_call_that_had_begun(scene: Scene, desk: Desk) -> None:
    """The one beside it, which people were to be asked about, has certainly not been made."""
    nap = MadeTool("nap", napping(scene, 20))
    model = desk.equip(
        answer(use("nap", "a"), use("refund", "b")), tools=[nap, refund()], gates=GATES
    )
    scene.say("c1", desk.session, "r1", "Hi")
    ref = desk.job().ref
    scene.virtual.at(3, lambda: scene.deployment.requests.cancel(desk.box, ref, who="ann"))
    scene.work()
    assert desk.types()[-1] == "cancelled"
    # What is written stands before what is told to be missing.
    assert sorted(remembered(desk, model)) == sorted([LOST, UNMADE])


@pytest.mark.parametrize("how", ["budget", "crashes"])
def test_a_turn_that_fails_while_somebody_is_asked(scene: Scene, desk: Desk, how: str) -> None:
    tool = refund()
    model = desk.equip(answer(use("refund")), tools=[tool], gates=GATES)
    desk.ask()
    if how == "crashes":
        scene.deployment.table.update(Update(desk.box.item, [Assign(("crashes",), 4)]))
        desk.pass_time(1)
    else:
        handler: Any = scene.deployment.turn_handler
        may_spend = handler._services.may_spend

        def spent(_: str, **_more: int) -> None:
            raise TurnFailed("Enough.", code="BUDGET_EXCEEDED")

        object.__setattr__(handler._services, "may_spend", spent)
        desk.confirm()
        scene.work()
        object.__setattr__(handler._services, "may_spend", may_spend)
    assert desk.types()[-1] == "error"
    assert remembered(desk, model) == [UNMADE]
    assert tool.calls == []


def test_a_question_that_was_stopped_is_not_asked_any_more(desk: Desk) -> None:
    """The next message is a message, and no answer to it."""
    model = desk.equip(
        answer(use("refund", "a"), use("request_user_input", "b", question="Which?")),
        tools=[refund()],
        gates=GATES,
        builtins=frozenset({"request_user_input"}),
    )
    desk.ask()
    stop(desk)
    assert remembered(desk, model) == [UNMADE, UNMADE]
    assert {"type": "text", "text": "And now?"} in model.last[-1]["content"]


def test_more_calls_than_may_be_made_do_not_keep_a_turn_from_being_stopped(
    engine: SqliteTable, tmp_path: Path
) -> None:
    """Its worker died right after the reply that has them, before it could refuse any."""
    noted = Counter[str]()

    def plan(call: Call) -> Fault | None:
        notes = written(call) & {"log_len"}
        noted.update(notes)
        return Fault.LOST_REQUEST if notes and noted["log_len"] > 1 else None

    scene = Scene(FaultyTable(engine, plan), tmp_path)
    desk = Desk(scene)
    calls = [use("refund", f"x{number}") for number in range(2 * MAX_CALLS)]
    model = desk.equip(answer(*calls), tools=[refund()], gates=GATES)
    desk.ask()
    assert desk.job().log_length == 2, "the question and the reply"
    noted["log_len"] = -1000
    scene.frame("c1", "cancel", requestId="r1", sessionId=desk.session)
    for _ in range(3):
        desk.pass_time(60)
    assert desk.types()[-1] == "cancelled"
    told = remembered(desk, model)
    assert len(told) == len(calls)
    assert set(told) <= {UNMADE, LOST}
    assert UNMADE in told
    assert at_rest(scene, desk.session)
