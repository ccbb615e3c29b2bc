"""In a conversation of several people, what one of them could look up is for that one."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from shared.identity.principal import USER, Principal
from shared.storage.sqlite import SqliteTable
from tests.runner.said import use
from tests.walls.people import Person
from tests.web.shop import ANN, BOB, Shop

SECRET = "ninety bananas"
ROOM = {
    "name": "Room",
    "instructions": "You help.",
    "shared_conversations": True,
    "knowledge": {"documents": "knowledge"},
    "tools": [{"builtin": "knowledge_search"}],
}


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Shop]:
    documents = tmp_path / "agents" / "knowledge"
    documents.mkdir(parents=True)
    front = "---\nacl: {users: [bob]}\n---\n"
    (documents / "pay.md").write_text(f"{front}# Pay\nThe head of all earns {SECRET}.")
    (tmp_path / "agents" / "room.yaml").write_text(json.dumps(ROOM))
    with closing(SqliteTable(tmp_path / "parley.db")) as engine:
        made = Shop(tmp_path, engine)
        made.clerk.plan = (use("knowledge_search", query="what the head earns"),)
        yield made


def say(room: Shop, who: Person, message: str, **more: Any) -> dict[str, Any]:
    room.clock.advance(1)
    body = {"agent_id": "room", "message": message, **more}
    answer = room.by(who, "POST", "/executor/turns", body)
    assert answer.status == 200, answer.text
    found: dict[str, Any] = answer.body
    return found


def test_sources_are_for_who_asked(room: Shop) -> None:
    mine = say(room, ANN, "What does the head earn?")
    assert mine["citations"] == []
    [conversation] = room.by(ANN, "GET", "/conversations").body
    session = opened(room, BOB, conversation["conversation_id"])
    theirs = say(room, BOB, "What does the head earn?", session_id=session)
    assert [each["id"] for each in theirs["citations"]] == ["pay.md"]
    assert SECRET in theirs["citations"][0]["snippet"]
    path = f"/turns/{theirs['turn_id']}"
    assert room.by(BOB, "GET", path).body["citations"] == theirs["citations"]
    seen = room.by(ANN, "GET", path)
    assert (seen.status, seen.body["text"], seen.body["citations"]) == (200, "Done.", [])

    requests = len(room.clerk.requests)
    say(room, ANN, "What have you found for Bob?", session_id=mine["session_id"])
    asked = json.dumps([each.messages for each in room.clerk.requests[requests:]])
    assert "What does the head earn?" in asked
    assert SECRET not in asked

    path = f"/conversations/{conversation['conversation_id']}/export"
    exported = room.by(ANN, "GET", path)
    assert exported.status == 200
    lines = [json.loads(line) for line in exported.text.splitlines()]
    cited = [each for line in lines for each in line.get("citations", ())]
    assert {each["id"] for each in cited} == {"pay.md"}
    assert all("snippet" not in each for each in cited)
    assert sum(line.get("name") == "knowledge_search" for line in lines) >= 2
    assert SECRET not in exported.text


def opened(room: Shop, who: Person, conversation: str) -> str:
    """A session of this person in a conversation that is there."""
    deployment = room.deployment
    agent = deployment.agents.get("room", who.tenant)
    principal = Principal(who.tenant, who.user, frozenset({USER}))
    session = deployment.sessions.open(principal, agent, conversation=conversation)
    return session.id
