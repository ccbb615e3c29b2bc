"""A conversation is deleted: for its owner it is gone at once, and then nothing of it is left."""

import pytest

from shared.conversations.items import meta_key
from shared.identity.principal import Principal
from tests.deleting.house import ADMIN, ANN, BOB, STRANGER, House, assert_absent, lived
from tests.web.shop import refused
from tests.web.site import Model


def test_nothing_is_left(house: House) -> None:
    kept = lived(house, BOB)
    before = house.traces(kept.words)
    made = lived(house)
    assert len(house.traces(made.words)) > 25, "there was little to delete"
    answered = house.by(ANN, "DELETE", f"/conversations/{made.conversation}")
    assert answered.status == 202, answered.text
    assert answered.body["status"] == "deleting"
    assert_absent(house, made)
    house.rest(3)
    assert house.traces(made.words) == []
    assert house.traces(kept.words) == before, "somebody else's has suffered"
    refused(
        house.by(ANN, "DELETE", f"/conversations/{made.conversation}"),
        404,
        "CONVERSATION_NOT_FOUND",
    )
    assert_absent(house, made)


def test_how_it_stands_is_told(house: House) -> None:
    made = lived(house)
    first = house.by(ANN, "DELETE", f"/conversations/{made.conversation}").body
    again = house.by(ANN, "DELETE", f"/conversations/{made.conversation}")
    assert (again.status, again.body) == (202, first)
    path = f"/deletions/{first['deletion_id']}"
    state = house.by(ANN, "GET", path).body
    assert (state["status"], state["done_at"]) == ("deleting", None)
    house.rest(3)
    state = house.by(ADMIN, "GET", path).body
    assert state["status"] == "deleted"
    assert state["target"] == made.conversation
    assert state["requested_by"] == "ann"
    assert state["reason"] == "request"
    assert state["items"] > 10
    assert state["files"] > 4
    assert state["done_at"]
    for person in (BOB, STRANGER):
        refused(house.by(person, "GET", path), 404, "DELETION_NOT_FOUND")


@pytest.mark.parametrize("person", [BOB, ADMIN, STRANGER], ids=["another", "admin", "foreign"])
def test_only_the_owner_deletes(local_house: House, person: object) -> None:
    house = local_house
    made = lived(house)
    before = house.traces(made.words)
    answered = house.by(person, "DELETE", f"/conversations/{made.conversation}")  # type: ignore[arg-type]
    refused(answered, 404, "CONVERSATION_NOT_FOUND")
    house.rest(2)
    assert house.traces(made.words) == before


def begun(house: House) -> list[str]:
    """The conversations that there are."""
    return [item.key.pk.rpartition("#")[2] for item in house.items() if item.key.sk == "META"]


def test_a_turn_that_runs_is_cancelled(
    local_house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """It ends in no reply, though the model has one."""
    house = local_house
    answers = []

    def delete() -> None:
        [conversation] = begun(house)
        answers.append(house.by(ANN, "DELETE", f"/conversations/{conversation}").status)

    model = Model(during=delete)
    house.deployment.model = model
    house.by(ANN, "POST", "/executor/turns", {"agent_id": "shop", "message": "Hi", "wait": 0})
    caplog.set_level("INFO", "parley")
    house.work()
    assert (answers, len(model.requests)) == ([202], 1)
    ended = [vars(each)["outcome"] for each in caplog.records if each.message == "turn ended"]
    assert ended == ["cancelled"]
    house.rest(3)
    assert begun(house) == []


def test_turns_that_wait_are_cancelled(local_house: House) -> None:
    """The model is asked no more once the deletion has been accepted."""
    house = local_house
    asked = house.asked(ANN)
    behind = {"agent_id": "shop", "message": "Hi", "session_id": asked["session_id"], "wait": 0}
    assert house.by(ANN, "POST", "/executor/turns", behind).status == 202
    [conversation] = begun(house)
    before = len(house.clerk.requests)
    house.by(ANN, "DELETE", f"/conversations/{conversation}")
    house.rest(3)
    assert len(house.clerk.requests) == before
    assert house.traces([conversation, asked["session_id"]]) == []


def test_whoever_comes_back_meanwhile_begins_anew(local_house: House) -> None:
    house = local_house
    made = lived(house)
    principal = Principal(tenant="acme", user="ann", roles=frozenset())
    agent = house.deployment.agents.get("shop", "acme")
    found = house.deployment.table.get([meta_key(made.box)])[0]
    assert found is not None
    # Between reading the conversation and writing the session.
    house.fate.then = lambda: house.deployment.deleting.ask(made.box, found, by="ann")
    sessions = house.deployment.sessions
    session = sessions.open(principal, agent, conversation=made.conversation)
    assert house.fate.then is None
    assert session.conversation != made.conversation
    assert sessions.find(principal, session.id) is not None
    house.rest(3)
    assert house.traces(made.words) == []
