"""Turns over HTTP: asking, waiting, coming back, going on."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.conversations.items import turn_id, turn_ref
from shared.identity.principal import Principal
from shared.ids import pack
from tests.web.site import Site, model_error, site_in

MISSING_TURN = {"code": "TURN_NOT_FOUND", "retryable": False}


def queued(site: Site, **more: Any) -> str:
    """A turn that nobody has begun yet."""
    answer = site.turn(wait=0, **more)
    assert answer.status == 202, answer.text
    return str(answer.body["turn_id"])


def state(site: Site, turn: str, person: str | None = None) -> Any:
    answer = site.ask("GET", f"/turns/{turn}", person=person)
    assert answer.status == 200, answer.text
    return answer.body


# -- asking -------------------------------------------------------------------------------------


def test_a_reply_within_the_wait(site: Site) -> None:
    answer = site.turn("How are you?")
    assert answer.status == 200
    body = answer.body
    assert set(body) == {
        "turn_id", "session_id", "status", "text", "usage", "citations", "directive", "escalation"
    }  # fmt: skip
    assert (body["status"], body["text"], body["citations"]) == ("completed", "Hello!", [])
    assert body["usage"] == {"promptTokens": 7, "completionTokens": 5, "costUsd": 3e-06}
    assert re.fullmatch(r"turn_[A-Za-z0-9_-]+", body["turn_id"])
    assert site.model.requests[0].messages == [{"role": "user", "content": "How are you?"}]


@pytest.mark.parametrize("wait", [0, 2])
def test_what_takes_longer_is_accepted(site: Site, wait: float) -> None:
    site.working = False
    answer = site.turn(wait=wait)
    assert answer.status == 202
    assert set(answer.body) == {"turn_id", "session_id", "status"}
    assert answer.body["status"] == "queued"
    assert answer.headers["location"] == f"/turns/{answer.body['turn_id']}"
    assert site.clock.monotonic() == pytest.approx(wait)


def test_the_wait_ends_before_the_invocation(site: Site) -> None:
    site.working = False
    assert site.turn(wait=900).status == 202
    assert site.clock.monotonic() <= 60 - 1


def test_the_states_of_a_turn(site: Site) -> None:
    seen: list[Any] = []
    turn = queued(site)
    assert state(site, turn)["status"] == "queued"
    view = site.deployment.turns.view
    me = Principal("default", "service", frozenset({"service"}))
    site.model.during = lambda: seen.append(view(me, turn).status)
    site.work()
    done = state(site, turn)
    assert seen == ["running"]
    assert (done["status"], done["text"], done["error"]) == ("completed", "Hello!", None)
    assert done["turn_id"] == turn


def test_a_failed_turn_is_there_to_look_at(site: Site) -> None:
    site.model.fault = model_error("MODEL_OVERLOADED", retryable=True)
    turn = queued(site)
    site.work()
    failed = state(site, turn)
    assert failed["status"] == "failed"
    assert failed["text"] == ""
    assert failed["error"] == {
        "code": "MODEL_OVERLOADED",
        "message": "The model said no.",
        "retryable": True,
    }


def test_a_session_goes_on(site: Site) -> None:
    first = site.turn("One").body
    second = site.turn("Two", session_id=first["session_id"]).body
    assert second["session_id"] == first["session_id"]
    assert second["turn_id"] != first["turn_id"]
    assert [message["content"] for message in site.model.requests[1].messages] == [
        "One",
        "Hello!",
        "Two",
    ]


def test_without_a_session_each_turn_begins_anew(site: Site) -> None:
    site.turn("One")
    site.turn("Two")
    assert [len(request.messages) for request in site.model.requests] == [1, 1]


def test_a_full_session_refuses(tmp_path: Path) -> None:
    with site_in(tmp_path, SESSION_BACKLOG="0") as site:
        session = site.turn(wait=0).body["session_id"]
        answer = site.turn(wait=0, session_id=session)
        assert (answer.status, answer.body["error"]["code"]) == (409, "TURN_IN_PROGRESS")
        assert answer.body["error"]["retryable"]
        site.work()
        assert site.turn(session_id=session).status == 200


# -- the same request ---------------------------------------------------------------------------


def test_the_same_key_is_the_same_turn(site: Site) -> None:
    first = site.turn("Hi", Idempotency_Key="k1")
    again = site.turn("Hi", Idempotency_Key="k1")
    assert (first.status, again.status) == (200, 200)
    assert again.body == first.body
    assert len(site.model.requests) == 1


def test_the_same_key_while_it_runs_is_the_same_turn(site: Site) -> None:
    first = site.turn("Hi", wait=0, Idempotency_Key="k1")
    again = site.turn("Hi", wait=0, Idempotency_Key="k1")
    assert again.body == first.body
    site.work()
    assert len(site.model.requests) == 1


@pytest.mark.parametrize("other", [{"message": "Other"}, {"callback_url": "https://x.example"}])
def test_another_body_under_the_same_key_is_refused(tmp_path: Path, other: dict[str, str]) -> None:
    with site_in(tmp_path, ALLOW_PRIVATE_ADDRESSES="true") as site:
        site.deployment.guard._resolve = lambda host, port: ["93.184.216.34"]
        site.turn("Hi", wait=0, Idempotency_Key="k1")
        body: dict[str, Any] = {"message": "Hi", "wait": 0, **other}
        answer = site.turn(**body, Idempotency_Key="k1")
        assert (answer.status, answer.body["error"]["code"]) == (422, "VALIDATION_ERROR")


def test_the_same_key_for_another_session_is_refused(site: Site) -> None:
    session = site.turn("One").body["session_id"]
    assert site.turn("Two", Idempotency_Key="k1").status == 200
    answer = site.turn("Two", session_id=session, Idempotency_Key="k1")
    assert (answer.status, answer.body["error"]["code"]) == (422, "VALIDATION_ERROR")
    assert len(site.model.requests) == 2


def test_keys_belong_to_whoever_uses_them(site: Site) -> None:
    mine = site.turn("Mine", person="ann", Idempotency_Key="k1").body
    theirs = site.turn("Theirs", person="bob", Idempotency_Key="k1").body
    assert mine["turn_id"] != theirs["turn_id"]
    assert mine["session_id"] != theirs["session_id"]


def test_a_key_goes_with_a_session_too(site: Site) -> None:
    session = site.turn("One").body["session_id"]
    first = site.turn("Two", session_id=session, Idempotency_Key="k").body
    again = site.turn("Two", session_id=session, Idempotency_Key="k").body
    assert first == again
    assert len(site.model.requests) == 2


# -- not yours is not there ---------------------------------------------------------------------


def missing(answer: Any) -> tuple[Any, ...]:
    return answer.status, answer.body, sorted(answer.headers)


def test_a_foreign_turn_is_a_missing_turn(site: Site, tmp_path: Path) -> None:
    turn = site.turn(person="ann").body["turn_id"]
    assert state(site, turn, "ann")["status"] == "completed"
    unknown = site.ask("GET", "/turns/turn_bm9uZQ", person="bob")
    assert missing(unknown)[0] == 404
    foreign = site.ask("GET", f"/turns/{turn}", person="bob")
    assert missing(foreign) == missing(unknown)
    engine: Any = site.deployment.engine
    elsewhere = Site(tmp_path, engine, SERVICE_TENANT="other")
    assert missing(elsewhere.ask("GET", f"/turns/{turn}")) == missing(unknown)
    assert missing(elsewhere.ask("GET", f"/turns/{turn}", person="ann")) == missing(unknown)


def test_the_service_sees_the_turns_of_its_tenant(site: Site) -> None:
    turn = site.turn(person="ann").body["turn_id"]
    assert state(site, turn)["status"] == "completed"


def test_a_foreign_session_is_a_missing_session(site: Site, tmp_path: Path) -> None:
    session = site.turn(person="ann").body["session_id"]
    unknown = site.turn(session_id="00000000-0000-4000-8000-000000000000", person="bob")
    assert unknown.status == 404
    assert unknown.body["error"]["code"] == "SESSION_NOT_FOUND"
    assert missing(site.turn(session_id=session, person="bob")) == missing(unknown)
    engine: Any = site.deployment.engine
    elsewhere = Site(tmp_path, engine, SERVICE_TENANT="other")
    assert missing(elsewhere.turn(session_id=session)) == missing(unknown)
    assert len(site.model.requests) == 1


def test_a_missing_agent(site: Site) -> None:
    answer = site.turn(agent_id="nobody")
    assert (answer.status, answer.body["error"]["code"]) == (404, "AGENT_NOT_FOUND")


def test_a_session_is_with_one_agent(site: Site, tmp_path: Path) -> None:
    agents = tmp_path / "agents"
    agents.mkdir()
    for name in ("one", "two"):
        (agents / f"{name}.yaml").write_text(f"name: {name}\ninstructions: Talk.\n")
    with site_in(tmp_path / "x", ASSISTANT_LOCAL_CONFIG_DIR=str(agents)) as other:
        session = other.turn(agent_id="one").body["session_id"]
        answer = other.turn(agent_id="two", session_id=session)
        assert answer.status == 422
        assert answer.body["error"]["details"]["faults"][0]["path"] == "body.agent_id"


IDS = st.one_of(
    st.text(st.characters(exclude_characters="/?#", exclude_categories=["Cs"]), min_size=1),
    st.lists(st.text(max_size=30), max_size=4).map(lambda parts: pack("turn", *parts)),
    st.builds(turn_id, st.text(max_size=70), st.text(max_size=1200)),
    st.builds(lambda a, b: turn_id("c", turn_ref(a, b)), st.text(), st.text()),
    st.binary(max_size=40).map(lambda raw: "turn_" + raw.hex()),
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(turn=IDS)
def test_whatever_an_id_is_it_is_missing(site: Site, turn: str) -> None:
    answer = site.ask("GET", f"/turns/{turn}")
    assert answer.status == 404, (turn, answer.text)
    assert set(answer.body) == {"error", "detail"}
