"""Approvals as they are kept and listed, on both engines: in step with the turns they are of."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.conversations.approval_items import State, approval_key
from shared.conversations.approvals import Approval, Approvals
from shared.conversations.prompts import prompt_id
from shared.errors import ParleyError, TurnFailed
from shared.identity.credentials import LOCAL
from shared.identity.principal import Principal
from shared.runner.gates import Approval as Asked
from shared.runner.gates import Gate
from shared.storage.expressions import Assign
from shared.storage.sqlite import SqliteTable
from shared.storage.table import OWNED, Table, Update
from tests.conversations.people import Desk, refund, waiting
from tests.conversations.rig import at_rest
from tests.runner.said import answer, use
from tests.support.aws import fresh_table, moto_server
from tests.support.engines import DynamoOpener
from tests.wire.scene import Scene

BEN = Principal("local", "ben", frozenset({"user"}))
LEAD = Principal("local", "lea", frozenset({"user", "lead"}))
STRANGER = Principal("other", "local", frozenset({"user", "lead", "service"}))
SERVICE = Principal("local", "backend", frozenset({"service"}))
BY_LEADS = Gate(approval=Asked(roles=frozenset({"lead"})))


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with moto_server() as endpoint:
        yield endpoint


@pytest.fixture(params=["sqlite", "dynamodb"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    if request.param == "sqlite":
        table = SqliteTable(tmp_path / "parley.db")
        yield Desk(Scene(table, tmp_path))
        table.close()
        return
    endpoint = request.getfixturevalue("moto")
    with DynamoOpener(endpoint, fresh_table(endpoint)).open() as dynamo:
        yield Desk(Scene(dynamo, tmp_path))


def approvals(desk: Desk) -> Approvals:
    return desk.scene.deployment.approvals


def listed(desk: Desk, state: State = "pending", who: Principal = LOCAL) -> list[Approval]:
    page = approvals(desk).page(who, state=state, limit=100, cursor=None)
    assert page.next_cursor is None
    return page.approvals


def decide(desk: Desk, approved: bool = True, who: Principal = LOCAL, **more: Any) -> Approval:
    """Decide about the call that waits, and let the turn go on."""
    known = desk.job().body["prompt"]["id"]
    seen, box = approvals(desk).decide(who, known, approved=approved, **more)
    desk.scene.deployment.turns.wake(box)
    desk.scene.work()
    return seen


def refusal(desk: Desk, known: str, approved: bool = True, who: Principal = LOCAL) -> str:
    with pytest.raises(ParleyError) as refused:
        approvals(desk).decide(who, known, approved=approved)
    return refused.value.error_code


def places(desk: Desk) -> list[str]:
    """Under what the approvals stand in the index."""
    names = [
        f"APPROVALS#local#{state}#{whose}"
        for state in ("pending", "decided")
        for whose in ("user#local", "roles")
    ]
    table: Table = desk.scene.deployment.table
    return [name for name in names for _ in table.query_index(OWNED, name).items]


def test_what_waits_is_listed_as_it_was_asked(desk: Desk) -> None:
    waiting(desk)
    (found,) = listed(desk)
    job = desk.job()
    prompt, pending = job.body["prompt"], job.pending
    assert pending is not None
    assert found == approvals(desk).find(LOCAL, prompt["id"])
    assert found == Approval(
        id=prompt["id"],
        state="pending",
        turn=desk.view().id,
        conversation=desk.box.id,
        session=desk.session,
        requested_by="local",
        agent="assistant",
        tool="refund",
        description='Looks something up. refund(order: "42")',
        arguments={"order": "42"},
        roles=[],
        asked_at=prompt["at"],
        expires_at=pending.expires_at,
    )
    assert places(desk) == ["APPROVALS#local#pending#user#local"]


@pytest.mark.parametrize("approved", [True, False])
def test_what_was_decided_says_by_whom_and_when(desk: Desk, approved: bool) -> None:
    tool, _ = waiting(desk)
    seen = decide(desk, approved, note="Because.")
    (found,) = listed(desk, "decided")
    assert found == seen
    assert (found.state, found.decided_by) == ("approved" if approved else "denied", "local")
    assert found.note == "Because."
    assert found.decided_at is not None
    assert found.decided_at >= found.asked_at
    assert listed(desk) == []
    assert places(desk) == ["APPROVALS#local#decided#user#local"]
    assert len(tool.calls) == approved
    assert at_rest(desk.scene, desk.session)


def test_the_same_again_is_the_same_and_the_contrary_is_refused(desk: Desk) -> None:
    waiting(desk)
    known = desk.job().body["prompt"]["id"]
    first = decide(desk)
    # Also when the turn is long over.
    again, _ = approvals(desk).decide(LOCAL, known, approved=True, note="Twice.")
    assert again == first
    assert refusal(desk, known, approved=False) == "ALREADY_DECIDED"
    assert refusal(desk, known, who=SERVICE) == "ALREADY_DECIDED"


def test_what_nobody_decided_in_time(desk: Desk) -> None:
    waiting(desk)
    known = desk.job().body["prompt"]["id"]
    desk.scene.virtual.pass_time(301)
    # Nobody has noted that yet.
    assert (listed(desk), refusal(desk, known)) == ([], "APPROVAL_EXPIRED")
    desk.pass_time(1)
    (found,) = listed(desk, "decided")
    assert (found.state, found.decided_by) == ("expired", None)
    assert refusal(desk, known) == "APPROVAL_EXPIRED"
    assert places(desk) == ["APPROVALS#local#decided#user#local"]


@pytest.mark.parametrize("how", ["cancelled", "failed"])
def test_with_its_turn_an_approval_is_withdrawn(desk: Desk, how: str) -> None:
    scene = desk.scene
    waiting(desk)
    known = desk.job().body["prompt"]["id"]
    if how == "cancelled":
        scene.frame("c1", "cancel", requestId="r1", sessionId=desk.session)
        scene.work()
    else:
        # It has killed as many workers as it may.
        table = scene.deployment.table
        table.update(Update(desk.box.item, [Assign(("crashes",), 4)]))
        desk.pass_time(1)
    assert desk.view().status == how
    (found,) = listed(desk, "decided")
    assert (found.state, found.decided_by) == ("withdrawn", None)
    assert found.decided_at is not None
    assert (listed(desk), refusal(desk, known)) == ([], "APPROVAL_WITHDRAWN")


def test_what_was_decided_stays_decided_when_the_turn_fails(desk: Desk) -> None:
    waiting(desk)
    handler: Any = desk.scene.deployment.turn_handler

    def spent(_: str, **_more: int) -> None:
        raise TurnFailed("Enough.", code="BUDGET_EXCEEDED")

    object.__setattr__(handler._services, "may_spend", spent)
    decide(desk, False)
    assert desk.view().status == "failed"
    assert [found.state for found in listed(desk, "decided")] == ["denied"]


# -- whose ------------------------------------------------------------------------------------


def test_what_is_somebody_elses_is_not_there(desk: Desk) -> None:
    waiting(desk)
    known = desk.job().body["prompt"]["id"]
    for other in (BEN, LEAD, STRANGER):
        assert refusal(desk, known, who=other) == "APPROVAL_NOT_FOUND"
        assert listed(desk, who=other) == []
        with pytest.raises(ParleyError) as unknown:
            approvals(desk).find(other, known)
        assert unknown.value.error_code == "APPROVAL_NOT_FOUND"
    assert desk.view().status == "awaiting_approval"


def test_with_roles_one_of_them_decides_and_nobody_else(desk: Desk) -> None:
    tool = refund()
    desk.equip(answer(use("refund")), answer("Done"), tools=[tool], gates={"refund": BY_LEADS})
    desk.ask()
    known = desk.job().body["prompt"]["id"]
    assert places(desk) == ["APPROVALS#local#pending#roles"]
    assert (listed(desk, who=BEN), refusal(desk, known, who=BEN)) == ([], "APPROVAL_NOT_FOUND")
    (found,) = listed(desk, who=LEAD)
    assert found.roles == ["lead"]
    assert decide(desk, who=LEAD).decided_by == "lea"
    assert [seen.state for seen in listed(desk, "decided", LEAD)] == ["approved"]
    assert places(desk) == ["APPROVALS#local#decided#roles"]
    assert len(tool.calls) == 1


def test_a_service_may_decide(desk: Desk) -> None:
    tool, _ = waiting(desk)
    assert decide(desk, who=SERVICE).decided_by == "backend"
    assert len(tool.calls) == 1


@pytest.mark.parametrize("known", ["", "approval_", "turn_x", "x" * 5000])
def test_an_approval_that_never_was(desk: Desk, known: str) -> None:
    assert refusal(desk, known) == "APPROVAL_NOT_FOUND"


def test_an_id_of_other_arguments_decides_nothing(desk: Desk) -> None:
    waiting(desk)
    job = desk.job()
    for digest, key in (("0" * 32, "1-0"), (job.body["prompt"]["digest"], "1-1")):
        forged = prompt_id(desk.box.id, job.ref, "approval", key, digest)
        assert refusal(desk, forged) == "APPROVAL_NOT_FOUND"
    assert desk.view().status == "awaiting_approval"


def test_what_has_been_decided_is_kept_with_the_conversation(desk: Desk) -> None:
    waiting(desk)
    job = desk.job()
    decide(desk)
    item = desk.scene.deployment.table.get([approval_key(desk.box, job.ref, "1-0")])[0]
    assert item is not None
    assert item.key.pk == desk.box.partition
    # It stays when the turn is forgotten.
    assert item.ttl is None
