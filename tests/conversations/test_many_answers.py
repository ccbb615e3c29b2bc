"""Turns that ask for very much: however much people answer, the turn goes on, and ends."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.conversations.asking import MAX_PROMPTS
from shared.identity.credentials import LOCAL
from shared.storage.sizes import item_size
from shared.storage.sqlite import SqliteTable
from shared.storage.table import MAX_ITEM_BYTES
from tests.conversations.people import ASK, DEPLOYMENT_SECONDS, EMAIL, KNOWN, Desk, refund
from tests.conversations.rig import at_rest
from tests.runner.said import MadeTool, answer, use
from tests.support.aws import fresh_table, moto_server
from tests.support.engines import DynamoOpener
from tests.wire.scene import Scene

GATES = {"refund": ASK}
UNLIMITED = {"RATE_LIMIT_PER_MINUTE": "0", "RATE_LIMIT_PRINCIPAL_PER_MINUTE": "0"}
NOTE = "\U0001f600" * 1000
"""The longest note that there may be."""

TOO_OFTEN = "Not called. People have been asked too often in this turn. Tell the user."


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with moto_server() as endpoint:
        yield endpoint


@pytest.fixture(params=["sqlite", "dynamodb"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    if request.param == "sqlite":
        table = SqliteTable(tmp_path / "parley.db")
        yield desk_on(Scene(table, tmp_path, **UNLIMITED))
        table.close()
        return
    endpoint = request.getfixturevalue("moto")
    with DynamoOpener(endpoint, fresh_table(endpoint)).open() as dynamo:
        yield desk_on(Scene(dynamo, tmp_path, **UNLIMITED))


@pytest.fixture
def local(engine: SqliteTable, tmp_path: Path) -> Desk:
    """On SQLite alone, for what does not depend on the engine."""
    return desk_on(Scene(engine, tmp_path, **UNLIMITED))


def desk_on(scene: Scene) -> Desk:
    return Desk(scene, supports=["choice_chips", "identity_form"])


def size(desk: Desk) -> int:
    """Bytes of the turn's item."""
    item = desk.scene.deployment.table.get([desk.box.job(desk.job().ref)])[0]
    assert item is not None
    return item_size(item.key, item.attrs)


def deny(desk: Desk) -> str:
    """The approval that was denied, with the longest note."""
    known = str(desk.approval()["approvalId"])
    told = desk.confirm(approvalId=known, approved=False, note=NOTE)
    assert told["type"] == "immediate_response", told
    desk.scene.work()
    return known


def calls(count: int) -> list[Any]:
    """So many calls that wait, in replies of 50."""
    uses = [use("refund", f"x{number}", order=str(number)) for number in range(count)]
    return [answer(*uses[at : at + 50]) for at in range(0, count, 50)]


# -- large ones -------------------------------------------------------------------------------


def test_as_many_long_notes_as_there_may_be(local: Desk) -> None:
    """Together they are about as large as an item may be."""
    tool = refund()
    model = local.equip(*calls(MAX_PROMPTS), answer("Done"), tools=[tool], gates=GATES)
    local.ask()
    known = [deny(local) for _ in range(MAX_PROMPTS)]
    assert local.types()[-1] == "eventual_response"
    assert local.types().count("write_confirmation_required") == MAX_PROMPTS == len(set(known))
    for index in (0, -1):
        said, is_error = local.told(model, index)
        assert said.endswith(f"The note with it: {NOTE}")
        assert is_error
        assert local.scene.deployment.approvals.find(LOCAL, known[index]).note == NOTE
    assert tool.calls == []
    assert size(local) < MAX_ITEM_BYTES / 4
    assert at_rest(local.scene, local.session)


def test_a_long_note_takes_no_room_in_the_turn(desk: Desk) -> None:
    desk.equip(*calls(6), tools=[refund()], gates=GATES)
    desk.ask()
    before = size(desk)
    for _ in range(5):
        deny(desk)
    assert size(desk) - before < 5 * len(NOTE.encode()) / 4


FORMS = 30
"""Together their answers are larger than an item may be."""


def fill_in(desk: Desk, number: int) -> None:
    other = f"{number}" + "\U0001f600" * 990
    values = {"answers": [{"header": f"h{n}", "other": other} for n in range(4)]}
    known = desk.prompt("interaction_required")["interactionId"]
    told = desk.answer("submit_interaction", interactionId=known, values=values)
    assert told["type"] == "immediate_response", told
    desk.scene.work()


