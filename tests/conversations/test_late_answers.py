"""Answers that come when what they are for is over, or has been asked about again."""

from pathlib import Path
from typing import Any

import pytest

from shared.conversations.prompts import prompt_id
from shared.runner.prompts import INTERACTION
from shared.storage.sqlite import SqliteTable
from tests.conversations.broken import Losing
from tests.conversations.people import DEPLOYMENT_SECONDS, EMAIL, KNOWN, Desk, code_in, refund
from tests.runner.said import answer, use
from tests.support.faults import FaultyTable
from tests.wire.scene import Scene

VALUES = {"email": EMAIL}


def form(name: str) -> dict[str, Any]:
    return use("request_identity_intake", name, fields=[{"key": "email"}])


@pytest.fixture
def desk(scene: Scene) -> Desk:
    return Desk(scene, supports=["identity_form"])


# -- forms ------------------------------------------------------------------------------------


def submit(desk: Desk, known: str) -> Any:
    """What comes back to a client that answers under the turn's own request."""
    return desk.answer("submit_interaction", requestId="r1", interactionId=known, values=VALUES)


def test_a_form_that_is_answered_too_late_is_no_end_of_its_turn(scene: Scene, desk: Desk) -> None:
    model = desk.equip(answer(form("a")), answer(form("b")), answer("Done"))
    desk.ask()
    first = desk.prompt("interaction_required")["interactionId"]
    desk.pass_time(DEPLOYMENT_SECONDS + 1)
    told = submit(desk, first)
    assert told["error"]["code"] == "NO_PENDING_INTERACTION"
    assert "requestId" not in told
    assert desk.view().status == "awaiting_input"
    second = desk.prompt("interaction_required")["interactionId"]
    assert submit(desk, second)["status"] == 200
    scene.work()
    assert desk.types()[-1] == "eventual_response"
    assert EMAIL in desk.told(model)[0]


def test_a_form_whose_time_is_over_is_so_before_anybody_has_noted_it(
    scene: Scene, desk: Desk
) -> None:
    desk.equip(answer(form("a")), answer("Done"))
    desk.ask()
    known = desk.prompt("interaction_required")["interactionId"]
    scene.virtual.pass_time(DEPLOYMENT_SECONDS + 1)
    told = submit(desk, known)
    assert told["error"]["code"] == "NO_PENDING_INTERACTION"
    assert "requestId" not in told


def test_a_form_that_never_was_says_so_under_the_request_that_names_it(desk: Desk) -> None:
    desk.equip(answer(form("a")))
    desk.ask()
    pending = desk.job().pending
    assert pending is not None
    for unknown in (
        "interaction_nonsense",
        prompt_id(desk.box.id, desk.job().ref, INTERACTION, "9-9", pending.hash),
    ):
        told = submit(desk, unknown)
        assert (told["error"]["code"], told["requestId"]) == ("INTERACTION_MISMATCH", "r1")
    assert desk.view().status == "awaiting_input"


# -- codes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", ["shown_at", "prompted_at"])
def test_a_code_does_not_live_longer_because_a_worker_died(
    engine: SqliteTable, tmp_path: Path, lost: str
) -> None:
    """It was sent, and then nobody noted until when it can be used."""
    losing = Losing()
    scene = Scene(FaultyTable(engine, losing), tmp_path)
    desk = Desk(scene, userEmail=EMAIL)
    tool = refund()
    desk.equip(answer(use("refund")), answer("Done"), tools=[tool], gates={"refund": KNOWN})
    losing.names.add(lost)
    desk.ask()
    code = code_in(desk.mail.next().text)
    scene.virtual.pass_time(3600)
    told = desk.answer("verify_otp", code=code)
    assert told["type"] == "otp_invalid", told
    assert told["data"]["data"]["error"] == "EXPIRED"
    # Also when it is asked for late, by whoever goes on.
    losing.heal()
    desk.pass_time(1)
    told = desk.answer("verify_otp", code=code)
    assert told["type"] == "otp_invalid"
    scene.work()
    assert tool.calls == []
    assert "verified" not in desk.known()


def test_a_code_is_taken_until_its_time_is_over_also_when_a_worker_died(
    engine: SqliteTable, tmp_path: Path
) -> None:
    losing = Losing()
    scene = Scene(FaultyTable(engine, losing), tmp_path)
    desk = Desk(scene, userEmail=EMAIL)
    tool = refund()
    desk.equip(answer(use("refund")), answer("Done"), tools=[tool], gates={"refund": KNOWN})
    losing.names.add("prompted_at")
    desk.ask()
    losing.heal()
    desk.pass_time(120)
    told = desk.answer("verify_otp", code=code_in(desk.mail.next().text))
    assert told["type"] == "otp_verified"
    scene.work()
    assert len(tool.calls) == 1
