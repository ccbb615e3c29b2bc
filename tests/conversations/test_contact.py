"""What users fill in: told to the model, and kept with the session."""

from typing import Any

import pytest

from shared.conversations.asking import with_contact, with_verified
from shared.conversations.items import session_key
from shared.conversations.prompts import parts_of
from shared.interactions.results import declined, no_response
from shared.runner.prompts import INTERACTION
from shared.storage.table import ConditionFailed, Delete
from tests.conversations.people import EMAIL, Desk
from tests.runner.said import answer, use
from tests.wire.scene import Scene

FORM = use("request_identity_intake", fields=[{"key": "email"}, {"key": "name"}])
VALUES = {"email": EMAIL, "name": "Ann"}


@pytest.fixture
def desk(scene: Scene) -> Desk:
    return Desk(scene)


def formed(scene: Scene) -> tuple[Desk, Any, str]:
    """A turn that waits for a form; the model, and the id of what is to be filled in."""
    desk = Desk(scene, supports=["identity_form"])
    model = desk.equip(answer(FORM), answer("Done"))
    desk.ask()
    return desk, model, desk.prompt("interaction_required")["interactionId"]


def test_what_was_filled_in_is_told_to_the_model_and_kept(scene: Scene) -> None:
    desk, model, known = formed(scene)
    assert parts_of(INTERACTION, known)[0] == desk.box.id
    desk.answer("submit_interaction", interactionId=known, values=VALUES)
    scene.work()
    said, is_error = desk.told(model)
    assert '"status":"submitted"' in said
    assert EMAIL in said
    assert not is_error
    attrs = desk.known()
    assert (attrs["contact_email"], attrs["contact_name"]) == (EMAIL, "Ann")


@pytest.mark.parametrize("times_out", [True, False])
def test_what_was_not_filled_in(scene: Scene, times_out: bool) -> None:
    desk, model, known = formed(scene)
    if times_out:
        desk.pass_time(301)
    else:
        desk.answer("submit_interaction", interactionId=known, declined=True)
        scene.work()
    assert desk.told(model) == (no_response() if times_out else declined(), False)
    assert "contact_email" not in desk.known()


def test_what_was_said_in_words_is_kept_too(scene: Scene, desk: Desk) -> None:
    given: Any = {"kind": "identity_intake", "values": {"email": EMAIL}}
    desk.equip(answer(use("submit_interaction", **given)), answer("Done"))
    desk.ask()
    assert desk.known()["contact_email"] == EMAIL


def test_a_session_that_is_gone_keeps_nothing_and_the_turn_goes_on(
    scene: Scene, desk: Desk
) -> None:
    given: Any = {"kind": "identity_intake", "values": {"email": EMAIL}}
    desk.equip(answer(use("submit_interaction", **given)), answer("Done"))
    scene.say("c1", desk.session, "r1", "Hi")
    table, key = scene.deployment.table, session_key(desk.session)
    table.write([Delete(key)])
    scene.work()
    assert desk.types()[-1] == "eventual_response"
    assert table.get([key]) == [None]


def test_what_is_written_of_a_session(scene: Scene, desk: Desk) -> None:
    table = scene.deployment.table
    table.update(with_contact(desk.session, {"phone": "+4930123456"}))
    table.update(with_verified(desk.session, EMAIL, 5))
    attrs = desk.known()
    assert attrs["contact_phone"] == "+4930123456"
    assert attrs["verified"] == {"address": EMAIL, "at": 5}
    with pytest.raises(ConditionFailed):
        table.update(with_contact("no-such-session", {"name": "x"}))
