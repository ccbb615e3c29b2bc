"""What a session brings for its agent's texts, while the agent, and time, go on."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.conversations.items import begun_key, box_key, meta_key
from shared.errors import ValidationError
from shared.identity.principal import Principal
from shared.runner.variables import PROVENANCE
from shared.storage.sqlite import SqliteTable
from tests.conversations.rig import box, text_of
from tests.runner.said import SaidModel, answer, use
from tests.wire.scene import Scene

AGENT: dict[str, Any] = {
    "name": "A",
    "instructions": "You serve {{customer}} on {{system__date}} at {{system__time}}.",
    "model": "own",
    "models_allowed": ["other"],
    "overrides": ["language", "model"],
    "tools": [{"python": "shop:sell", "approval": "required"}],
}
TOOL = 'def sell() -> str:\n    """Sell it."""\n    return "sold"\n'
MANY = "Z" * 1000


class Shop:
    """A scene with one agent, whose file a test changes."""

    def __init__(self, engine: SqliteTable, folder: Path) -> None:
        self._folder = folder / "agents"
        self._folder.mkdir()
        (self._folder / "shop.py").write_text(TOOL)
        self.change()
        self.scene = Scene(engine, folder, ASSISTANT_LOCAL_CONFIG_DIR=str(self._folder))
        self.model = SaidModel(answer("One"), answer("Two"), answer("Three"))
        self.scene.deployment.model = self.model
        self.scene.connect("c1")

    def change(self, **fields: Any) -> None:
        """From now on the agent is as ever, but for this."""
        (self._folder / "assistant.yaml").write_text(yaml.safe_dump({**AGENT, **fields}))

    def open(self, **fields: Any) -> str:
        return self.scene.session("c1", **{"dynamicVariables": {"customer": "Ann"}, **fields})

    def say(self, session: str, request_id: str, **fields: Any) -> Any:
        """A message and its turn, as far as it runs; the last event of it."""
        self.scene.frame(
            "c1", "send_message", requestId=request_id, sessionId=session, message="Hi", **fields
        )
        self.scene.work()
        return self.scene.events("c1", request_id)[-1]

    @property
    def system(self) -> str:
        return str(self.model.requests[-1].system)


@pytest.fixture
def shop(engine: SqliteTable, tmp_path: Path) -> Shop:
    return Shop(engine, tmp_path)


def marked(name: str, value: str) -> str:
    return f'<variable name="{name}">{value}</variable>'


def test_a_turn_that_waits_goes_on_with_what_it_began_with(shop: Shop) -> None:
    """However much later, and whatever the agent has become."""
    shop.model.answers = [answer(use("sell")), answer("Done")]
    session = shop.open(overrides={"language": "de", "model": "other"})
    assert shop.say(session, "r1", dynamicVariables={"customer": "Ben"})["type"] == "stream_chunk"
    shop.change(instructions="You serve {{nobody}}.", overrides=[])
    shop.scene.virtual.pass_time(90)
    shop.scene.frame("c1", "confirm_tool_action", requestId="a1", sessionId=session, approved=True)
    shop.scene.work()
    assert text_of(shop.scene.events("c1", "r1")[-1]) == "Done"
    before, after = shop.model.requests
    assert marked("customer", "Ben") in before.system
    assert (before.system, before.model) == (after.system, after.model)
    assert after.model == "other"


def test_the_time_is_when_the_message_came(shop: Shop) -> None:
    session = shop.open()
    shop.scene.frame("c1", "send_message", requestId="r1", sessionId=session, message="Hi")
    added = shop.scene.deployment.table.get([box(shop.scene, session).job(f"TURN#{session}#r1")])[0]
    assert added is not None
    shop.scene.virtual.pass_time(3600)
    shop.scene.work()
    when = datetime.fromtimestamp(added.attrs["added_at"] / 1000, UTC)
    assert marked("system__time", f"{when:%Y-%m-%dT%H:%MZ}") in shop.system
    assert marked("system__date", f"{when:%Y-%m-%d}") in shop.system


def test_a_turn_whose_agent_needs_more_by_now_says_what(shop: Shop) -> None:
    session = shop.open()
    shop.change(instructions="You serve {{customer}} of {{company}} in {{city}}.")
    ended = shop.say(session, "r1")
    assert ended["type"] == "error"
    assert ended["error"]["code"] == "DYNAMIC_VARIABLES_MISSING"
    assert "company, city" in ended["error"]["message"]
    assert shop.model.requests == []
    more = {"customer": "Ann", "company": "B", "city": "C"}
    assert shop.say(session, "r2", dynamicVariables=more)["type"] == "eventual_response"


def test_a_greeting_that_nobody_is_told_any_more_needs_nothing(shop: Shop) -> None:
    session = shop.open()
    assert shop.say(session, "r1")["type"] == "eventual_response"
    shop.change(greeting="Hello {{stranger}}!")
    assert shop.say(session, "r2")["type"] == "eventual_response"


def test_what_the_agent_does_not_know_any_more_is_left_out(shop: Shop) -> None:
    session = shop.open(overrides={"language": "de", "model": "other"})
    shop.change(instructions="You help.", models_allowed=[])
    shop.say(session, "r1")
    assert (shop.model.requests[-1].model, "tag de" in shop.system) == ("own", True)
    shop.change(instructions="You help.", overrides=["model"])
    shop.say(session, "r2")
    assert (shop.model.requests[-1].model, shop.system) == ("other", "You help.")


def test_who_comes_back_inherits_what_the_agent_still_lets_be(shop: Shop) -> None:
    first = shop.open(overrides={"language": "de"})
    conversation = box(shop.scene, first).id
    shop.change(instructions="You help {{customer}} with {{thing}}.", overrides=[])
    refused = shop.scene.frame(
        "c1",
        "create_conversation_session",
        requestId="o2",
        agentId="assistant",
        conversationId=conversation,
    )
    assert refused["data"]["details"]["missing"] == ["thing"]
    shop.change(instructions="You help {{ thing }}.", overrides=[])
    given = {"dynamicVariables": {"thing": "it"}, "conversationId": conversation}
    again = shop.open(**given)
    shop.say(again, "r1")
    assert shop.system == f"You help {marked('thing', 'it')}.\n\n{PROVENANCE}"


def test_a_foreign_conversation_gives_nothing_of_what_it_began_with(shop: Shop) -> None:
    """Like one that does not exist, also in what is said of the variables."""
    conversation = box(shop.scene, shop.open()).id
    sessions, agents = shop.scene.deployment.sessions, shop.scene.deployment.agents
    agent, eve = agents.get("assistant", "local"), Principal("local", "eve", frozenset({"user"}))
    said = []
    for asked in (conversation, "00000000-0000-4000-8000-000000000000"):
        with pytest.raises(ValidationError, match="customer") as refused:
            sessions.open(eve, agent, conversation=asked)
        said.append(refused.value.details)
    assert said[0] == said[1]


def test_what_a_session_brings_does_not_weigh_on_what_turns_write(shop: Shop) -> None:
    session = shop.open(dynamicVariables={"customer": MANY})
    key = box(shop.scene, session)
    meta, begun = shop.scene.deployment.table.get([meta_key(key), begun_key(key)])
    assert meta is not None
    assert begun is not None
    assert (meta.body, begun.body) == (None, {"variables": {"customer": MANY}})


def test_a_session_that_brings_nothing_leaves_nothing(shop: Shop) -> None:
    shop.change(instructions="You help.")
    session = shop.scene.session("c1")
    key = box_key("local", box(shop.scene, session).id)
    assert shop.scene.deployment.table.get([begun_key(key)]) == [None]
    shop.say(session, "r1")
    job = shop.scene.deployment.table.get([key.job(f"TURN#{session}#r1")])[0]
    assert job is not None
    assert job.body is not None
    assert not {"variables", "overrides"} & job.body["payload"].keys()
    assert shop.system == "You help."


def test_a_repeat_stays_accepted_when_the_agent_has_changed(shop: Shop) -> None:
    session = shop.open()
    shop.say(session, "r1", dynamicVariables={"customer": "Ben"})
    shop.change(instructions="You help.")
    fields = {"sessionId": session, "message": "Hi", "dynamicVariables": {"customer": "Ben"}}
    again = shop.scene.frame("c1", "send_message", requestId="r1", **fields)
    assert again == shop.scene.events("c1", "r1")[-1]
    assert again["type"] == "eventual_response"
    refused = shop.scene.frame("c1", "send_message", requestId="r2", **fields)
    assert refused["data"]["details"]["unknown"] == ["customer"]


def test_whom_a_service_speaks_for_is_the_user(shop: Shop) -> None:
    shop.change(instructions="You serve {{system__user}} in {{system__conversation_id}}.")
    deployment = shop.scene.deployment
    agent = deployment.agents.get("assistant", "acme")
    ann = Principal("acme", "a<n>n", frozenset({"user"}))
    service = Principal("acme", "backend", frozenset({"service"}))

    def ask() -> str:
        conversation = deployment.sessions.open(ann, agent).conversation
        session = deployment.sessions.open(service, agent, conversation=conversation)
        deployment.turns.add(service, session, request_id="r", message="Hi")
        deployment.turns.wake(session.box)
        return conversation

    conversation = shop.scene.run(ask)
    shop.scene.work()
    who, where = (
        marked("system__user", "a&lt;n&gt;n"),
        marked("system__conversation_id", conversation),
    )
    assert shop.system == f"You serve {who} in {where}.\n\n{PROVENANCE}"
