"""Deciding over HTTP, once and in time."""

from typing import Any

import pytest

from shared.conversations.prompts import parts_of
from tests.runner.said import use
from tests.web.shop import ANN, REFUND, TIME, Shop, entry, iso, refused, runs

# -- once ---------------------------------------------------------------------------------------


def test_what_somebody_is_to_decide(shop: Shop) -> None:
    asked = shop.asked(ANN)
    approval = asked["prompt"]["approval_id"]
    assert entry(shop, ANN, approval) == {
        "approval_id": approval,
        "state": "pending",
        "turn_id": asked["turn_id"],
        "conversation_id": parts_of("approval", approval)[0],
        "session_id": asked["session_id"],
        "requested_by": "ann",
        "agent_id": "shop",
        "tool": "refund",
        "description": 'Refund an order. What was paid goes back. refund(order: "42", amount: 500)',
        "arguments": {"order": "42", "amount": 500},
        "roles": [],
        "asked_at": iso(shop),
        "expires_at": iso(shop, TIME),
        "decided_by": None,
        "decided_at": None,
        "note": None,
    }
    assert runs(shop) == 0


def test_what_is_approved_runs_once(shop: Shop) -> None:
    asked = shop.asked(ANN)
    approval = asked["prompt"]["approval_id"]
    before = entry(shop, ANN, approval)
    shop.clock.advance(7)
    decided = shop.decide(ANN, approval, True, note=" It was broken. \n")
    assert decided.status == 200
    assert decided.body == {
        **before,
        "state": "approved",
        "decided_by": "ann",
        "decided_at": iso(shop),
        "note": "It was broken.",
    }
    for _ in range(2):
        shop.clock.advance(1)
        again = shop.decide(ANN, approval, True, note="Another note.")
        assert (again.status, again.body) == (200, decided.body)
        refused(shop.decide(ANN, approval, False), 409, "ALREADY_DECIDED")
        assert entry(shop, ANN, approval) == decided.body
        # The first time the turn has not gone on yet, the second time it has ended.
        shop.work()
    turn = shop.turn_of(ANN, asked["turn_id"])
    assert (turn["status"], turn["text"], turn["prompt"]) == ("completed", "Done.", None)
    assert (runs(shop), len(shop.clerk.requests)) == (1, 2)


def test_what_is_denied_never_runs_and_the_agent_is_told_why(shop: Shop) -> None:
    asked = shop.asked(ANN)
    approval = asked["prompt"]["approval_id"]
    decided = shop.decide(ANN, approval, False, note="Ask the customer first.")
    assert decided.status == 200
    assert (decided.body["state"], decided.body["note"]) == ("denied", "Ask the customer first.")
    refused(shop.decide(ANN, approval, True), 409, "ALREADY_DECIDED")
    shop.work()
    [told] = shop.clerk.told
    assert "declined" in told
    assert "Ask the customer first." in told
    assert shop.turn_of(ANN, asked["turn_id"])["status"] == "completed"
    assert shop.decide(ANN, approval, False).body == decided.body
    assert runs(shop) == 0


def test_each_call_is_decided_by_itself(shop: Shop) -> None:
    shop.clerk.plan = (
        use("refund", "first", order="42", amount=500),
        use("refund", "second", order="43", amount=700),
    )
    asked = shop.asked(ANN)
    first = asked["prompt"]["approval_id"]
    assert shop.decide(ANN, first, True).status == 200
    shop.work()
    waits = shop.turn_of(ANN, asked["turn_id"])
    second = waits["prompt"]["approval_id"]
    assert waits["prompt"]["arguments"] == {"order": "43", "amount": 700}
    # Whoever decides the first one again says nothing of the second.
    assert shop.decide(ANN, first, True).status == 200
    shop.work()
    assert entry(shop, ANN, second)["state"] == "pending"
    assert shop.decide(ANN, second, False).status == 200
    shop.work()
    approved, denied = shop.clerk.told
    assert approved == REFUND
    assert "declined" in denied


# -- in time ------------------------------------------------------------------------------------


