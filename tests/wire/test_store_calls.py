"""A plain warm turn makes six store calls, whatever the length of the conversation."""

from pathlib import Path
from typing import Any

import pytest

from shared.conversations.items import box_key, meta_key, session_key
from shared.mailbox.box import Box, BoxKey
from shared.mailbox.jobs import message_key
from shared.runner.in_process import Agent
from shared.runner.request import Equipped
from shared.storage.expressions import Assign
from shared.storage.table import Item, Update
from tests.runner.said import MadeTool, SaidModel, answer, use
from tests.wire.scene import Scene
from tests.wire.store_calls import StoreCall, Wire

SIX = [
    "BatchGet CONN SESS",
    "Transact TURN BOX CONN",  # add
    "Update BOX",  # take
    "BatchGet TURN META",  # the usage counters are fresh: nothing is read for them
    "Transact BOX TURN MSG META USAGE",  # finish
    "Update BOX",  # pop and let go
]
POLL = "Get BOX"


def conversation(scene: Scene, wire: Wire, messages: int) -> str:
    """A session of a conversation that holds so many messages."""
    scene.connect("c1")
    session = scene.session("c1")
    box = box_of(scene, session)
    wire.fill([Item(message_key(box, n), {}, message(n)) for n in range(messages)])
    counted = Update(meta_key(box), [Assign(("count",), messages)])
    scene.run(lambda: scene.deployment.table.write([counted]))
    return session


def message(number: int) -> dict[str, object]:
    role = "assistant" if number % 2 else "user"
    return {"id": f"m{number}", "role": role, "text": "so it was said " * 10, "at": 0, "turn": "t"}


def box_of(scene: Scene, session: str) -> BoxKey:
    item = scene.run(lambda: scene.deployment.table.get([session_key(session)])[0])
    assert item is not None
    assert item.body is not None
    return box_key("local", item.body["conversation"])


def turn(scene: Scene, wire: Wire, session: str, request_id: str) -> list[StoreCall]:
    """The calls of one turn that streams 500 tokens over five seconds."""
    wire.calls.clear()
    scene.model.tokens, scene.model.seconds = ["word "] * 500, 5.0
    assert scene.say("c1", session, request_id, "Tell me more.")["status"] == 202
    scene.work()
    calls = wire.calls.copy()
    events = scene.events("c1", request_id)
    assert events[-1]["type"] == "eventual_response", events[-1]
    streamed = "".join(event["token"] for event in events if event["type"] == "stream_token")
    assert streamed == "word " * 500
    return calls


def names(calls: list[StoreCall]) -> list[str]:
    return [call.name for call in calls if call.name != POLL]


def warmed(scene: Scene, wire: Wire, messages: int) -> str:
    """As above, after a first turn of this very process."""
    session = conversation(scene, wire, messages)
    scene.say("c1", session, "warm", "Hello.")
    scene.work()
    return session


@pytest.mark.parametrize("messages", [0, 2000])
def test_a_plain_warm_turn_makes_six_store_calls(wire: Wire, tmp_path: Path, messages: int) -> None:
    scene = Scene(wire.table, tmp_path)
    session = warmed(scene, wire, messages)
    calls = turn(scene, wire, session, "measured")
    assert names(calls) == SIX
    polls = [call for call in calls if call.name == POLL]
    assert 4 <= len(polls) <= 5, "one read per second of the stream"
    first, last = (calls.index(polls[0]), len(calls) - 1 - calls[::-1].index(polls[-1]))
    assert len(SIX[:4]) <= first <= last < len(calls) - 2, "only while the model speaks"
    box = box_of(scene, session)
    item = scene.run(lambda: scene.deployment.table.get([box.item])[0])
    assert item is not None
    state = Box.read(box, item)
    assert (state.jobs, state.owner, state.due) == ((), None, None), "popped and let go"


def test_the_calls_carry_the_same_bytes_at_message_1_and_2000(wire: Wire, tmp_path: Path) -> None:
    scene = Scene(wire.table, tmp_path)
    short, long = warmed(scene, wire, 0), warmed(scene, wire, 2000)
    sizes = [
        sum(call.size for call in turn(scene, wire, session, request_id))
        for session, request_id in ((short, "first"), (long, "other"))
    ]
    assert abs(sizes[0] - sizes[1]) < 300, sizes


def test_stale_usage_counters_ride_in_the_same_read(wire: Wire, tmp_path: Path) -> None:
    scene = Scene(wire.table, tmp_path)
    session = warmed(scene, wire, 0)
    scene.run(lambda: scene.clock.sleep(61))
    expected = [*SIX]
    expected[3] = "BatchGet TURN META USAGE"
    assert names(turn(scene, wire, session, "measured")) == expected


