"""What a turn over HTTP brings for its agent's texts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.web.site import Answer, Site, site_in

AGENT = """
name: Support
instructions: You serve {{customer}}.
model: own-model
models_allowed: [other-model]
skills: [tone]
overrides: [language, model]
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    agents, skills = tmp_path / "agents", tmp_path / "library" / "skills"
    agents.mkdir()
    skills.mkdir(parents=True)
    (agents / "support.yaml").write_text(AGENT)
    (skills / "tone.md").write_text("Speak as {{voice}}.\n")
    folders = {
        "ASSISTANT_LOCAL_CONFIG_DIR": str(agents),
        "LIBRARY_DIR": str(tmp_path / "library"),
    }
    with site_in(tmp_path / "site", **folders) as made:
        yield made


def turn(site: Site, customer: str | None = "Ann", **more: Any) -> Answer:
    variables = {} if customer is None else {"customer": customer}
    return site.turn(**{"agent_id": "support", "dynamic_variables": variables, **more})


def fault(answer: Answer) -> Any:
    error = answer.body["error"]
    assert (answer.status, error["code"]) == (422, "VALIDATION_ERROR")
    return error


def system(site: Site) -> str:
    return str(site.model.requests[-1].system)


def test_what_comes_with_the_first_turn_is_the_session_s(site: Site) -> None:
    session = turn(site, "A & B", overrides={"language": "de", "model": "other-model"}).body[
        "session_id"
    ]
    first = site.model.requests[-1]
    assert (
        '"customer">A &amp; B</variable>.\n\nAnswer in the language with the tag de' in first.system
    )
    assert turn(site, None, session_id=session).status == 200
    assert (site.model.requests[-1].system, first.model) == (first.system, "other-model")


def test_with_a_session_it_is_of_this_turn(site: Site) -> None:
    session = turn(site).body["session_id"]
    turn(site, "Ben", session_id=session)
    assert '"customer">Ben<' in system(site)
    turn(site, None, session_id=session)
    assert '"customer">Ann<' in system(site)


def test_unknown_and_missing_ones_are_refused_before_anything(site: Site) -> None:
    for answer, unknown, missing in (
        (turn(site, None), [], ["customer"]),
        (turn(site, dynamic_variables={"costumer": "A"}), ["costumer"], ["customer"]),
        (turn(site, skill="tone"), [], ["voice"]),
    ):
        details = fault(answer)["details"]
        assert (details["unknown"], details["missing"]) == (unknown, missing)
        assert [each["path"] for each in details["faults"]] == ["body.dynamic_variables"]
    assert site.wakes.queued == []
    assert site.ask("GET", "/conversations").body == []
    given = {"customer": "Ann", "voice": "a friend"}
    assert turn(site, skill="tone", dynamic_variables=given).status == 200


def test_in_a_session_too(site: Site) -> None:
    session = turn(site).body["session_id"]
    unknown = turn(site, session_id=session, dynamic_variables={"x": ""})
    assert fault(unknown)["details"]["unknown"] == ["x"]
    assert fault(turn(site, session_id=session, skill="tone"))["details"]["missing"] == ["voice"]


@pytest.mark.parametrize(
    ("more", "path", "said"),
    [
        (
            {"dynamic_variables": {"system__time": "now"}},
            "body.dynamic_variables",
            "may not have system__time: what begins with system__ the service gives",
        ),
        (
            {"dynamic_variables": {"customer": "x" * 1001}},
            "body.dynamic_variables",
            "has more than 1000 characters as the value of customer; shorten it",
        ),
        (
            {"dynamic_variables": {"customer": 5}},
            "body.dynamic_variables",
            "must have a text as the value of customer",
        ),
        (
            {"dynamic_variables": ["customer"]},
            "body.dynamic_variables",
            "must be an object of names and texts",
        ),
        (
            {"overrides": {"instructions": "Obey."}},
            "body.overrides.instructions",
            "The agent does not let a session replace its instructions. Leave it out.",
        ),
        (
            {"overrides": {"tools": []}},
            "body.overrides.tools",
            "is not a known field; check its spelling or remove it",
        ),
        (
            {"overrides": {"x" * 65: 1}},
            "body.overrides",
            "may only have greeting, language, instructions, model",
        ),
        (
            {"overrides": {"model": "expensive-model"}},
            "body.overrides.model",
            "The agent may not use this model. Leave it out or name one that it allows.",
        ),
        (
            {"overrides": {"language": "German"}},
            "body.overrides.language",
            "must be the tag of a language, such as de or pt-BR",
        ),
        ({"overrides": "de"}, "body.overrides", "must be an object"),
        ({"message": ""}, "body.message", "may not be blank"),
        ({"message": None}, "body.message", "must be a text"),
        ({"wait": "soon"}, "body.wait", "must be a number"),
        ({"wait": 901}, "body.wait", "must be at most 900"),
    ],
)
def test_what_cannot_be_brought_is_refused_by_name(
    site: Site, more: dict[str, Any], path: str, said: str
) -> None:
    answer = turn(site, **more)
    assert fault(answer)["details"]["faults"] == [{"path": path, "message": said}]
    assert fault(answer)["message"] == answer.body["detail"] == f"{path}: {said}"
    assert len(answer.text) < 1000


def test_a_session_keeps_its_overrides(site: Site) -> None:
    session = turn(site).body["session_id"]
    refused = fault(turn(site, session_id=session, overrides={"language": "de"}))
    assert refused["details"]["faults"][0]["path"] == "body.overrides"


def test_what_is_brought_belongs_to_the_request_of_a_key(site: Site) -> None:
    def asked(customer: str = "Ann", **more: Any) -> Answer:
        return turn(site, customer, wait=0, Idempotency_Key="k", **more)

    first = asked(overrides={"language": "de"})
    assert first.status == 202
    assert asked(overrides={"language": "de"}).body == first.body
    same = {"overrides": {"language": "de"}}
    for other in ({"overrides": {"language": "fr"}}, {}, {"customer": "Ben", **same}):
        fault(asked(**other))
    session = turn(site).body["session_id"]

    def again(customer: str) -> Answer:
        return turn(site, customer, session_id=session, wait=0, Idempotency_Key="l")

    assert again("Ben").body == again("Ben").body
    fault(again("Carl"))
