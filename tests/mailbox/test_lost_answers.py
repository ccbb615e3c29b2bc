"""An answer that is lost after the effect changes nothing: each operation knows its own effect."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from shared.mailbox.box import Box
from shared.mailbox.leases import Lease, LeaseLost
from tests.mailbox.operations import HELD, OUTSIDE, Held, Outside
from tests.mailbox.rig import Rig, rig_in
from tests.support.faults import Fault

FAULTS = [Fault.LOST_ANSWER, Fault.LOST_REQUEST, Fault.CONFLICT, Fault.THROTTLE]


def name(operation: Outside | Held) -> str:
    return operation.name


def prepared(rig: Rig, operation: Held) -> tuple[Lease, Box]:
    """The operation's lease, and the box as its holder last read it."""
    rig.add("A")
    lease, _ = rig.take()
    operation.before(rig, lease)
    return lease, rig.holder.read(lease)


def outcome(rig: Rig, operation: Outside | Held, fault: Fault, number: int) -> tuple[Any, Any]:
    """What the operation answers and leaves behind when its call of that number goes wrong."""
    rig.make_box()
    if isinstance(operation, Outside):
        operation.before(rig)
        rig.disturb(fault, number)
        answer = operation.act(rig)
    else:
        lease, box = prepared(rig, operation)
        rig.disturb(fault, number)
        answer = operation.act(rig, lease, box)
    return answer, rig.stored()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.value)
@pytest.mark.parametrize("operation", [*OUTSIDE, *HELD], ids=name)
def test_a_fault_at_any_call_leaves_the_same_outcome(
    operation: Outside | Held, fault: Fault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with rig_in(tmp_path / "undisturbed", monkeypatch) as rig:
        expected = outcome(rig, operation, fault, -1)
        calls = len(rig.calls)
    assert calls > 0
    for number in range(calls):
        with rig_in(tmp_path / f"call-{number}", monkeypatch) as rig:
            assert outcome(rig, operation, fault, number) == expected, f"call {number}"


@pytest.mark.parametrize("operation", HELD, ids=name)
def test_whoever_lost_the_lease_writes_nothing(operation: Held, rig: Rig) -> None:
    lease, box = prepared(rig, operation)
    rig.expire_lease()
    rig.take("another")
    before = rig.stored()
    if operation.releases:
        assert operation.act(rig, lease, box) in (True, None)
    else:
        with pytest.raises(LeaseLost):
            operation.act(rig, lease, box)
    assert rig.stored() == before


@pytest.mark.parametrize("operation", HELD, ids=name)
def test_whoever_gave_the_lease_back_writes_nothing(operation: Held, rig: Rig) -> None:
    """The epoch is still the same then: the fence asks for the owner too."""
    lease, box = prepared(rig, operation)
    rig.holder.hand_over(lease)
    before = rig.stored()
    if operation.releases:
        assert operation.act(rig, lease, box) in (True, None)
    elif operation.name.startswith("pop"):
        # A pop that finds its own let-go done cannot tell the difference; it changes nothing.
        with suppress(LeaseLost):
            operation.act(rig, lease, box)
    else:
        with pytest.raises(LeaseLost):
            operation.act(rig, lease, box)
    assert rig.stored() == before


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.value)
def test_taking_over_counts_one_crash_whatever_is_lost(
    fault: Fault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for watched in (None, 1):
        for number in range(3):
            with rig_in(tmp_path / f"{watched}-{number}", monkeypatch) as rig:
                rig.make_box()
                rig.add("A")
                rig.take("dead")
                rig.expire_lease()
                rig.disturb(fault, number)
                lease, box = rig.take("me", watched)
                assert (lease.epoch, box.crashes, box.owner) == (2, 1, "me")
                assert rig.box == box
