"""Who decides over HTTP, and what the others see: nothing."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.conversations.prompts import parts_of, prompt_id
from shared.ids import new_id, pack
from shared.storage.sqlite import SqliteTable
from tests.walls.people import Person
from tests.web.shop import ANN, BOB, BOSS, CLERK, OTHER_ANN, Shop, entry, refused, runs
from tests.web.site import TOKEN


def knocks(shop: Shop, person: Person, approval: str) -> list[tuple[int, Any, list[str]]]:
    answers = [
        shop.by(person, "GET", f"/approvals/{approval}"),
        shop.decide(person, approval, True),
        shop.decide(person, approval, False),
    ]
    return [(each.status, each.body, sorted(each.headers)) for each in answers]


def test_what_somebody_may_not_decide_is_not_there(shop: Shop) -> None:
    conversation = new_id()
    never = prompt_id(conversation, f"TURN#{new_id()}#q", "approval", "0-0", "0" * 32)
    missing = knocks(shop, BOB, never)
    assert {status for status, *_ in missing} == {404}
    assert missing[0][1]["error"]["code"] == "APPROVAL_NOT_FOUND"
    for agent, people in {"shop": (BOB, BOSS, CLERK), "bank": (ANN, BOB, CLERK)}.items():
        approval = shop.approval(ANN, agent)
        for person in (*people, OTHER_ANN):
            assert knocks(shop, person, approval) == missing, (agent, person)
    assert runs(shop) == 0


def test_another_hash_of_the_arguments_is_another_approval(shop: Shop) -> None:
    conversation, ref, key, digest = parts_of("approval", shop.approval(ANN))
    for wrong in (digest[::-1], digest[:-1], "0" * 32):
        forged = prompt_id(conversation, ref, "approval", key, wrong)
        assert {status for status, *_ in knocks(shop, ANN, forged)} == {404}
    for kind in ("interaction", "code", "turn"):
        forged = prompt_id(conversation, ref, kind, key, digest)
        assert {status for status, *_ in knocks(shop, ANN, forged)} == {404}


def test_who_has_the_role_decides_and_the_user_does_not(shop: Shop) -> None:
    asked = shop.asked(ANN, "bank")
    # She sees what her turn waits for.
    approval = asked["prompt"]["approval_id"]
    seen = entry(shop, BOSS, approval)
    assert (seen["roles"], seen["requested_by"]) == (["boss"], "ann")
    decided = shop.decide(BOSS, approval, True)
    assert (decided.status, decided.body["decided_by"]) == (200, "boss")
    second = Person("acme", "other-boss", roles=("boss",))
    refused(shop.decide(second, approval, True), 409, "ALREADY_DECIDED")
    shop.work()
    assert shop.turn_of(ANN, asked["turn_id"])["text"] == "Done."
    assert runs(shop) == 1


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[Shop]:
    """A shop whose only caller is a backend, which asks for itself or for its people."""
    with closing(SqliteTable(tmp_path / "shop.db")) as table:
        yield Shop(tmp_path, table, AUTH_MODE="token")


def test_a_backend_decides_for_its_people_what_is_theirs(backend: Shop) -> None:
    answered = backend.turn("Refund 42", agent_id="shop", person="ann")
    approval = answered.body["prompt"]["approval_id"]
    path = f"/approvals/{approval}"

    def listed(person: str | None) -> list[str]:
        page = backend.ask("GET", "/approvals", person=person).body
        return [each["approval_id"] for each in page]

    assert [listed(person) for person in ("ann", "bob", None)] == [[approval], [], []]
    for method, body in (("GET", None), ("POST", {"approved": True})):
        refused(backend.ask(method, path, body, person="bob"), 404, "APPROVAL_NOT_FOUND")
        assert backend.ask(method, path, body, token="x" + TOKEN).status == 401
    # The name alone gives none of the roles.
    by_role = backend.turn("Refund 42", agent_id="bank", person="boss")
    path_of_boss = f"/approvals/{by_role.body['prompt']['approval_id']}"
    decision = {"approved": True}
    refused(backend.ask("POST", path_of_boss, decision, person="boss"), 404, "APPROVAL_NOT_FOUND")
    decided = backend.ask("POST", path, decision, person="ann")
    assert (decided.status, decided.body["decided_by"]) == (200, "ann")


def test_the_service_decides_everything_in_its_tenant(backend: Shop, tmp_path: Path) -> None:
    for agent in ("shop", "bank"):
        answered = backend.turn("Refund 42", agent_id=agent, person="ann")
        path = f"/approvals/{answered.body['prompt']['approval_id']}"
        elsewhere = Shop(
            tmp_path, backend.deployment.engine, AUTH_MODE="token", SERVICE_TENANT="other"
        )
        for person in (None, "ann"):
            knock = elsewhere.ask("POST", path, {"approved": True}, person=person)
            refused(knock, 404, "APPROVAL_NOT_FOUND")
        decided = backend.ask("POST", path, {"approved": True})
        assert (decided.status, decided.body["decided_by"]) == (200, "service")
        assert decided.body["requested_by"] == "ann"


def test_the_service_lists_its_own_and_what_roles_decide(backend: Shop) -> None:
    backend.turn("Refund 42", agent_id="shop", person="ann")
    own, by_role = [
        backend.turn("Refund 42", agent_id=agent, person=person).body["prompt"]["approval_id"]
        for agent, person in (("shop", None), ("bank", "ann"))
    ]
    listed = backend.ask("GET", "/approvals").body
    told = [(each["approval_id"], each["requested_by"]) for each in listed]
    assert told == [(own, "service"), (by_role, "ann")]


PARTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=600)
IDS = st.one_of(
    st.text(st.characters(exclude_characters="/?#", exclude_categories=["Cs"]), min_size=1),
    st.lists(PARTS, max_size=6).map(lambda parts: pack("approval", *parts)),
    st.builds(lambda a, b, c: prompt_id("c", f"TURN#{a}", "approval", b, c), *[PARTS] * 3),
    st.binary(max_size=40).map(lambda raw: f"approval_{raw.hex()}"),
)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(approval=IDS, approved=st.booleans())
def test_whatever_an_id_is_it_is_missing(local_shop: Shop, approval: str, approved: bool) -> None:
    for answered in (
        local_shop.by(ANN, "GET", f"/approvals/{approval}"),
        local_shop.decide(ANN, approval, approved),
    ):
        assert answered.status == 404, (approval, answered.text)
        assert set(answered.body) == {"error", "detail"}


@pytest.mark.parametrize("size", [475, 503, 507, 512])
def test_an_id_of_the_largest_parts_is_missing(shop: Shop, size: int) -> None:
    ref = f"TURN#{'r' * 507}"
    forged = prompt_id("c" * 512, ref, "approval", "k" * size, "0" * 32)
    assert {status for status, *_ in knocks(shop, ANN, forged)} == {404}
