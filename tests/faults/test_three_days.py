"""An approval that takes days: its turn goes on as it began, whatever has been restarted and
changed meanwhile, and the next turn has what is in the files by then. Both sets of adapters."""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from shared.clock import SystemClock
from tests.mailbox.sink import Sink, listening
from tests.support.deployments import Place, Running, aws_set, local_set
from tests.support.frames_client import Event, FramesClient
from tests.support.messages_api import ScriptedMessagesApi, Step, ToolCall

DAY = 24 * 3600.0
AGENT = """
name: Shop
instructions: These are the old instructions.
model: claude-sonnet-5
tools:
  - name: refund
    description: Refund an order.
    parameters: {{type: object, properties: {{order: {{type: string}}}}, required: [order]}}
    http: {{method: POST, url: "{url}/old/{{order}}", headers: {{X-Version: old}}}}
    approval: {{required: true, timeout_sec: 259200}}
  - python: desk:stays
    approval: {{required: true, timeout_sec: 259200}}
  - python: desk:goes
    approval: {{required: true, timeout_sec: 259200}}
"""
CHANGED = """
name: Shop
instructions: These are the new instructions.
model: claude-sonnet-5
tools:
  - name: refund
    description: Refund an order.
    parameters: {{type: object, properties: {{order: {{type: string}}}}, required: [order]}}
    http: {{method: PUT, url: "{url}/new/{{order}}", headers: {{X-Version: new}}}}
"""
STAYS = '''
def stays(word: str) -> str:
    """It is there."""
    return f"stays got {word}"
'''
GOES = '''
def goes(word: str) -> str:
    """It is there for now."""
    return f"goes got {word}"
'''
CALLS = [
    ToolCall(name="refund", input={"order": "42"}),
    ToolCall(name="stays", input={"word": "one"}),
    ToolCall(name="goes", input={"word": "two"}),
]


class Later(SystemClock):
    """The time it is so many days from now."""

    def __init__(self, days: float) -> None:
        self._seconds = days * DAY

    def now(self) -> int:
        return super().now() + int(self._seconds * 1000)

    def monotonic(self) -> float:
        return super().monotonic() + self._seconds


Start = Callable[[str, float], AbstractContextManager[Running]]
"""Starts the deployment again on the same store, for a model's address, so many days from now."""


@pytest.fixture
def agents(tmp_path: Path) -> Path:
    return tmp_path / "agents"


@pytest.fixture(params=["local", "aws"])
def start(request: pytest.FixtureRequest, tmp_path: Path, agents: Path) -> Start:
    settings = {"ASSISTANT_LOCAL_CONFIG_DIR": str(agents), "ALLOW_PRIVATE_ADDRESSES": "true"}
    if request.param == "local":
        return lambda model, days: local_set(tmp_path / "w", model, settings, Later(days))
    place = Place.fresh(request.getfixturevalue("moto"))
    return lambda model, days: aws_set(place, model, settings, Later(days))


@pytest.fixture
def sink() -> Iterator[Sink]:
    with listening() as made:
        yield made


class Story:
    """One conversation over all restarts."""

    def __init__(self, start: Start, agents: Path, sink: Sink, api: ScriptedMessagesApi) -> None:
        self._start = start
        self._agents = agents
        self._url = sink.url
        self._model = api.base_url
        self.session = ""
        self.conversation = ""
        agents.mkdir()
        self.write(AGENT, STAYS + GOES)

    def write(self, agent: str, desk: str) -> None:
        """Change the files of the agent."""
        (self._agents / "shop.yaml").write_text(agent.format(url=self._url))
        (self._agents / "desk.py").write_text(desk)
        shutil.rmtree(self._agents / "__pycache__", ignore_errors=True)

    @contextmanager
    def on_day(self, days: float) -> Iterator[FramesClient]:
        """A new deployment, and a new connection to it. It is in this process, but must not find
        what the one before has imported."""
        for name in [name for name in sys.modules if name.startswith("parley_agents_")]:
            del sys.modules[name]
        with self._start(self._model, days) as running:
            with FramesClient(running.socket_url) as client:
                yield client
            running.settle()

    def begin(self, client: FramesClient) -> Event:
        """The turn, up to its first prompt."""
        opened = client.open_session("shop")
        self.session, self.conversation = opened["sessionId"], opened["conversationId"]
        client.send_message(self.session, "q", "Go")
        return asked_by(client)

    def come_back(self, client: FramesClient) -> Event:
        """What the client is told that the turn waits for."""
        frame = {"action": "resume_turn", "requestId": "q", "sessionId": self.session}
        client.send({**frame, "received": 0})
        while "prompt" not in (data := client.next("q").get("data", {})):
            pass
        assert data["status"] == "awaiting_approval"
        prompt: Event = data["prompt"]["pendingWriteConfirmation"]
        return prompt

    def approve(self, client: FramesClient, prompt: Event) -> None:
        fields = {"sessionId": self.session, "approvalId": prompt["approvalId"]}
        answer = client.ask("confirm_tool_action", approved=True, **fields)
        assert answer["data"]["approved"] is True


