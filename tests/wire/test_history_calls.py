"""What a turn costs whose history a backend keeps: one write more in its end, and no HTTP."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backends.bridge import Bridge, keeping
from tests.support.reference_backend import ReferenceBackend
from tests.wire.store_calls import Wire

PLAIN = [
    "BatchGet CONN SESS",
    "Transact TURN BOX CONN",
    "Update BOX",
    "BatchGet TURN META",
    "Transact BOX TURN MSG META USAGE REC",
    "Update BOX",
]


@pytest.fixture
def backend() -> Iterator[ReferenceBackend]:
    with keeping() as running:
        yield running


SAID = ["Get REC", "BatchGet REC MSG", "Transact BOX REC", "Update BOX"]


def test_what_a_record_costs(wire: Wire, backend: ReferenceBackend, tmp_path: Path) -> None:
    """Two messages, one activation: taking the mailbox, then four calls for each."""
    bridge = Bridge(backend, tmp_path, engine=wire.table)
    bridge.say()
    bridge.deliver(10)
    bridge.say()
    wire.calls.clear()
    bridge.deliver(1)
    assert [call.name for call in wire.calls] == ["Update BOX", *SAID, *SAID]


@pytest.mark.parametrize("away", [False, True])
def test_the_turn_makes_the_same_calls_and_asks_nobody(
    wire: Wire, backend: ReferenceBackend, tmp_path: Path, away: bool
) -> None:
    bridge = Bridge(backend, tmp_path, engine=wire.table)
    bridge.say()
    backend.down = away
    for _ in range(3):
        bridge.deliver(10)
        asked = backend.connections
        wire.calls.clear()
        bridge.say()
        assert [call.name for call in wire.calls] == PLAIN
        assert backend.connections == asked
    assert (bridge.told() == []) is away
