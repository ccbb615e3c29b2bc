"""Agents over HTTP: their public part, to whom, and page by page."""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from shared.ids import agent_uuid, pack
from shared.storage.sqlite import SqliteTable
from shared.web.agents import PAGE_BYTES
from tests.walls.people import Person
from tests.web.shop import ANN, OTHER_ANN, Shop, pages, refused
from tests.web.site import TOKEN, Site, site_in

SECRET = "what nobody may read"
FULL: Mapping[str, Any] = {
    "name": "Support",
    "instructions": f"{SECRET} of {{{{ plan }}}} for {{{{customer}}}} at {{{{system__time}}}}",
    "model": "one",
    "models_allowed": ["two", "one"],
    "greeting": "Hello {{customer}} {{no place}}!",
    "language": "de",
    "overrides": ["greeting", "language"],
    "skills": ["tone-of-voice"],
    "origins": ["https://shop.example.com"],
    "tools": [{"python": "hidden:hidden_tool"}],
    "confirm_tools": ["hidden_*"],
}
TOOL = 'def hidden_tool(a: str) -> str:\n    """A hidden description."""\n    return a\n'
PLAIN = {"name": "Plain", "instructions": "Be kind."}
SHOP = "https://shop.example.com"


def write(folder: Path, **agents: Mapping[str, Any]) -> str:
    folder.mkdir(exist_ok=True)
    for name, fields in agents.items():
        (folder / f"{name}.yaml").write_text(json.dumps(fields, ensure_ascii=False), "utf-8")
    (folder / "hidden.py").write_text(TOOL, "utf-8")
    return str(folder)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    agents = write(tmp_path / "agents", support=FULL, plain=PLAIN)
    with site_in(tmp_path, ASSISTANT_LOCAL_CONFIG_DIR=agents, ANTHROPIC_MODEL="usual") as made:
        yield made


def test_an_agent_shows_what_its_users_may_know_and_no_more(site: Site) -> None:
    answered = site.ask("GET", "/agents/support")
    assert (answered.status, answered.body) == (
        200,
        {
            "agent_id": "support",
            "uuid": agent_uuid("support"),
            "name": "Support",
            "greeting": "Hello {{customer}} {{no place}}!",
            "language": "de",
            "models": ["one", "two"],
            "skills": ["tone-of-voice"],
            "overrides": ["greeting", "language"],
            "variables": ["plan", "customer"],
            "supports": ["choice_chips", "identity_form"],
        },
    )
    for hidden in (SECRET, "hidden", "shop.example.com"):
        assert hidden not in answered.text


def test_an_agent_with_little(site: Site) -> None:
    body = site.ask("GET", "/agents/plain").body
    assert (body["name"], body["models"], body["greeting"]) == ("Plain", ["usual"], None)
    assert (body["language"], body["skills"], body["variables"]) == (None, [], [])


def test_the_list_has_the_entries_as_they_are_one_by_one(site: Site) -> None:
    listed = site.ask("GET", "/agents")
    assert [each["agent_id"] for each in listed.body] == ["plain", "support"]
    assert listed.headers.get("link") is None
    for each in listed.body:
        assert site.ask("GET", f"/agents/{each['agent_id']}").body == each
        assert site.ask("GET", f"/agents/{each['uuid']}").body == each


@pytest.mark.parametrize("agent", ["nobody", "Plain", "..", "a b", agent_uuid("nobody"), "%00"])
def test_there_is_no_such_agent(site: Site, agent: str) -> None:
    refused(site.ask("GET", f"/agents/{agent}"), 404, "AGENT_NOT_FOUND")


# -- web pages ----------------------------------------------------------------------------------


