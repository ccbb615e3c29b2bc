"""Over HTTP: a turn that asks for a person, and where in its workflow a conversation is."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mailbox.sink import Sink, listening
from tests.web.site import Site, site_in
from tests.web.test_conversations import conversation

AGENT = """\
name: Desk
instructions: You help.
tools: [{builtin: escalate}]
workflow: {goal: Help, steps: [{id: find, intent: Find it, criteria: It is found}]}
"""
VERDICT = {"type": "tool_use", "id": "t1", "name": "verdict", "input": {"verdict": "yes"}}
ASKS = {"type": "tool_use", "id": "t1", "name": "escalate", "input": {"reason": "It is lost."}}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Site]:
    """A site whose assistant can ask for a person, and has a workflow."""
    agents = tmp_path / "agents"
    agents.mkdir()
    (agents / "assistant.yaml").write_text(AGENT)
    settings = {"ASSISTANT_LOCAL_CONFIG_DIR": str(agents), "ALLOW_PRIVATE_ADDRESSES": "true"}
    with site_in(tmp_path, **settings) as made:
        yield made


@pytest.fixture
def sink() -> Iterator[Sink]:
    with listening() as sink:
        yield sink


def test_a_turn_says_that_a_person_was_asked_for(desk: Site) -> None:
    desk.model.calls = [ASKS]
    answer = desk.turn("A person please").body
    assert answer["escalation"] == "It is lost."
    assert desk.ask("GET", f"/turns/{answer['turn_id']}").body["escalation"] == "It is lost."


def test_a_callback_says_so_too(desk: Site, sink: Sink) -> None:
    desk.model.calls = [ASKS]
    desk.turn("A person please", callback_url=sink.url)
    desk.model.calls = []
    desk.turn("Hi", callback_url=sink.url)
    desk.work()
    told = [json.loads(received.body).get("escalation") for received in sink.received]
    assert told == ["It is lost.", None]


def test_other_turns_ask_for_nobody(desk: Site) -> None:
    answer = desk.turn("Hi").body
    assert answer["escalation"] is None
    assert desk.ask("GET", f"/turns/{answer['turn_id']}").body["escalation"] is None


def test_a_conversation_shows_where_in_its_workflow_it_is(desk: Site) -> None:
    desk.working = True
    name = conversation(desk, "Hi")
    path = f"/conversations/{name}"
    assert desk.ask("GET", path).body["workflow"] == {"step": "find", "done": False}
    desk.work()
    assert desk.ask("GET", path).body["workflow"] == {"step": "find", "done": False}
    desk.model.during = lambda: setattr(
        desk.model, "calls", [VERDICT] if desk.model.requests[-1].tool_choice == "any" else []
    )
    session = desk.turn("Go on").body
    assert session["status"] == "completed"
    desk.work()
    newest = desk.ask("GET", "/conversations").body[0]["conversation_id"]
    found = desk.ask("GET", f"/conversations/{newest}").body["workflow"]
    assert found == {"step": "find", "done": True}


def test_a_conversation_without_a_workflow_shows_none(tmp_path: Path) -> None:
    with site_in(tmp_path) as site:
        name = conversation(site, "Hi")
        assert site.ask("GET", f"/conversations/{name}").body["workflow"] is None