def test_what_nobody_decides_in_time_is_over(shop: Shop) -> None:
    asked = shop.asked(ANN)
    approval = asked["prompt"]["approval_id"]
    before = entry(shop, ANN, approval)
    shop.clock.advance(TIME - 0.001)
    assert entry(shop, ANN, approval) == before
    shop.clock.advance(0.001)
    # Nobody has noted yet that the time is over; it is over all the same.
    refused(shop.decide(ANN, approval, True), 410, "APPROVAL_EXPIRED")
    assert entry(shop, ANN, approval) == {**before, "state": "expired"}
    shop.pass_time(60)
    refused(shop.decide(ANN, approval, True), 410, "APPROVAL_EXPIRED")
    refused(shop.decide(ANN, approval, False), 410, "APPROVAL_EXPIRED")
    assert entry(shop, ANN, approval) == {**before, "state": "expired", "decided_at": iso(shop)}
    assert shop.turn_of(ANN, asked["turn_id"])["status"] == "completed"
    assert "Nobody decided" in shop.clerk.told[0]
    assert runs(shop) == 0


def test_a_decision_in_the_last_moment_counts(shop: Shop) -> None:
    approval = shop.approval(ANN)
    shop.clock.advance(TIME - 0.001)
    assert shop.decide(ANN, approval, True).status == 200
    shop.pass_time(60)
    assert entry(shop, ANN, approval)["state"] == "approved"
    assert runs(shop) == 1


def test_with_a_turn_that_is_stopped_its_question_goes(shop: Shop) -> None:
    asked = shop.asked(ANN)
    approval, path = asked["prompt"]["approval_id"], f"/turns/{asked['turn_id']}/cancel"
    before = entry(shop, ANN, approval)
    assert shop.by(ANN, "POST", path).status == 202
    # Asked to stop, though nobody has stopped it yet.
    refused(shop.decide(ANN, approval, True), 409, "APPROVAL_WITHDRAWN")
    shop.work()
    ended = shop.by(ANN, "POST", path)
    assert (ended.status, ended.body["status"], ended.body["prompt"]) == (200, "cancelled", None)
    assert entry(shop, ANN, approval) == {**before, "state": "withdrawn", "decided_at": iso(shop)}
    for approved in (True, False):
        refused(shop.decide(ANN, approval, approved), 409, "APPROVAL_WITHDRAWN")
    shop.pass_time(2 * TIME)
    assert entry(shop, ANN, approval)["state"] == "withdrawn"
    assert (runs(shop), len(shop.clerk.requests)) == (0, 1)


# -- what is no decision ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "body.approved"),
        ({"approved": None}, "body.approved"),
        ({"approved": 1}, "body.approved"),
        ({"approved": "true"}, "body.approved"),
        ({"approved": True, "note": "x" * 1001}, "body.note"),
        ({"approved": True, "note": "a\u0000b"}, "body.note"),
        ({"approved": True, "note": 7}, "body.note"),
        ({"approved": True, "roles": []}, "body.roles"),
        ([True], "body"),
        (b"true", "body"),
        (b"{", "body.1"),
        (None, "body"),
    ],
)
def test_what_is_no_decision_decides_nothing(local_shop: Shop, body: Any, path: str) -> None:
    approval = local_shop.approval(ANN)
    answered = local_shop.by(ANN, "POST", f"/approvals/{approval}", body)
    refused(answered, 422, "VALIDATION_ERROR")
    assert [fault["path"] for fault in answered.body["error"]["details"]["faults"]] == [path]
    assert "x" * 50 not in answered.text
    assert entry(local_shop, ANN, approval)["state"] == "pending"


@pytest.mark.parametrize("note", [None, "", "x" * 1000, "two\nlines", "\U0001f600" * 1000])
def test_a_note_is_as_long_as_it_may_be(local_shop: Shop, note: str | None) -> None:
    approval = local_shop.approval(ANN)
    decided = local_shop.decide(ANN, approval, True, note=note)
    assert (decided.status, decided.body["note"]) == (200, note or None)
