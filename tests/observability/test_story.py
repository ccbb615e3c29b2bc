"""A turn with a tool that fails, an approval, a callback that is not taken and a lease that is
lost: what the log tells of it, step by step, and what is counted."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.conversations.items import box_key
from shared.storage.expressions import Assign, Increment
from shared.storage.table import Update
from shared.telemetry import STEPS, TURN
from tests.messaging.receivers import receiver
from tests.observability.recorded import RecordedMetrics, Steps, heard
from tests.support.deployments import Running, local_set
from tests.support.frames_client import FramesClient, message_frame
from tests.support.messages_api import ScriptedMessagesApi, Step, ToolCall

TOOLS = '''
def find(what: str) -> str:
    """Find something."""
    raise RuntimeError(what)


def pay(amount: int) -> str:
    """Pay something."""
    return f"paid {amount}"
'''
SLOW = ["one "] * 40

STORY = {
    *("turn accepted", "turn taken", "model call ended", "tool call ended", "turn waits"),
    *("decided", "turn ended", "lease lost", "delivery failed", "posted"),
}
ELSEWHERE = {
    *("handed over", "delivery made", "delivery is a dead letter"),
    *("record delivered", "record not delivered", "record is a dead letter"),
    *("conversation deleted", "removal failed", "erasure ended", "erasure failed"),
    "an agent asks for a person",
}
"""What `test_steps.py` and `test_deleting.py` see to."""


@pytest.fixture
def metrics() -> RecordedMetrics:
    return RecordedMetrics()


@pytest.fixture
def running(tmp_path: Path, api: ScriptedMessagesApi) -> Iterator[Running]:
    agents = tmp_path / "agents"
    agents.mkdir()
    (agents / "tools.py").write_text(TOOLS, "utf-8")
    tools: list[dict[str, Any]] = [
        {"python": "tools:find"},
        {"python": "tools:pay", "approval": "required"},
    ]
    agent = {"name": "Agent", "instructions": "Help.", "tools": tools}
    (agents / "assistant.yaml").write_text(yaml.safe_dump(agent), "utf-8")
    settings = {
        "ASSISTANT_LOCAL_CONFIG_DIR": str(agents),
        "ALLOW_PRIVATE_ADDRESSES": "true",
        "ANTHROPIC_API_KEY": "none",
    }
    with local_set(tmp_path / "workspace", api.base_url, settings) as made:
        yield made


@pytest.fixture
def api() -> Iterator[ScriptedMessagesApi]:
    steps = [
        Step(
            tool_calls=[
                ToolCall(name="find", input={"what": "x"}),
                ToolCall(name="pay", input={"amount": 5}),
                ToolCall(name="made up of what the user said", input={}),
            ],
            match="pay",
        ),
        Step(tokens=["Done."]),
        Step(tokens=SLOW, delay=0.1, match="slowly"),
        Step(tokens=["At last."], match="slowly"),
        Step(tokens=["Called."], match="call me"),
    ]
    with ScriptedMessagesApi(steps) as made:
        yield made


def test_the_log_tells_each_step_and_metrics_are_made_of_it(
    running: Running, metrics: RecordedMetrics
) -> None:
    running.deployment.metrics = metrics
    with heard(metrics) as steps:
        with FramesClient(running.socket_url) as client:
            ids = client.open_session()
            session, conversation = ids["sessionId"], ids["conversationId"]
            client.send(message_frame(session, "q1", "pay"))
            _approve(client, session)
            assert client.terminal("q1")["type"] == "eventual_response"
            client.send(message_frame(session, "q2", "slowly"))
            while client.next("q2", tokens=True)["type"] != "stream_token":
                pass
            _steal(running, conversation)
            assert client.terminal("q2")["type"] == "eventual_response"
        _call_back(running)
        running.settle()
    assert steps.names == STORY
    assert set(STEPS) == STORY | ELSEWHERE
    for name, fields in steps.told:
        known = {*STEPS[name].fields}
        assert fields.keys() <= known, (name, fields.keys() - known)
    _as_told(steps, conversation)
    _as_counted(steps, metrics)


def _approve(client: FramesClient, session: str) -> None:
    while (asked := client.next("q1"))["type"] != "write_confirmation_required":
        pass
    approval = client.next("q1")["data"]["state"]["pendingWriteConfirmation"]["approvalId"]
    client.ask("confirm_tool_action", sessionId=session, approvalId=approval, approved=True)
    assert asked["requestId"] == "q1"


def _steal(running: Running, conversation: str) -> None:
    """The lease is another's, who is dead already."""
    deployment = running.deployment
    gone = deployment.clock.now() - 60_000
    changes = [Increment(("epoch",), 1), Assign(("owner",), "thief"), Assign(("until",), gone)]
    due = Assign(("due",), gone)
    deployment.table.update(Update(box_key("local", conversation).item, [*changes, due]))


