"""Turns over HTTP that wait for somebody: who asked is told at once, and for what."""

import re
from typing import Any

import pytest

from shared.identity.principal import Principal
from tests.runner.said import text, use
from tests.support.recorded_mail import RecordedMail
from tests.web.shop import ANN, BOB, BOSS, TIME, Shop, iso, refused, runs
from tests.web.site import Answer


def ask(shop: Shop, message: str = "Refund 42", agent: str = "shop", **more: Any) -> Answer:
    headers = {name: more.pop(name) for name in ("Idempotency_Key",) if name in more}
    body = {"agent_id": agent, "message": message, **more}
    return shop.by(ANN, "POST", "/executor/turns", body, **headers)


def test_who_waits_for_a_turn_that_waits_is_told_at_once(shop: Shop) -> None:
    answered = ask(shop, wait=30)
    assert answered.status == 202
    assert shop.clock.monotonic() < 1
    body = answered.body
    prompt = {
        "kind": "approval",
        "approval_id": body["prompt"]["approval_id"],
        "tool": "refund",
        "description": 'Refund an order. What was paid goes back. refund(order: "42", amount: 500)',
        "arguments": {"order": "42", "amount": 500},
        "roles": [],
        "expires_at": iso(shop, TIME),
    }
    assert body == {
        "turn_id": body["turn_id"],
        "session_id": body["session_id"],
        "status": "awaiting_approval",
        "prompt": prompt,
    }
    assert answered.headers["location"] == f"/turns/{body['turn_id']}"
    nothing: dict[str, Any] = {"usage": None, "error": None, "citations": []}
    nothing |= {"directive": None, "escalation": None}
    expected = {**body, "text": "", **nothing}
    assert shop.turn_of(ANN, body["turn_id"]) == expected
    refused(shop.by(BOB, "GET", f"/turns/{body['turn_id']}"), 404, "TURN_NOT_FOUND")
    assert shop.clerk.requests[1:] == []


def test_the_same_key_waits_on_once_somebody_has_decided(shop: Shop) -> None:
    first = ask(shop, Idempotency_Key="k")
    again = ask(shop, Idempotency_Key="k")
    assert (again.status, again.body) == (202, first.body)
    approval = first.body["prompt"]["approval_id"]
    assert shop.decide(ANN, approval, True).status == 200
    turn = shop.turn_of(ANN, first.body["turn_id"])
    assert (turn["status"], turn["prompt"]) == ("queued", None)
    done = ask(shop, Idempotency_Key="k")
    assert (done.status, done.body["status"], done.body["text"]) == (200, "completed", "Done.")
    assert done.body["turn_id"] == first.body["turn_id"]
    assert runs(shop) == 1


def test_the_next_turn_waits_behind_it_and_for_nobody(shop: Shop) -> None:
    first = ask(shop).body
    shop.clerk.plan = (text("Good morning!"),)
    second = ask(shop, "Hello", session_id=first["session_id"], wait=2)
    assert second.status == 202
    assert set(second.body) == {"turn_id", "session_id", "status"}
    assert second.body["status"] == "queued"
    assert shop.decide(ANN, first["prompt"]["approval_id"], False).status == 200
    shop.work()
    states = [shop.turn_of(ANN, each["turn_id"]) for each in (first, second.body)]
    assert [each["text"] for each in states] == ["Done.", "Good morning!"]


@pytest.mark.parametrize("person", [ANN, BOSS])
def test_who_may_not_decide_may_stop(shop: Shop, person: Any) -> None:
    """A turn is its user's, whoever decides what it does; and nobody else's."""
    asked = ask(shop, agent="bank").body
    path = f"/turns/{asked['turn_id']}/cancel"
    if person is BOSS:
        refused(shop.by(BOSS, "POST", path), 404, "TURN_NOT_FOUND")
        return
    for _ in range(2):
        stopping = shop.by(ANN, "POST", path)
        assert (stopping.status, stopping.body["status"]) == (202, "stopping")
    assert shop.turn_of(ANN, asked["turn_id"])["prompt"] is None
    shop.work()
    assert shop.turn_of(ANN, asked["turn_id"])["status"] == "cancelled"
    assert [each["state"] for each in shop.listed(BOSS, "?state=decided")] == ["withdrawn"]
    assert shop.listed(BOSS) == []


# -- codes and forms ----------------------------------------------------------------------------


@pytest.fixture
def mail(shop: Shop) -> RecordedMail:
    recorded = RecordedMail()
    shop.deployment.mail = recorded
    return recorded


def test_what_a_code_was_sent_for_says_nothing_of_the_code(shop: Shop, mail: RecordedMail) -> None:
    answered = ask(shop, agent="desk")
    assert answered.status == 202
    [sent] = mail.sent()
    found = re.search(r"\d{6}", sent.text)
    assert found is not None
    assert (sent.to, answered.body["status"]) == ("ann@acme.example", "awaiting_input")
    assert answered.body["prompt"] == {
        "kind": "code",
        "tool": "refund",
        "channel": "email",
        "destination": "a***@acme.example",
        "expires_at": iso(shop, TIME),
    }
    state = shop.by(ANN, "GET", f"/turns/{answered.body['turn_id']}")
    assert state.body["prompt"] == answered.body["prompt"]
    for secret in (found[0], sent.to):
        assert secret not in answered.text + state.text
    assert shop.listed(ANN) == [], "there is nothing to decide"


def test_what_the_user_fills_in(shop: Shop) -> None:
    deployment = shop.deployment
    ann = Principal("acme", "ann", frozenset({"user"}))
    session = deployment.sessions.open(
        ann, deployment.agents.get("shop", "local"), supports=("choice_chips",)
    )
    options = [{"label": "Red"}, {"label": "Blue"}]
    question = {"question": "Which one?", "header": "Colour", "options": options}
    shop.clerk.plan = (use("request_choices", questions=[question], reason="To go on."),)
    answered = ask(shop, session_id=session.id)
    assert (answered.status, answered.body["status"]) == (202, "awaiting_input")
    prompt = answered.body["prompt"]
    assert set(prompt) == {"kind", "tool", "interaction_id", "spec", "reason", "expires_at"}
    assert (prompt["kind"], prompt["tool"]) == ("choices", "request_choices")
    assert prompt["spec"]["questions"][0]["question"] == "Which one?"
    assert (prompt["reason"], prompt["expires_at"]) == ("To go on.", iso(shop, TIME))
    assert shop.turn_of(ANN, answered.body["turn_id"])["prompt"] == prompt
    assert shop.listed(ANN) == []