def asked_by(client: FramesClient) -> Event:
    """The next approval that is asked for."""
    while True:
        event = client.next("q")
        assert event["type"] != "error", event
        state = event["data"].get("state", {})
        if "pendingWriteConfirmation" in state:
            prompt: Event = state["pendingWriteConfirmation"]
            return prompt


def results_in(request: dict[str, Any]) -> list[tuple[str, bool]]:
    blocks = request["messages"][-1]["content"]
    return [
        (json.dumps(block["content"]), block.get("is_error", False))
        for block in blocks
        if block["type"] == "tool_result"
    ]


def test_a_turn_that_waits_for_days_goes_on_as_it_began(
    start: Start, agents: Path, sink: Sink
) -> None:
    steps = [Step(tokens=["I will."], tool_calls=CALLS), Step(tokens=["Done."])]
    with ScriptedMessagesApi([*steps, Step(tokens=["Again."])]) as api:
        story = Story(start, agents, sink, api)
        with story.on_day(0.0) as client:
            first = story.begin(client)
        story.write(CHANGED, STAYS + GOES)
        with story.on_day(1.4) as client:
            assert story.come_back(client)["approvalId"] == first["approvalId"]
        assert sink.received == []
        with story.on_day(2.9) as client:
            assert story.come_back(client) == first
            story.approve(client, first)
            second = asked_by(client)
        (called,) = sink.received
        assert (called.path, called.headers["x-version"]) == ("/old/42", "old")
        with story.on_day(5.8) as client:
            assert story.come_back(client) == second
            assert second["arguments"] == {"word": "one"}
            story.approve(client, second)
            third = asked_by(client)
        story.write(CHANGED, STAYS)
        with story.on_day(8.6) as client:
            assert story.come_back(client)["arguments"] == third["arguments"] == {"word": "two"}
            story.approve(client, third)
            assert client.terminal("q")["type"] == "eventual_response"
            assert client.say(story.session, "again", "Again") == "Again."
        assert len(sink.received) == 1
        asked, told, after = api.requests
    assert [each["system"] for each in (asked, told)] == [asked["system"]] * 2
    assert "the old instructions" in json.dumps(told["system"])
    assert [tool["name"] for tool in asked["tools"]] == ["refund", "stays", "goes"]
    refunded, stayed, gone = results_in(told)
    assert not refunded[1]
    assert stayed == ('"stays got one"', False)
    assert gone == ('"There is no tool goes. The tools are: refund, stays."', True)
    assert "the new instructions" in json.dumps(after["system"])
    assert [tool["name"] for tool in after["tools"]] == ["refund"]


def test_nobody_decides_in_three_days(start: Start, agents: Path, sink: Sink) -> None:
    steps = [Step(tool_calls=CALLS[:1]), Step(tokens=["Too late."])]
    with ScriptedMessagesApi(steps) as api:
        story = Story(start, agents, sink, api)
        with story.on_day(0.0) as client:
            first = story.begin(client)
        story.write(CHANGED, STAYS)
        with story.on_day(2.99) as client:
            assert story.come_back(client) == first
        with story.on_day(3.01) as client:
            frame = {"action": "resume_turn", "requestId": "q", "sessionId": story.session}
            client.send({**frame, "received": 0})
            assert client.terminal("q")["type"] == "eventual_response"
            fields = {"sessionId": story.session, "approvalId": first["approvalId"]}
            late = client.ask("confirm_tool_action", approved=True, **fields)
            assert late["error"]["code"] == "APPROVAL_EXPIRED"
        ((result, is_error),) = results_in(api.requests[1])
        assert is_error
        assert "Nobody decided" in result
        assert "the old instructions" in json.dumps(api.requests[1]["system"])
    assert sink.received == []
