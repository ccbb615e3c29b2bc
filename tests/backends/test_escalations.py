"""A person is asked for: the backend is told behind what was said, once, whatever happens to it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from shared.conversations.items import Session, session_key
from shared.identity.credentials import LOCAL
from shared.models.port import (
    Completed,
    ModelError,
    ModelEvent,
    ModelRequest,
    TextDelta,
    Usage,
)
from tests.backends.bridge import ASSISTANT, Bridge, keeping
from tests.support.reference_backend import ReferenceBackend

REASON = "The parcel is lost."
ASKS = {"type": "tool_use", "id": "t1", "name": "escalate", "input": {"reason": REASON}}
USAGE = Usage(10, 1, cost_nano_usd=1000)


@dataclass
class Helper:
    """A model that asks for a person when the message says please, and then says Hello, or fails
    with its `fault`."""

    requests: list[ModelRequest] = field(default_factory=list)
    fault: Exception | None = None
    after: Callable[[], object] = lambda: None

    def stream(self, request: ModelRequest, *, seconds_left: float) -> "Words":
        self.requests.append(request)
        asks = "please" in str(request.messages[-1]["content"])
        if not asks:
            self.after()
        return Words(asks, self.fault)


class Words:
    def __init__(self, asks: bool, fault: Exception | None) -> None:
        self._asks = asks
        self._fault = fault

    def __iter__(self) -> Iterator[ModelEvent]:
        if self._asks:
            yield Completed([ASKS], "tool_use", USAGE)
            return
        if self._fault:
            raise self._fault
        yield TextDelta("Hello")
        yield Completed([{"type": "text", "text": "Hello"}], "end_turn", USAGE)

    def close(self) -> None:
        """Nothing is under way."""


@pytest.fixture
def backend() -> Iterator[ReferenceBackend]:
    with keeping() as running:
        running.books.put_agent("assistant", {**ASSISTANT, "tools": [{"builtin": "escalate"}]})
        yield running


@pytest.fixture
def bridge(backend: ReferenceBackend, tmp_path: Path) -> Bridge:
    made = Bridge(backend, tmp_path)
    made.scene.deployment.model = Helper()
    return made


def escalations(backend: ReferenceBackend) -> list[dict[str, Any]]:
    return [each for call in backend.books.calls.values() for each in call.escalations]


TOLD = ["begin", "Question 1", "Hello", "A person, please", "Hello", "escalate"]


def test_the_backend_is_told_behind_what_was_said(
    bridge: Bridge, backend: ReferenceBackend
) -> None:
    bridge.say()
    bridge.say("A person, please")
    bridge.say("Question 3")
    bridge.end()
    bridge.deliver(5)
    assert bridge.told() == [*TOLD, "Question 3", "Hello", "finalize"]
    [call] = backend.books.calls.values()
    [told] = call.escalations
    assert (told["user_id"], told["reason"]) == ("local", REASON)
    answer = call.transcripts[3]
    assert told["message_id"] == answer["message_id"]
    assert told["turn_id"] == answer["turn_id"]
    assert bridge.state.complete is True


def test_a_conversation_may_begin_with_it(bridge: Bridge, backend: ReferenceBackend) -> None:
    bridge.say("A person, please")
    bridge.deliver(5)
    assert bridge.told() == ["begin", "A person, please", "Hello", "escalate"]


def ends_of(bridge: Bridge) -> list[dict[str, Any]]:
    """The results of the turns, as callers see them."""
    partition, table = bridge.box.partition, bridge.scene.deployment.table
    items = bridge.scene.run(lambda: table.query(partition, prefix="TURN#").items)
    return [(item.body or {})["result"] for item in items]


def test_who_asked_for_a_person_before_the_turn_failed_gets_one(
    bridge: Bridge, backend: ReferenceBackend
) -> None:
    model = bridge.scene.deployment.model
    assert isinstance(model, Helper)
    model.fault = ModelError("No.", code="MODEL_REFUSED", retryable=False)
    asked = bridge.say("A person, please")
    model.fault = None
    bridge.say("Question 2")
    bridge.deliver(5)
    assert bridge.told() == ["begin", "A person, please", "escalate", "Question 2", "Hello"]
    [told] = escalations(backend)
    assert (told["user_id"], told["reason"]) == ("local", REASON)
    assert sorted(each.get("escalation", "") for each in ends_of(bridge)) == ["", REASON]
    [failed] = [each for each in bridge.scene.events("c1", asked) if each["type"] == "error"]
    assert failed["data"]["details"]["escalationReason"] == REASON
    assert bridge.state.missing == 0


def test_so_does_who_stopped_the_turn_then(bridge: Bridge, backend: ReferenceBackend) -> None:
    model = bridge.scene.deployment.model
    assert isinstance(model, Helper)

    def stop() -> None:
        deployment = bridge.scene.deployment
        [item] = deployment.table.get([session_key(bridge.session)])
        assert item is not None
        deployment.stops.current(LOCAL, Session.read(bridge.session, item))

    model.after = stop
    bridge.say("A person, please")
    model.after = lambda: None
    bridge.deliver(5)
    assert [each["reason"] for each in escalations(backend)] == [REASON]
    assert bridge.told()[:2] == ["begin", "A person, please"]


@pytest.mark.parametrize("kind", ["status", "status_after", "drop", "drop_after", "garbage"])
def test_an_outage_is_waited_for_and_it_is_told_once(
    bridge: Bridge, backend: ReferenceBackend, kind: Any
) -> None:
    backend.fault(kind, operation="escalate", times=6)
    bridge.say()
    bridge.say("A person, please")
    bridge.say("Question 3")
    bridge.deliver(900)
    assert bridge.told() == [*TOLD, "Question 3", "Hello"]
    assert backend.books.answers["conflicts"] == 0
    assert bridge.state.missing == 0


def test_a_backend_that_is_down_is_told_later(bridge: Bridge, backend: ReferenceBackend) -> None:
    bridge.say()
    bridge.deliver(5)
    backend.down = True
    bridge.say("A person, please")
    bridge.deliver(300)
    assert escalations(backend) == []
    backend.down = False
    bridge.deliver(900)
    assert bridge.told() == TOLD


def test_one_that_is_refused_is_a_dead_letter_and_counts_as_missing(
    bridge: Bridge, backend: ReferenceBackend
) -> None:
    backend.fault("status", operation="escalate", status=422, times=5)
    bridge.say()
    bridge.say("A person, please")
    bridge.deliver(60)
    assert (escalations(backend), bridge.state.missing) == ([], 1)
    table = bridge.scene.deployment.dead_letters
    [letter] = bridge.scene.run(lambda: table.page("local", 50)).letters
    assert letter.kind == "escalation"
    assert REASON not in letter.error
    bridge.replay()
    bridge.deliver(60)
    assert (bridge.told(), bridge.state.missing) == (TOLD, 0)


def test_the_reason_stands_in_no_record_and_no_log(
    bridge: Bridge, backend: ReferenceBackend, caplog: pytest.LogCaptureFixture
) -> None:
    backend.fault("status", operation="escalate", times=1)
    with caplog.at_level("DEBUG"):
        bridge.say("A person, please")
        bridge.deliver(60)
    assert len(escalations(backend)) == 1
    lines = [r for r in caplog.records if r.message == "an agent asks for a person"]
    assert len(lines) == 1
    assert all(REASON not in str(vars(record)) for record in caplog.records)
