"""Records that the backend does not take, refuses, or has taken without saying so."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backends.bridge import Bridge, keeping
from tests.support.reference_backend import ReferenceBackend
from tests.support.reference_faults import Kind

DAY = 24 * 3600


@pytest.fixture
def backend() -> Iterator[ReferenceBackend]:
    with keeping() as running:
        yield running


@pytest.fixture
def bridge(backend: ReferenceBackend, tmp_path: Path) -> Bridge:
    return Bridge(backend, tmp_path)


def test_a_day_of_it_and_they_are_dead_letters(bridge: Bridge, backend: ReferenceBackend) -> None:
    bridge.say()
    backend.stop()
    bridge.deliver(DAY - 600)
    assert bridge.state.missing == 0
    bridge.deliver(1200)
    assert bridge.state.missing == 1, "the record of the call; the others have just begun"
    backend.start()
    bridge.deliver(600)
    # The messages began the call that its own record could not.
    assert bridge.told()[:3] == bridge.expected()
    assert bridge.state.missing == 0


def test_what_is_refused_is_tried_a_few_times(bridge: Bridge, backend: ReferenceBackend) -> None:
    bridge.say()
    bridge.deliver(5)
    backend.fault("status", operation="transcript", status=422, times=5)
    bridge.say()
    bridge.deliver(30)
    assert bridge.told() == [*bridge.expected()[:3], "Hello"], "the next one goes on"
    state = bridge.state
    assert (state.missing, state.waiting) == (1, 0)
    [dead] = bridge.letters()
    assert dead.attrs["error"]
    assert (dead.attrs["attempts"], dead.attrs["refusals"]) == (5, 5)
    bridge.end()
    bridge.deliver(5)
    [call] = backend.books.calls.values()
    assert call.finalized[0]["missing"] == 1
    assert (bridge.state.state, bridge.state.complete) == ("ended", False)
    bridge.replay()
    bridge.deliver(5)
    assert bridge.told()[-1] == "Question 2"
    assert bridge.letters() == []
    assert (bridge.state.missing, bridge.state.complete) == (0, True)
    assert len(call.finalized) == 1


def test_a_replay_that_is_refused_again_counts_once(
    bridge: Bridge, backend: ReferenceBackend
) -> None:
    backend.fault("status", operation="transcript", status=400, times=10)
    bridge.say("Question 1")
    bridge.deliver(60)
    assert bridge.state.missing == 2
    backend.fault("status", operation="transcript", status=400, times=5)
    bridge.replay()
    bridge.deliver(60)
    assert bridge.state.missing == 1
    # The latest is listed, and replayed, first.
    assert bridge.told() == ["begin", "Question 1"]


def test_a_call_whose_own_record_is_refused(bridge: Bridge, backend: ReferenceBackend) -> None:
    backend.fault("status", operation="begin", status=400, times=5)
    bridge.say()
    bridge.deliver(30)
    # It was given up; what comes after it asks again.
    assert bridge.told() == bridge.expected()
    assert (bridge.letters(), bridge.state.missing) == ([], 0)
    [call] = backend.books.calls.values()
    assert bridge.state.call_id == call.id


def test_a_call_that_nobody_wants(bridge: Bridge, backend: ReferenceBackend) -> None:
    backend.fault("status", operation="begin", status=403, times=None)
    bridge.say()
    bridge.end()
    bridge.deliver(120)
    assert bridge.told() == []
    assert bridge.state.missing == 4
    assert (bridge.state.state, bridge.state.complete) == ("ended", False)
    backend.faults.clear()
    for _ in range(4):
        bridge.replay()
        bridge.deliver(5)
    assert sorted(bridge.told()) == sorted(bridge.expected(ended=True))
    assert (bridge.state.missing, bridge.state.complete) == (0, True)


@pytest.mark.parametrize("kind", ["status_after", "drop_after", "cut", "garbage"])
def test_an_answer_that_is_lost(bridge: Bridge, backend: ReferenceBackend, kind: Kind) -> None:
    for operation in ("begin", "transcript", "transcript", "finalize"):
        backend.fault(kind, operation=operation)
    bridge.say()
    bridge.end()
    bridge.deliver(120)
    assert bridge.told() == bridge.expected(ended=True)
    assert backend.books.answers == {"repeated": 4}


def test_it_comes_again_when_it_is_asked_to(bridge: Bridge, backend: ReferenceBackend) -> None:
    backend.fault("status", operation="begin", status=429, retry_after="120")
    bridge.say()
    bridge.deliver(110)
    assert backend.counts()["begin"] == 1
    bridge.deliver(130)
    assert bridge.told() == bridge.expected()
