"""The caller's conversations over HTTP."""

from datetime import datetime
from typing import Any
from urllib.parse import quote

import pytest

from tests.web.site import Answer, Site, next_page

UNKNOWN = "00000000-0000-4000-8000-000000000000"


def listed(site: Site, query: str = "", person: str | None = None) -> Answer:
    answer = site.ask("GET", f"/conversations{query}", person=person)
    assert answer.status == 200, answer.text
    return answer


def conversation(site: Site, message: str, person: str | None = None) -> str:
    """A conversation with one turn; its id."""
    site.clock.advance(1)
    assert site.turn(message, person=person).status == 200
    return str(listed(site, person=person).body[0]["conversation_id"])


def pages(site: Site, path: str, person: str | None = None) -> list[Any]:
    found: list[Any] = []
    following: str | None = path
    while following is not None:
        answer = site.ask("GET", following, person=person)
        assert answer.status == 200, answer.text
        found.append(answer.body)
        following = next_page(answer)
    return found


# -- lists --------------------------------------------------------------------------------------


def test_a_conversation_is_listed_when_it_has_messages(site: Site) -> None:
    assert listed(site).body == []
    name = conversation(site, "Where is my parcel?")
    [entry] = listed(site).body
    assert set(entry) == {"conversation_id", "title", "agent_id", "updated_at", "message_count"}
    assert entry["conversation_id"] == name
    assert (entry["title"], entry["agent_id"]) == ("Where is my parcel?", "assistant")
    assert entry["message_count"] == 2
    assert datetime.fromisoformat(entry["updated_at"]).tzinfo is not None


def test_the_one_used_last_comes_first(site: Site) -> None:
    first = site.turn("One").body["session_id"]
    for message in ("Two", "Three"):
        conversation(site, message)
    assert [entry["title"] for entry in listed(site).body] == ["Three", "Two", "One"]
    site.clock.advance(1)
    site.turn("One again", session_id=first)
    again = listed(site).body
    assert [entry["title"] for entry in again] == ["One", "Three", "Two"]
    assert [entry["message_count"] for entry in again] == [4, 2, 2]


@pytest.mark.parametrize("limit", [1, 2, 5, 6])
def test_pages_by_the_link(site: Site, limit: int) -> None:
    names = [conversation(site, f"Number {number}") for number in range(5)]
    found = pages(site, f"/conversations?limit={limit}")
    assert [entry["conversation_id"] for page in found for entry in page] == names[::-1]
    assert [len(page) for page in found[:-1]] == [limit] * (len(found) - 1)


def test_a_search_goes_on_with_its_words(site: Site) -> None:
    for number in range(4):
        conversation(site, f"Refund & return {number}")
        conversation(site, f"Parcel {number}")
    path = f"/conversations?limit=3&query={quote('reFUND & RETURN')}"
    found = [entry["title"] for page in pages(site, path) for entry in page]
    assert found == [f"Refund & return {number}" for number in (3, 2, 1, 0)]
    assert listed(site, "?query=nothing").body == []
    assert len(listed(site, "?query=%20").body) == 8


def test_everybody_has_a_list_of_their_own(site: Site) -> None:
    conversation(site, "For Ann", person="ann")
    conversation(site, "For Bob", person="bob")
    assert [entry["title"] for entry in listed(site, person="ann").body] == ["For Ann"]
    assert [entry["title"] for entry in listed(site, person="bob").body] == ["For Bob"]
    assert listed(site).body == []


@pytest.mark.parametrize(
    "query", ["?limit=0", "?limit=201", "?limit=x", "?cursor=bm9uc2Vuc2U", "?query=" + "x" * 201]
)
def test_a_bad_page_is_refused(site: Site, query: str) -> None:
    answer = site.ask("GET", f"/conversations{query}")
    assert (answer.status, answer.body["error"]["code"]) == (422, "VALIDATION_ERROR")
    assert "x" * 50 not in answer.text


# -- messages -----------------------------------------------------------------------------------


def test_messages_the_newest_first(site: Site) -> None:
    turn = site.turn("Hi").body
    name = listed(site).body[0]["conversation_id"]
    answer = site.ask("GET", f"/conversations/{name}/messages")
    assert answer.status == 200
    reply, question = answer.body
    assert set(reply) == {"id", "role", "text", "created_at", "turn_id", "stopped"}
    assert (reply["role"], reply["text"]) == ("assistant", "Hello!")
    assert (question["role"], question["text"]) == ("user", "Hi")
    assert reply["turn_id"] == question["turn_id"] == turn["turn_id"]
    assert datetime.fromisoformat(reply["created_at"]).tzinfo is not None
    assert "link" not in answer.headers


def test_what_waits_is_there_too(site: Site) -> None:
    session = site.turn("One").body["session_id"]
    name = listed(site).body[0]["conversation_id"]
    waiting = site.turn("Two", session_id=session, wait=0).body["turn_id"]
    messages = site.ask("GET", f"/conversations/{name}/messages").body
    assert [message["text"] for message in messages] == ["Two", "Hello!", "One"]
    assert messages[0]["turn_id"] == waiting


def test_pages_of_messages_by_the_link(site: Site) -> None:
    session = site.turn("0").body["session_id"]
    for number in range(1, 4):
        site.turn(str(number), session_id=session)
    name = listed(site).body[0]["conversation_id"]
    found = pages(site, f"/conversations/{name}/messages?limit=3")
    texts = [message["text"] for page in found for message in page]
    assert texts == ["Hello!", "3", "Hello!", "2", "Hello!", "1", "Hello!", "0"]
    assert [len(page) for page in found] == [3, 3, 2]


@pytest.mark.parametrize("name", ["nonsense", "%00", "a%23b", UNKNOWN.upper(), "{x}", "m" * 600])
def test_what_can_be_no_conversation_is_none(site: Site, name: str) -> None:
    missing = site.ask("GET", f"/conversations/{UNKNOWN}/messages")
    assert (missing.status, missing.body["error"]["code"]) == (404, "CONVERSATION_NOT_FOUND")
    answer = site.ask("GET", f"/conversations/{name}/messages")
    assert (answer.status, answer.body) == (missing.status, missing.body)


def test_a_foreign_conversation_is_a_missing_one(site: Site) -> None:
    name = conversation(site, "For Ann", person="ann")
    foreign = site.ask("GET", f"/conversations/{name}/messages", person="bob")
    missing = site.ask("GET", f"/conversations/{UNKNOWN}/messages", person="bob")
    assert (foreign.status, foreign.body) == (missing.status, missing.body)
    assert site.ask("GET", f"/conversations/{name}/messages").status == 200, "the service may"


@pytest.mark.parametrize("query", ["?cursor=bm9uc2Vuc2U", "?limit=0", "?limit=201"])
def test_a_bad_page_of_messages_is_refused(site: Site, query: str) -> None:
    name = conversation(site, "Hi")
    answer = site.ask("GET", f"/conversations/{name}/messages{query}")
    assert (answer.status, answer.body["error"]["code"]) == (422, "VALIDATION_ERROR")