def _call_back(running: Running) -> None:
    """A turn over HTTP whose callback is not taken."""
    with receiver() as server:
        server.status = 500
        body = {
            "agent_id": "assistant",
            "message": "call me",
            "callback_url": f"http://127.0.0.1:{server.port}/hook?secret=x",
        }
        request = urllib.request.Request(
            f"{running.url}/executor/turns", json.dumps(body).encode(), method="POST"
        )
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status == 200
        running.settle()
        assert server.got


def _as_told(steps: Steps, conversation: str) -> None:
    for name in ("turn accepted", "turn taken", "turn waits", "turn ended"):
        for fields in steps.of(name):
            assert fields.keys() >= set(TURN)
    first = steps.of("turn ended")[0]
    assert (first["outcome"], first["gen_ai.conversation.id"]) == ("completed", conversation)
    assert first["gen_ai.usage.output_tokens"] > 0
    called = [fields["gen_ai.tool.name"] for fields in steps.of("tool call ended")]
    assert sorted(called) == ["find", "pay", "unknown"]
    failed = {f["gen_ai.tool.name"]: f.get("error.type") for f in steps.of("tool call ended")}
    assert failed == {"find": "tool_error", "pay": None, "unknown": "tool_error"}
    asked = steps.of("model call ended")
    assert {each["gen_ai.provider.name"] for each in asked} == {"anthropic"}
    ended = [each.get("gen_ai.response.finish_reasons") for each in asked]
    assert ["tool_use"] in ended
    assert ["end_turn"] in ended
    assert [each["error.type"] for each in asked if "error.type" in each] == ["StreamClosed"]
    assert {each["kind"] for each in steps.of("turn waits")} == {"approval"}
    assert [each["what"] for each in steps.of("decided")] == ["approved"]


def _as_counted(steps: Steps, metrics: RecordedMetrics) -> None:
    sums, failed = metrics.sums, len(steps.of("delivery failed"))
    assert (sums["TurnsCompleted"], sums["TurnsFailed"], sums["TurnsCancelled"]) == (3, 0, 0)
    assert (sums["ToolCalls"], sums["ToolErrors"]) == (3, 2)
    assert (sums["LeaseConflicts"], sums["DeliveryRetries"], sums["Deliveries"]) == (1, failed, 0)
    assert sums["ModelCalls"] == len(steps.of("model call ended"))
    assert sums["ModelErrors"] == 1
    told = sum(each["gen_ai.usage.input_tokens"] for each in steps.of("model call ended"))
    assert sums["InputTokens"] == told > 0
    assert sums["Posts"] == len(steps.of("posted")) > 0
    names = [name for name, _ in metrics.durations]
    assert names.count("TurnSeconds") == 3
    assert {"TimeToFirstDelta", "QueueSeconds", "OldestDueAge"} <= set(names)
    assert all(value >= 0 for _, value in metrics.durations)
    flushed = {about["function"] for about in metrics.flushes}
    assert flushed == {"worker", "sweep", "send_message", "ws_connect", "executor"}
