"""Watch wakes: one chain for each activation, and none while nothing runs."""

import pytest

from tests.mailbox.drained import DrainRig, parks

# -- watch wakes --------------------------------------------------------------------------------


def test_a_watch_wake_comes_again_while_its_epoch_holds(drained: DrainRig) -> None:
    drained.add("A")
    drained.die_holding()
    drained.wait(10)
    drained.drain(watched=1)
    assert drained.queue.watches == [(26, 1)], "when the lease, its grace and a second are over"
    assert drained.script.seen == []


@pytest.mark.parametrize("epoch", [0, 2])
def test_a_watch_wake_of_another_activation_is_dropped(drained: DrainRig, epoch: int) -> None:
    drained.add("A")
    drained.die_holding()
    for seconds in (0, 100):
        drained.wait(seconds)
        drained.drain(watched=epoch)
    assert drained.queue.sent == []
    assert drained.script.seen == []


def test_a_watch_wake_does_not_take_a_free_mailbox(drained: DrainRig) -> None:
    """Otherwise each parked mailbox would be taken every half minute, for ever."""
    drained.add("A", parks())
    drained.drain()
    drained.queue.sent.clear()
    drained.wait(40)
    drained.drain(watched=1)
    assert drained.queue.sent == []
    assert drained.box.epoch == 1


def test_a_watch_wake_takes_over_from_the_dead(drained: DrainRig) -> None:
    drained.add("A")
    drained.die_holding()
    drained.wait(36)
    drained.drain(watched=1)
    assert drained.script.did("A") == ["run", "done"]
    assert drained.queue.watches == [(36, 2)]


def test_an_ordinary_wake_is_dropped_while_somebody_works(drained: DrainRig) -> None:
    drained.add("A")
    drained.die_holding()
    drained.wait(34)
    drained.drain()
    assert drained.queue.sent == []
    drained.wait(1)
    drained.drain()
    assert drained.script.did("A") == ["run", "done"]
