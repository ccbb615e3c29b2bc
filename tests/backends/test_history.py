"""The history bridge against the reference backend: everything, in order, once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.conversations.items import Session, session_key
from shared.identity.credentials import LOCAL
from tests.backends.bridge import Bridge, keeping
from tests.support.reference_backend import ReferenceBackend

DAY = 24 * 3600


@pytest.fixture
def backend() -> Iterator[ReferenceBackend]:
    with keeping() as running:
        yield running


@pytest.fixture
def bridge(backend: ReferenceBackend, tmp_path: Path) -> Bridge:
    return Bridge(backend, tmp_path)


def test_a_conversation_arrives_as_it_was_said(bridge: Bridge, backend: ReferenceBackend) -> None:
    began = bridge.scene.clock.now()
    for _ in range(3):
        bridge.say()
        bridge.deliver(5)
    assert bridge.told() == bridge.expected()
    [call] = backend.books.calls.values()
    assert call.tenant == "local"
    record = call.record
    assert (record["user_id"], record["assistant_id"]) == ("local", "assistant")
    assert (record["conversation_id"], record["source"]) == (bridge.box.id, "external")
    assert [each["turn_index"] for each in call.transcripts] == list(range(6))
    assert [each["speaker"] for each in call.transcripts] == ["human", "ai"] * 3
    starts = [each["start_ms"] for each in call.transcripts]
    assert starts == sorted(starts)
    assert starts[0] == 0
    assert all(each["end_ms"] >= each["start_ms"] for each in call.transcripts)
    assert len({each["message_id"] for each in call.transcripts}) == 6
    assert len({each["turn_id"] for each in call.transcripts}) == 3
    keys = [entry["key"] for entry in backend.books.committed]
    assert len(set(keys)) == len(keys)
    assert began <= bridge.scene.clock.now()
    state = bridge.state
    assert (state.state, state.complete, state.waiting, state.missing) == ("open", None, 0, 0)
    assert state.call_id == call.id


def test_the_end_comes_behind_everything_and_once(
    bridge: Bridge, backend: ReferenceBackend
) -> None:
    bridge.say()
    bridge.say("Question 2", work=False)
    for _ in range(3):
        bridge.end()
    bridge.deliver(5)
    assert bridge.told() == bridge.expected(ended=True)
    bridge.end()
    bridge.deliver(3600)
    assert bridge.told() == bridge.expected(ended=True)
    [call] = backend.books.calls.values()
    [end] = call.finalized
    assert (end["status"], end["missing"]) == ("connected", 0)
    assert end["duration_seconds"] >= 0
    state = bridge.state
    assert (state.state, state.complete, state.waiting) == ("ended", True, 0)
    assert state.ended_at is not None


def test_what_is_said_after_the_end_is_another_call(
    bridge: Bridge, backend: ReferenceBackend
) -> None:
    bridge.say()
    bridge.end()
    bridge.deliver(5)
    bridge.say()
    bridge.deliver(5)
    assert bridge.state.state == "open"
    bridge.end()
    bridge.deliver(5)
    first, second = backend.books.calls.values()
    for call in (first, second):
        assert [each["content"] for each in call.transcripts][1:] == ["Hello"]
        assert len(call.finalized) == 1
    # The messages go on counting; the times begin anew.
    assert [each["turn_index"] for each in second.transcripts] == [2, 3]
    assert second.transcripts[0]["start_ms"] == 0


def test_a_conversation_that_rests_ends_by_itself(
    bridge: Bridge, backend: ReferenceBackend
) -> None:
    bridge.say()
    bridge.deliver(1000)
    bridge.say()
    bridge.deliver(1700)
    assert bridge.told() == bridge.expected(), "each turn begins the time anew"
    bridge.deliver(200)
    assert bridge.told() == bridge.expected(ended=True)
    assert bridge.state.complete is True
    bridge.deliver(2 * DAY)
    assert bridge.told() == bridge.expected(ended=True)
    box = bridge.get(bridge.box.item)
    assert box is not None
    assert "due" not in box.attrs, "nothing comes back to a conversation that has ended"


def test_an_end_without_anything_said(bridge: Bridge, backend: ReferenceBackend) -> None:
    bridge.end()
    bridge.deliver(3600)
    assert bridge.told() == []
    assert bridge.history is None


def test_thirty_turns_while_the_backend_is_away(bridge: Bridge, backend: ReferenceBackend) -> None:
    backend.stop()
    for _ in range(30):
        bridge.say()
        bridge.deliver(40)
    assert bridge.told() == []
    bridge.end()
    bridge.deliver(20)
    assert bridge.state.complete is None, "it may still be on its way"
    bridge.deliver(60)
    state = bridge.state
    assert (state.state, state.complete, state.waiting) == ("ending", False, 62)
    backend.start()
    bridge.deliver(600)
    assert bridge.told() == bridge.expected(ended=True)
    assert backend.books.answers["conflicts"] == 0
    state = bridge.state
    assert (state.state, state.complete, state.waiting, state.missing) == ("ended", True, 0, 0)


def test_more_than_the_queue_holds(backend: ReferenceBackend, tmp_path: Path) -> None:
    bridge = Bridge(backend, tmp_path, HISTORY_QUEUE_MAX_SIZE="8")
    backend.stop()
    for _ in range(20):
        bridge.say()
        bridge.deliver(5)
    state = bridge.state
    assert (state.waiting, state.behind) == (7, True), "three, two, two"
    bridge.end()
    bridge.deliver(5)
    backend.start()
    bridge.deliver(900)
    assert bridge.told() == bridge.expected(ended=True)
    state = bridge.state
    assert (state.behind, state.complete) == (False, True)


def test_stopped_and_failed_turns_are_recorded_as_far_as_they_came(
    bridge: Bridge, backend: ReferenceBackend
) -> None:
    bridge.scene.model.tokens, bridge.scene.model.seconds = ["One ", "two ", "three"], 9
    request_id = bridge.say(work=False)
    bridge.scene.virtual.at(5, lambda: _cancel(bridge, request_id))
    bridge.deliver(60)
    [call] = backend.books.calls.values()
    human, ai = call.transcripts
    assert (human["content"], human["stopped"]) == ("Question 1", False)
    assert ai["stopped"] is True
    assert "One two three".startswith(ai["content"])
    assert ai["content"] != "One two three"


def _cancel(bridge: Bridge, request_id: str) -> None:
    deployment = bridge.scene.deployment
    [item] = deployment.table.get([session_key(bridge.session)])
    assert item is not None
    deployment.stops.request(LOCAL, Session.read(bridge.session, item), request_id)


def test_without_history_nothing_is_sent_or_kept_for_it(
    backend: ReferenceBackend, tmp_path: Path
) -> None:
    bridge = Bridge(backend, tmp_path, HISTORY_ENABLED="false")
    bridge.say()
    bridge.end()
    bridge.deliver(7200)
    assert bridge.told() == []
    assert backend.counts().keys() == {"agent"}
    assert bridge.records.bell == 0
    assert bridge.history is None


def test_what_waits_when_history_is_switched_off(backend: ReferenceBackend, tmp_path: Path) -> None:
    on = Bridge(backend, tmp_path)
    backend.stop()
    on.say()
    backend.start()
    off = Bridge(backend, tmp_path, engine=on.scene.deployment.engine, HISTORY_ENABLED="false")
    off.deliver(4000)
    assert off.told() == []
    later = Bridge(backend, tmp_path, engine=on.scene.deployment.engine)
    later.rest(off.time)
    later.deliver(7200)
    assert later.told() == on.expected()