def test_a_page_sees_the_agents_that_it_may_use(site: Site) -> None:
    seen = {
        origin: [each["agent_id"] for each in site.ask("GET", "/agents", Origin=origin).body]
        for origin in (SHOP, "https://evil.example.com", "null")
    }
    assert seen == {
        SHOP: ["plain", "support"],
        "https://evil.example.com": ["plain"],
        "null": ["plain"],
    }
    assert site.ask("GET", "/agents/support", Origin=SHOP).status == 200
    hidden = site.ask("GET", "/agents/support", Origin="https://evil.example.com")
    missing = site.ask("GET", "/agents/nobody", Origin="https://evil.example.com")
    assert (hidden.status, hidden.text) == (missing.status, missing.text)


def test_a_page_of_the_list_is_full_though_there_are_hidden_ones(site: Site) -> None:
    answered = site.ask("GET", "/agents?limit=1", Origin="https://evil.example.com")
    assert [each["agent_id"] for each in answered.body] == ["plain"]
    assert answered.headers.get("link") is None


# -- who ----------------------------------------------------------------------------------------


def test_everybody_who_may_begin_a_conversation_may_look(local_shop: Shop) -> None:
    robot = Person("acme", "robot", roles=("service",))
    lists = [local_shop.by(person, "GET", "/agents").body for person in (ANN, OTHER_ANN, robot)]
    assert [each["agent_id"] for each in lists[0]] == ["bank", "desk", "safe", "shop"]
    assert lists[0] == lists[1] == lists[2]


def test_the_service_token_is_taken_beside_signed_tokens(local_shop: Shop) -> None:
    for path in ("/agents", "/agents/shop"):
        assert local_shop.ask("GET", path, token=TOKEN).status == 200
        assert local_shop.ask("GET", path, token=TOKEN, person="ann").status == 200
        assert local_shop.ask("GET", path, token="nonsense").status == 401


# -- pages --------------------------------------------------------------------------------------


@pytest.fixture
def many(tmp_path: Path) -> Iterator[Shop]:
    """With agents whose ids sort by their characters."""
    names = ("B", "a", "a-b", "a.b", "a_b", "b", "shop2")
    agents = write(tmp_path / "more", **dict.fromkeys(names, PLAIN))
    with closing(SqliteTable(tmp_path / "shop.db")) as table:
        yield Shop(tmp_path, table, ASSISTANT_LOCAL_CONFIG_DIR=agents)


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 8])
def test_pages_by_the_link_have_each_once_in_the_order_of_their_ids(many: Shop, limit: int) -> None:
    found = pages(many, ANN, f"/agents?limit={limit}")
    names = [each["agent_id"] for page in found for each in page]
    assert names == ["B", "a", "a-b", "a.b", "a_b", "b", "shop2"]
    full, rest = divmod(7, limit)
    assert [len(page) for page in found] == [limit] * full + [rest] * (rest > 0)


def test_a_cursor_stays_good_when_its_agent_goes(many: Shop) -> None:
    cursor = pack("agents", "a-c")
    answered = many.by(ANN, "GET", f"/agents?limit=2&cursor={cursor}")
    assert [each["agent_id"] for each in answered.body] == ["a.b", "a_b"]


def test_a_page_is_no_larger_than_an_answer_may_be(tmp_path: Path) -> None:
    long = {**PLAIN, "greeting": "\N{GRINNING FACE}" * 10_000}
    folder = write(tmp_path / "long", **{f"agent-{number:02}": long for number in range(60)})
    with closing(SqliteTable(tmp_path / "shop.db")) as table:
        shop = Shop(tmp_path, table, ASSISTANT_LOCAL_CONFIG_DIR=folder)
        answered = shop.by(ANN, "GET", "/agents?limit=200")
        assert len(answered.text.encode()) <= PAGE_BYTES + 1000
        found = pages(shop, ANN, "/agents?limit=200")
    assert [len(page) for page in found] == [26, 26, 8]


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "cursor=x", "cursor=agents_x"])
def test_what_the_list_does_not_take(site: Site, query: str) -> None:
    refused(site.ask("GET", f"/agents?{query}"), 422, "VALIDATION_ERROR")
