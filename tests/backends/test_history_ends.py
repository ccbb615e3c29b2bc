"""The end of a call, told once, the same each time; and what counts as missing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.conversations.closing import UNDER_WAY, Ends
from shared.conversations.items import meta_key
from shared.identity.credentials import LOCAL
from shared.mailbox.box import Box, BoxKey
from shared.mailbox.jobs import Scheduled
from tests.backends.bridge import TOKEN, Bridge, keeping
from tests.support.reference_backend import ReferenceBackend

DAY = 24 * 3600


@pytest.fixture
def backend() -> Iterator[ReferenceBackend]:
    with keeping() as running:
        yield running


@pytest.fixture
def bridge(backend: ReferenceBackend, tmp_path: Path) -> Bridge:
    return Bridge(backend, tmp_path)


def finalized(backend: ReferenceBackend) -> list[dict[str, Any]]:
    return [end for call in backend.books.calls.values() for end in call.finalized]


def test_an_end_that_was_given_up_does_not_count_itself(
    bridge: Bridge, backend: ReferenceBackend
) -> None:
    backend.fault("status", operation="finalize", status=422, times=5)
    bridge.say()
    bridge.end()
    bridge.deliver(60)
    state = bridge.state
    assert (state.state, state.complete, state.missing) == ("ended", False, 1)
    bridge.replay()
    bridge.deliver(5)
    assert [end["missing"] for end in finalized(backend)] == [0]
    state = bridge.state
    assert (state.state, state.complete, state.missing) == ("ended", True, 0)


def test_an_end_whose_answers_are_lost_for_a_day_is_the_same_when_it_is_replayed(
    bridge: Bridge, backend: ReferenceBackend
) -> None:
    bridge.say()
    bridge.deliver(5)
    backend.fault("status_after", operation="finalize", status=500, times=None)
    bridge.end()
    bridge.deliver(DAY + 900)
    assert bridge.state.complete is False
    assert len(bridge.letters()) == 1
    backend.faults.clear()
    bridge.replay()
    bridge.deliver(120)
    assert backend.books.answers["conflicts"] == 0
    assert len(finalized(backend)) == 1
    assert bridge.state.complete is True


def test_a_letter_that_is_replayed_between_two_attempts_of_the_end(
    bridge: Bridge, backend: ReferenceBackend
) -> None:
    backend.fault("status", operation="transcript", status=422, times=5)
    bridge.say()
    bridge.deliver(30)
    backend.fault("drop_after", operation="finalize", times=1)
    backend.fault("status", operation="finalize", status=503, times=6)
    bridge.end()
    bridge.deliver(3)
    bridge.replay()
    bridge.deliver(600)
    assert backend.books.answers["conflicts"] == 0
    assert [end["missing"] for end in finalized(backend)] == [1]
    assert (bridge.state.missing, bridge.state.complete) == (0, True)


def test_an_end_that_brings_the_call_along(bridge: Bridge, backend: ReferenceBackend) -> None:
    """Everything before it was refused: the call itself, and both messages."""
    backend.fault("status", operation="begin", status=400, times=15)
    bridge.say()
    bridge.end()
    bridge.deliver(120)
    assert bridge.told() == ["begin", "finalize"]
    assert [end["missing"] for end in finalized(backend)] == [2], "the call itself has arrived"
    assert (bridge.state.missing, len(bridge.letters())) == (2, 2)


def test_what_an_earlier_call_lacks_is_still_missing(
    bridge: Bridge, backend: ReferenceBackend
) -> None:
    backend.fault("status", operation="transcript", status=422, times=10)
    bridge.say()
    bridge.end()
    bridge.deliver(60)
    bridge.say()
    bridge.end()
    bridge.deliver(60)
    assert [end["missing"] for end in finalized(backend)] == [2, 0]
    assert (bridge.state.missing, bridge.state.complete) == (2, False)
    bridge.replay()
    bridge.deliver(60)
    assert (bridge.state.missing, bridge.state.complete) == (0, True)


def test_many_ask_for_the_end_at_the_same_moment(bridge: Bridge, backend: ReferenceBackend) -> None:
    bridge.say()
    box, closing = bridge.box, bridge.scene.deployment.closing
    get, held = bridge.scene.deployment.table.get, bridge.get(box.item)

    def stale(keys: Any, **more: Any) -> Any:
        found = get(keys, **more)
        return [held if key == box.item else item for key, item in zip(keys, found, strict=True)]

    # Each of them has looked before any of them has asked.
    bridge.scene.deployment.table.get = stale  # type: ignore[method-assign]  # the stage is ours to change
    for _ in range(20):
        bridge.scene.run(lambda: closing.end(LOCAL, box))
    bridge.scene.deployment.table.get = get  # type: ignore[method-assign]  # the stage is ours to change
    item = bridge.get(box.item)
    assert item is not None
    assert len(item.attrs["jobs"]) == 1
    bridge.deliver(5)
    assert bridge.told() == bridge.expected(ended=True)


def test_a_call_that_was_open_when_history_was_switched_off_ends_when_it_is_on_again(
    backend: ReferenceBackend, tmp_path: Path
) -> None:
    on = Bridge(backend, tmp_path)
    on.say()
    on.deliver(5)
    off = Bridge(backend, tmp_path, engine=on.scene.deployment.engine, HISTORY_ENABLED="false")
    off.rest(on.time)
    off.deliver(3600)
    later = Bridge(backend, tmp_path, engine=on.scene.deployment.engine)
    later.rest(off.time)
    later.deliver(2 * DAY)
    assert later.told() == on.expected(ended=True)


def test_a_turn_that_waits_for_a_person_is_looked_at_seldom_whatever_the_idle_time(
    backend: ReferenceBackend, tmp_path: Path
) -> None:
    deployment = Bridge(backend, tmp_path, HISTORY_IDLE_SEC="1").scene.deployment
    ends = Ends(deployment.table, deployment.clock, deployment.recording)
    waiting = Box(key=BoxKey("conv", "local", "c"), jobs=("TURN#s#q",), next_at=1)
    assert ends.scheduled(waiting) == Scheduled(next_at=deployment.clock.now() + UNDER_WAY)


def test_clocks_that_differ_do_not_turn_time_round(
    bridge: Bridge, backend: ReferenceBackend
) -> None:
    process = bridge.scene.virtual.process
    bridge.say(work=False)
    process.skew_ms = -5000
    bridge.work()
    bridge.say(work=False)
    process.skew_ms = -15000
    bridge.work()
    bridge.end()
    process.skew_ms = 0
    bridge.deliver(900)
    assert bridge.told() == bridge.expected(ended=True)
    [call] = backend.books.calls.values()
    assert all(each["duration_ms"] >= 0 for each in call.transcripts)
    assert call.finalized[0]["duration_seconds"] >= 0
    assert bridge.letters() == []


def test_an_attempt_that_nobody_had_foreseen_is_made_again(
    bridge: Bridge, backend: ReferenceBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    plane = bridge.scene.deployment.control_plane
    begin, times = plane.begin_call, iter([True, True, False])

    def broken(*given: Any, **more: Any) -> str:
        if next(times):
            raise ArithmeticError("the text of this is nobody's")
        return begin(*given, **more)

    monkeypatch.setattr(plane, "begin_call", broken)
    bridge.say()
    bridge.deliver(60)
    assert bridge.told() == bridge.expected()
    assert bridge.letters() == []


def test_a_token_that_is_not_accepted_any_more(bridge: Bridge, backend: ReferenceBackend) -> None:
    """It is not the record that is wrong: it waits until somebody has mended that."""
    bridge.say()
    bridge.deliver(5)
    backend.token = "another-one"
    bridge.say()
    bridge.end()
    bridge.deliver(1800)
    assert bridge.letters() == []
    assert bridge.state.waiting == 3
    backend.token = TOKEN
    bridge.deliver(600)
    assert bridge.told() == bridge.expected(ended=True)
    meta = bridge.get(meta_key(bridge.box))
    assert meta is not None
    assert "call" not in meta.attrs["history"]