def test_with_a_budget_the_counters_are_read_with_each_turn(wire: Wire, tmp_path: Path) -> None:
    scene = Scene(wire.table, tmp_path, TENANT_USD_PER_DAY="1")
    session = warmed(scene, wire, 0)
    expected = [*SIX]
    expected[3] = "BatchGet TURN META USAGE"
    assert names(turn(scene, wire, session, "measured")) == expected


def test_with_a_budget_each_further_call_of_the_model_costs_one_read(
    wire: Wire, tmp_path: Path
) -> None:
    """And what a step has cost is counted in the write of its note."""
    scene = Scene(wire.table, tmp_path, TENANT_USD_PER_DAY="1")
    session = warmed(scene, wire, 0)
    handler: Any = scene.deployment.turn_handler
    agent = Agent(instructions="Be kind.", model="claude-sonnet-5")
    handler._agents = lambda *_: Equipped(agent=agent, tools=[MadeTool("t")])
    model = SaidModel(answer(use("t", "a")), answer(use("t", "b")), answer("Done"))
    object.__setattr__(handler._services, "model", model)
    wire.calls.clear()
    scene.say("c1", session, "r1", "Hi")
    scene.work()
    counted, result = "Transact BOX TURN MSG USAGE", "Transact BOX TURN MSG"
    called = [counted, result, "BatchGet USAGE"]
    assert names(wire.calls) == [
        *SIX[:3],
        "BatchGet TURN META USAGE",
        *called,
        *called,
        *SIX[4:],
    ]


def test_a_cold_worker_makes_one_query_more(wire: Wire, tmp_path: Path) -> None:
    session = conversation(Scene(wire.table, tmp_path), wire, 50)
    other = Scene(wire.table, tmp_path)
    other.connect("c1")
    expected = [*SIX[:3], "BatchGet TURN META USAGE", "Query", *SIX[4:]]
    assert names(turn(other, wire, session, "measured")) == expected


def test_a_stale_worker_makes_one_query_more(wire: Wire, tmp_path: Path) -> None:
    scene, other = Scene(wire.table, tmp_path), Scene(wire.table, tmp_path)
    session = warmed(scene, wire, 4)
    turn(other, wire, session, "elsewhere")
    assert names(turn(scene, wire, session, "measured")) == [*SIX[:4], "Query", *SIX[4:]]


def test_a_second_connection_and_a_busy_minute_cost_nothing(wire: Wire, tmp_path: Path) -> None:
    scene = Scene(wire.table, tmp_path)
    session = warmed(scene, wire, 0)
    scene.connect("c2")
    scene.say("c2", session, "other", "I am here too.")
    scene.work()
    assert names(turn(scene, wire, session, "measured")) == SIX


def test_what_a_session_brings_costs_nothing(wire: Wire, tmp_path: Path) -> None:
    agents = tmp_path / "agents"
    agents.mkdir()
    text = "name: A\ninstructions: You serve {{customer}}.\noverrides: [greeting]\n"
    (agents / "assistant.yaml").write_text(text)
    scene = Scene(wire.table, tmp_path, ASSISTANT_LOCAL_CONFIG_DIR=str(agents))
    scene.connect("c1")
    own = {"dynamicVariables": {"customer": "Ann"}, "overrides": {"greeting": "Hello. " * 1000}}
    session = scene.session("c1", **own)
    scene.say("c1", session, "warm", "Hello.")
    scene.work()
    assert names(turn(scene, wire, session, "measured")) == SIX
    assert '"customer">Ann<' in scene.model.requests[-1].system


def test_a_call_of_a_tool_costs_two_writes(tmp_path: Path, wire: Wire) -> None:
    scene = Scene(wire.table, tmp_path)
    session = warmed(scene, wire, 0)
    handler: Any = scene.deployment.turn_handler
    agent = Agent(instructions="Be kind.", model="m")
    handler._agents = lambda *_: Equipped(agent=agent, tools=[MadeTool("t")])
    model = SaidModel(answer(use("t")), answer("Done"))
    object.__setattr__(handler._services, "model", model)
    wire.calls.clear()
    scene.say("c1", session, "r1", "Hi")
    scene.work()
    calls = names(wire.calls)
    assert [*calls[:4], *calls[6:]] == SIX
    # The question and the reply with the mark of the call, then its result.
    assert calls[4:6] == ["Transact BOX TURN MSG"] * 2
