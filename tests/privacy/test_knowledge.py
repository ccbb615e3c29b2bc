"""Documents that are not everybody's: through the whole deployment, whoever asks.

For random lists of readers, what a user may not read is in nothing that this user's turns bring
about: no request to the model, no event, no line of the log, no stored item of the conversation.
"""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
import pytest
import yaml

from shared.clock import SystemClock
from tests.privacy.canaries import listening
from tests.support.deployments import Running, local_set
from tests.support.frames_client import FramesClient
from tests.support.messages_api import ScriptedMessagesApi, Step, ToolCall

SECRET = "the-secret-that-signs-tokens-of-this-test"
USERS = ("ann", "bob", "cid")
GROUPS = ("staff", "sales")
DOCUMENTS = 12


@dataclass
class Book:
    """A document with a word that stands in no other."""

    number: int
    acl: Mapping[str, Any] | None
    word: str = field(init=False)

    def __post_init__(self) -> None:
        self.word = f"canary{self.number:02}zq"

    def text(self) -> str:
        front = "" if self.acl is None else f"---\nacl: {json.dumps(self.acl)}\n---\n"
        return f"{front}# Lamp {self.word}\n\nA lamp is {self.word}.\n"

    def admits(self, user: str, groups: Sequence[str]) -> bool:
        acl = self.acl
        if acl is None or acl.get("public"):
            return True
        return user in acl.get("users", ()) or bool({*acl.get("groups", ())} & {*groups})


def books(chance: random.Random) -> list[Book]:
    return [Book(number, acl(chance)) for number in range(DOCUMENTS)]


def acl(chance: random.Random) -> Mapping[str, Any] | None:
    def some(names: Sequence[str]) -> list[str]:
        return [name for name in names if chance.random() < 0.3]

    match chance.randrange(5):
        case 0:
            return None
        case 1:
            return {"public": chance.random() < 0.5}
    return {"users": some(USERS), "groups": some(GROUPS)}


def agents(folder: Path, library: Sequence[Book]) -> Path:
    agent = {
        "name": "Lamps",
        "instructions": "You help.",
        "knowledge": {"documents": "knowledge/lamps", "top_k": 20},
        "tools": [{"builtin": "knowledge_search"}],
    }
    documents = folder / "agents" / "knowledge" / "lamps"
    documents.mkdir(parents=True)
    (folder / "agents" / "lamps.yaml").write_text(yaml.safe_dump(agent))
    for book in library:
        (documents / f"{book.number:02}.md").write_text(book.text())
    return folder / "agents"


def token(user: str, groups: Sequence[str], roles: Sequence[str]) -> str:
    expires = SystemClock().now() // 1000 + 600
    claims = {"sub": user, "groups": groups, "roles": roles, "exp": expires}
    return jwt.encode(claims, SECRET, "HS256")


def conversation(running: Running, user: str, credential: str) -> tuple[str, str]:
    """One turn; the id of the conversation and everything that its client got."""
    with FramesClient(running.socket_url, f"?token={credential}") as client:
        opened = client.open_session("lamps")
        client.send(
            {
                "action": "send_message",
                "requestId": user,
                "sessionId": opened["sessionId"],
                "message": "Which lamp?",
            }
        )
        while client.next(user)["type"] != "eventual_response":
            pass
        return str(opened["conversationId"]), "\n".join(client.raw)


def stored(running: Running, conversation_id: str) -> str:
    """All that is kept of a conversation."""
    table = running.deployment.table
    found: list[str] = []
    for partition in (f"CONV#acme#{conversation_id}", f"BOX#conv#acme#{conversation_id}"):
        page = table.query(partition)
        assert page.cursor is None
        found += [repr((item.key, item.attrs, item.body)) for item in page.items]
    return "\n".join(found)


@pytest.mark.parametrize("seed", range(3))
def test_what_a_user_may_not_read_reaches_nothing_of_theirs(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    library = books(chance)
    settings = {
        "ASSISTANT_LOCAL_CONFIG_DIR": str(agents(tmp_path, library)),
        "AUTH_MODE": "jwt",
        "AUTH_JWT_SECRET": SECRET,
        "AUTH_JWT_TENANT": "acme",
    }
    search = ToolCall(name="knowledge_search", input={"query": "lamp", "limit": 10})
    script = [step for _ in USERS for step in (Step(tool_calls=[search]), Step(tokens=["That."]))]
    with (
        listening() as written,
        ScriptedMessagesApi(script) as api,
        local_set(tmp_path / "workspace", api.base_url, settings) as running,
    ):
        found: list[tuple[str, list[str], str, dict[str, str]]] = []
        for user in USERS:
            groups = [name for name in GROUPS if chance.random() < 0.5]
            credential = token(user, groups, chance.choice([["user"], ["admin"], ["service"]]))
            before = len(api.requests)
            kept, events = conversation(running, user, credential)
            asked = json.dumps(api.requests[before:], ensure_ascii=False)
            found.append((user, groups, kept, {"prompts": asked, "events": events}))
        running.settle()
        for user, groups, kept, told in found:
            everything = {**told, "items": stored(running, kept)}
            for book in library:
                if not book.admits(user, groups):
                    reached = [name for name, text in everything.items() if book.word in text]
                    assert reached == [], f"{book} reached {user} of {groups}"
            own = [book for book in library if book.admits(user, groups)]
            assert all(book.word in told["prompts"] for book in own), "what they may read is found"
            assert "Which lamp?" in everything["items"]
        log = written.getvalue()
        assert "canary" not in log
        assert "Which lamp?" not in log
        assert '"query": "lamp"' not in log
