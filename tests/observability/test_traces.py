"""What X-Ray's daemon is sent of a turn."""

import json
import logging
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from functions.worker.handler import handler as worker
from shared.messaging.wakes import wake_text
from shared.models.call_log import CallLog
from shared.models.port import ModelError, Usage
from shared.runner.batch import Call
from shared.runner.call_log import tool_ended
from shared.settings import trace_of_invocation
from shared.storage.sqlite import SqliteTable
from shared.tracing import MAX_SPANS, Traces
from tests.support.clock import FakeClock
from tests.wire.scene import Scene

ROOT, PARENT = "1-5759e988-bd862e3fe1be46a994272793", "53995c3f42cd8ad8"
HEADER = f"Root={ROOT};Parent={PARENT};Sampled=1"
TURN = {"tenant": "acme", "gen_ai.conversation.id": "c", "gen_ai.agent.id": "a", "turn": "t"}

Received = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def daemon() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        made.setblocking(False)
        yield made


@pytest.fixture
def received(daemon: socket.socket) -> Received:
    """The documents that have come: on loopback they are there once they are sent."""

    def read() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            try:
                header, _, document = daemon.recv(65_536).partition(b"\n")
            except BlockingIOError:
                return found
            assert json.loads(header) == {"format": "json", "version": 1}
            found.append(json.loads(document))

    return read


def address(daemon: socket.socket) -> str:
    return f"127.0.0.1:{daemon.getsockname()[1]}"


@pytest.fixture
def traces(daemon: socket.socket) -> Iterator[Traces]:
    made = Traces(lambda: (address(daemon), HEADER))
    logger = logging.getLogger("parley")
    before = (logger.handlers, logger.level)
    logger.handlers = [made]
    logger.setLevel(logging.INFO)
    yield made
    logger.handlers, logger.level = before


def log(step: str, **fields: Any) -> None:
    logging.getLogger("parley").info(step, extra={**TURN, **fields})


def test_a_turn_with_its_calls(traces: Traces, received: Received) -> None:
    with traces.invocation():
        log("turn taken", resumed=False, waited=0.1)
        call = CallLog("anthropic", "claude", FakeClock())
        call.ended(Usage(1, 2), stop_reason="tool_use")
        asked = Call("1-0", "id", "find it", {"secret": "canary"})
        tool_ended(asked, known=True, failed=True, seconds=2.0)
        log("turn ended", outcome="completed", ran=2.5)
        assert received() == []
    model, tool, turn = received()
    for each in (model, tool, turn):
        assert (each["type"], each["trace_id"]) == ("subsegment", ROOT)
        assert each["start_time"] <= each["end_time"]
    assert (turn["name"], turn["parent_id"]) == ("turn", PARENT)
    assert turn["annotations"]["gen_ai_conversation_id"] == "c"
    assert (turn["annotations"]["turn"], turn["annotations"]["outcome"]) == ("t", "completed")
    assert {model["parent_id"], tool["parent_id"]} == {turn["id"]}
    assert (model["name"], tool["name"]) == ("chat claude", "execute_tool find it")
    assert tool["end_time"] - tool["start_time"] == pytest.approx(2.0, abs=0.001)
    assert (tool.get("fault"), model.get("fault"), turn.get("fault")) == (True, None, None)
    assert "canary" not in json.dumps([model, tool, turn])
    assert len({model["id"], tool["id"], turn["id"]}) == 3


def test_turns_that_wait_are_lost_or_follow_each_other(traces: Traces, received: Received) -> None:
    with traces.invocation():
        log("turn taken")
        log("turn waits", kind="approval")
        log("turn taken")
        log("lease lost", box="b")
        log("turn taken")
        log("turn taken")
    names = [each["annotations"].get("kind", each["name"]) for each in received()]
    assert names == ["approval", "turn", "turn", "turn"]


def test_a_call_outside_a_turn_belongs_to_the_invocation(
    traces: Traces, received: Received
) -> None:
    with traces.invocation():
        CallLog("anthropic", "claude", FakeClock()).ended(Usage(), fault=ModelError())
    [model] = received()
    assert (model["parent_id"], model["fault"]) == (PARENT, True)


def test_an_invocation_that_fails_is_sent_and_the_next_begins_anew(
    traces: Traces, received: Received
) -> None:
    def fail() -> None:
        with traces.invocation():
            log("turn taken")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert len(received()) == 1
    with traces.invocation():
        pass
    assert received() == []


@pytest.mark.parametrize(
    ("place", "header"),
    [
        ("", HEADER),
        ("127.0.0.1", HEADER),
        (None, ""),
        (None, HEADER.replace("Sampled=1", "Sampled=0")),
        (None, "nonsense"),
    ],
)
def test_what_is_not_sampled_is_not_sent(
    daemon: socket.socket, received: Received, place: str | None, header: str
) -> None:
    at = address(daemon) if place is None else place
    traces = Traces(lambda: (at, header))
    with traces.invocation():
        traces.emit(logging.makeLogRecord({"msg": "turn taken", **TURN}))
    assert received() == []


def test_a_daemon_that_is_not_there_costs_nothing() -> None:
    # An address to which no datagram can go: no port of it is one.
    traces = Traces(lambda: ("127.0.0.1:0", HEADER))
    with traces.invocation():
        traces.emit(logging.makeLogRecord({"msg": "turn taken", **TURN}))


def test_there_is_a_bound(daemon: socket.socket) -> None:
    traces = Traces(lambda: (address(daemon), "Sampled=0"))
    record = {"msg": "tool call ended", "duration": 1, "gen_ai.tool.name": "x"}
    record["gen_ai.operation.name"] = "execute_tool"
    for _ in range(MAX_SPANS + 5):
        traces.emit(logging.makeLogRecord(record))
    assert len(traces._done) == MAX_SPANS


def test_the_place_is_what_lambda_says() -> None:
    said = {"AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000", "_X_AMZN_TRACE_ID": HEADER}
    assert trace_of_invocation(said) == ("127.0.0.1:2000", HEADER)
    assert trace_of_invocation({}) == ("", "")


def test_the_worker_sends_them(
    tmp_path: Path,
    daemon: socket.socket,
    traces: Traces,
    received: Received,
) -> None:
    engine = SqliteTable(tmp_path / "parley.db")
    scene = Scene(engine, tmp_path, TRACING="true")
    scene.deployment.traces = traces
    scene.connect("c1")
    session = scene.session("c1")
    scene.say("c1", session, "r1", "a question")
    assert received() == []
    wake = scene.wakes.queued.pop(0)
    scene.invoke(worker, {"Records": [{"body": wake_text(wake)}]})
    [turn] = received()
    assert (turn["name"], turn["annotations"]["outcome"]) == ("turn", "completed")
    assert "question" not in json.dumps(turn)
    engine.close()