def forms(count: int) -> Any:
    """A reply that asks for so many large forms."""
    questions = [
        {"question": "Why?", "header": f"h{n}", "options": [{"label": "a"}, {"label": "b"}]}
        for n in range(4)
    ]
    return answer(*[use("request_choices", f"x{n}", questions=questions) for n in range(count)])


def test_many_large_forms(desk: Desk) -> None:
    model = desk.equip(forms(FORMS), answer("Done"))
    desk.ask()
    for number in range(FORMS):
        fill_in(desk, number)
    assert desk.types()[-1] == "eventual_response"
    for index in (0, FORMS - 1):
        assert f'"{index}\U0001f600' in desk.told(model, index)[0]
    assert size(desk) < MAX_ITEM_BYTES / 4
    assert at_rest(desk.scene, desk.session)


@pytest.mark.parametrize("how", ["stopped", "expired"])
def test_a_turn_with_many_large_answers_ends_otherwise_too(local: Desk, how: str) -> None:
    local.equip(forms(FORMS + 1), answer("Done"))
    local.ask()
    for number in range(FORMS):
        fill_in(local, number)
    if how == "stopped":
        local.scene.frame("c1", "cancel", requestId="r1", sessionId=local.session)
        local.scene.work()
        assert local.types()[-1] == "cancelled"
    else:
        local.pass_time(DEPLOYMENT_SECONDS + 1)
        assert local.types()[-1] == "eventual_response"
    assert at_rest(local.scene, local.session)


def test_a_large_answer_is_there_for_whoever_goes_on(local: Desk) -> None:
    """The same submission again is the same, and another one is none."""
    model = local.equip(forms(1), answer("Done"))
    local.ask()
    known = local.prompt("interaction_required")["interactionId"]
    for other, kind in (("x" * 990, "immediate_response"), ("y" * 990, "error")):
        values = {"answers": [{"header": f"h{n}", "other": other} for n in range(4)]}
        for _ in range(2):
            told = local.answer("submit_interaction", interactionId=known, values=values)
            assert told["type"] == kind, told
    local.scene.work()
    assert "x" * 990 in local.told(model)[0]
    assert "yy" not in local.told(model)[0]


# -- too many ---------------------------------------------------------------------------------


def test_people_are_asked_so_often_in_a_turn_and_then_the_model_is_told(local: Desk) -> None:
    tool = refund()
    model = local.equip(*calls(MAX_PROMPTS + 3), answer("Done"), tools=[tool], gates=GATES)
    local.ask()
    for _ in range(MAX_PROMPTS):
        local.confirm(approvalId=local.approval()["approvalId"])
        local.scene.work()
    assert local.types()[-1] == "eventual_response"
    assert local.types().count("write_confirmation_required") == MAX_PROMPTS
    assert len(tool.calls) == MAX_PROMPTS
    assert [local.told(model, index) for index in range(3)] == [(TOO_OFTEN, True)] * 3
    # The next turn may ask again.
    local.equip(answer(use("refund")), answer("Done"), tools=[tool], gates=GATES)
    local.ask("r2")
    assert local.view("r2").status == "awaiting_approval"


def test_of_each_kind_of_question_the_last_one_is_refused(
    engine: SqliteTable, tmp_path: Path
) -> None:
    """Codes and forms count as well, and no code is sent that nobody would be asked for."""
    scene = Scene(engine, tmp_path, **UNLIMITED)
    desk = Desk(scene, supports=["identity_form"], userEmail=EMAIL)
    tools, gates = [refund(), MadeTool("pay")], {"refund": ASK, "pay": KNOWN}
    more = [use("request_identity_intake", fields=[{"key": "email"}]), use("pay")]
    model = desk.equip(*calls(MAX_PROMPTS), answer(*more), answer("Done"), tools=tools, gates=gates)
    desk.ask()
    for _ in range(MAX_PROMPTS):
        desk.confirm(approvalId=desk.approval()["approvalId"])
        scene.work()
    assert desk.types()[-1] == "eventual_response"
    assert [desk.told(model, index) for index in range(2)] == [(TOO_OFTEN, True)] * 2
    assert desk.mail.sent() == []
