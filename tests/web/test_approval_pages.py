"""Web pages that decide over HTTP: only those that may talk to the agent."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from shared.storage.sqlite import SqliteTable
from tests.web.shop import ANN, BOSS, CLERK, Shop, entry, refused, runs

OURS, THEIRS = "https://a.example.com", "https://evil.example.com"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """Browsers may read the answers of both pages; the agents admit one of them."""
    with closing(SqliteTable(tmp_path / "shop.db")) as table:
        made = Shop(tmp_path, table, CORS_ORIGINS=f"{OURS},{THEIRS}")
        for name in ("shop", "bank"):
            described = tmp_path / "agents" / f"{name}.yaml"
            known = json.loads(described.read_text("utf-8"))
            described.write_text(json.dumps({**known, "origins": [OURS]}), "utf-8")
        yield made


@pytest.mark.parametrize("approved", [True, False])
def test_a_page_that_may_not_talk_to_the_agent_decides_nothing(shop: Shop, approved: bool) -> None:
    approval = shop.approval(ANN)
    before = entry(shop, ANN, approval)
    path, body = f"/approvals/{approval}", {"approved": approved, "note": "Haha."}
    for origin in (THEIRS, "null", f"{OURS}.evil.example.com"):
        answered = shop.by(ANN, "POST", path, body, Origin=origin)
        refused(answered, 403, "ORIGIN_NOT_ALLOWED")
    shop.work()
    assert (entry(shop, ANN, approval), runs(shop)) == (before, 0)
    decided = shop.by(ANN, "POST", path, body, Origin=OURS)
    assert decided.status == 200
    shop.work()
    assert runs(shop) == approved


def test_what_has_been_decided_is_no_answer_for_such_a_page(shop: Shop) -> None:
    approval = shop.approval(ANN)
    assert shop.decide(ANN, approval, True).status == 200
    for approved in (True, False):
        body = {"approved": approved}
        answered = shop.by(ANN, "POST", f"/approvals/{approval}", body, Origin=THEIRS)
        refused(answered, 403, "ORIGIN_NOT_ALLOWED")


def test_whoever_decides_by_a_role_does_so_from_the_agents_pages_too(shop: Shop) -> None:
    approval = shop.approval(ANN, "bank")
    path, body = f"/approvals/{approval}", {"approved": True}
    refused(shop.by(BOSS, "POST", path, body, Origin=THEIRS), 403, "ORIGIN_NOT_ALLOWED")
    assert shop.by(BOSS, "POST", path, body, Origin=OURS).status == 200


def test_a_page_learns_nothing_of_what_its_user_may_not_decide(shop: Shop) -> None:
    """Whether there is such an approval, for one."""
    approval, body = shop.approval(ANN, "bank"), {"approved": True}
    for known in (approval, "approval_bm9uZQ"):
        for origin in (OURS, THEIRS):
            answered = shop.by(ANN, "POST", f"/approvals/{known}", body, Origin=origin)
            refused(answered, 404, "APPROVAL_NOT_FOUND")


def test_an_agent_that_names_no_pages_keeps_none_out(shop: Shop) -> None:
    approval = shop.approval(ANN, "safe")
    path, body = f"/approvals/{approval}", {"approved": True}
    assert shop.by(CLERK, "POST", path, body, Origin=THEIRS).status == 200


def test_a_caller_that_is_no_page_is_not_kept_out(shop: Shop) -> None:
    assert shop.decide(ANN, shop.approval(ANN), True).status == 200
