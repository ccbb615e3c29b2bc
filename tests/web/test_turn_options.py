"""What a turn over HTTP may choose: the model, a skill; and stopping it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.faults import Call, FaultyTable, Hooks
from tests.web.site import Answer, Site, site_in

AGENT = """
name: Support
instructions: You help.
model: own-model
models_allowed: [other-model]
skills: [tone]
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    agents = tmp_path / "agents"
    agents.mkdir()
    (agents / "support.yaml").write_text(AGENT)
    skills = tmp_path / "library" / "skills"
    skills.mkdir(parents=True)
    (skills / "tone.md").write_text("Be kind.\n")
    folders = {
        "ASSISTANT_LOCAL_CONFIG_DIR": str(agents),
        "LIBRARY_DIR": str(tmp_path / "library"),
    }
    with site_in(tmp_path / "site", **folders) as made:
        yield made


def turn(site: Site, message: str = "Hi", **more: Any) -> Answer:
    return site.turn(message, agent_id="support", **more)


def asked_models(site: Site) -> list[str]:
    return [request.model for request in site.model.requests]


def test_a_turn_is_asked_of_the_model_that_it_names(site: Site) -> None:
    for model in ({}, {"model": "own-model"}, {"model": "other-model"}):
        assert turn(site, **model).status == 200
    assert asked_models(site) == ["own-model", "own-model", "other-model"]


def test_a_model_or_a_skill_that_the_agent_has_not_is_refused_before_anything(site: Site) -> None:
    model = turn(site, model="expensive-model")
    assert (model.status, model.body["error"]["code"]) == (422, "VALIDATION_ERROR")
    assert model.body["error"]["details"]["faults"][0]["path"] == "body.model"
    skill = turn(site, skill="law")
    assert (skill.status, skill.body["error"]["code"]) == (404, "SKILL_NOT_FOUND")
    assert site.wakes.queued == []
    assert site.ask("GET", "/conversations").body == []


@pytest.mark.parametrize(
    ("field", "value"), [("model", ""), ("model", "x" * 129), ("skill", "../tone"), ("skill", "")]
)
def test_what_is_no_name_is_refused(site: Site, field: str, value: str) -> None:
    answer = turn(site, **{field: value})
    assert answer.status == 422
    assert [fault["path"] for fault in answer.body["error"]["details"]["faults"]] == [
        f"body.{field}"
    ]


def test_the_choice_belongs_to_the_request_of_a_key(site: Site) -> None:
    first = turn(site, wait=0, model="other-model", Idempotency_Key="k")
    again = turn(site, wait=0, model="other-model", Idempotency_Key="k")
    assert again.body == first.body
    for other in ({}, {"model": "own-model"}, {"model": "other-model", "skill": "tone"}):
        refused = turn(site, wait=0, Idempotency_Key="k", **other)
        assert (refused.status, refused.body["error"]["code"]) == (422, "VALIDATION_ERROR")


# -- stopping -----------------------------------------------------------------------------------


def cancel(site: Site, turn: str, person: str | None = None) -> Answer:
    return site.ask("POST", f"/turns/{turn}/cancel", person=person)


def state(site: Site, turn: str, person: str | None = None) -> Any:
    return site.ask("GET", f"/turns/{turn}", person=person).body


def test_a_waiting_turn_is_stopped_before_the_model_is_asked(site: Site) -> None:
    asked = turn(site, wait=0).body
    for _ in range(2):
        answer = cancel(site, asked["turn_id"])
        assert answer.status == 202
        assert answer.body == {**asked, "status": "stopping"}
        assert answer.headers["location"] == f"/turns/{asked['turn_id']}"
    site.work()
    assert state(site, asked["turn_id"])["status"] == "cancelled"
    assert site.model.requests == []
    done = cancel(site, asked["turn_id"])
    assert (done.status, done.body) == (200, state(site, asked["turn_id"]))


def test_a_stop_wakes_the_workers(site: Site) -> None:
    name = turn(site, wait=0).body["turn_id"]
    site.wakes.queued.clear()
    cancel(site, name)
    site.work()
    assert state(site, name)["status"] == "cancelled"


def test_one_that_has_ended_stays_as_it_is(site: Site) -> None:
    name = turn(site).body["turn_id"]
    answer = cancel(site, name)
    assert answer.status == 200
    assert (answer.body["status"], answer.body["text"]) == ("completed", "Hello!")
    assert answer.body == state(site, name)


def test_a_stop_that_the_end_overtakes_is_told_the_end(site: Site) -> None:
    """The turn ends between looking at it and asking to stop it."""
    armed: list[bool] = []

    def plan(call: Call) -> Hooks | None:
        if armed and call.method == "write":
            armed.clear()
            return Hooks(before=site.work)
        return None

    site.deployment.engine = FaultyTable(site.deployment.engine, plan)
    name = turn(site, wait=0).body["turn_id"]
    armed.append(True)
    answer = cancel(site, name)
    assert (answer.status, answer.body["status"]) == (200, "completed")


def test_nobody_stops_what_is_somebody_elses(site: Site) -> None:
    name = turn(site, wait=0, person="ann").body["turn_id"]
    unknown = cancel(site, "turn_bm9uZQ", "bob")
    foreign = cancel(site, name, "bob")
    assert (foreign.status, foreign.body) == (unknown.status, unknown.body)
    assert unknown.status == 404
    site.work()
    assert state(site, name, "ann")["status"] == "completed"
    assert cancel(site, name).status == 200, "the service may, for its people"
