"""Adding to a mailbox that waits for a person, and coming back to one."""

import pytest

from shared.mailbox.leases import Lease
from shared.mailbox.listeners import MAX_LISTENERS, Listener
from shared.mailbox.requests import BacklogFull
from tests.mailbox.operations import APPROVAL, asked, decide, listeners, parked
from tests.mailbox.rig import BOX, Rig


@pytest.fixture
def lease(rig: Rig) -> Lease:
    rig.add("A")
    return rig.take()[0]


def test_a_job_is_told_that_it_is_behind_one_that_waits(rig: Rig, lease: Lease) -> None:
    asked(rig, lease)
    behind = rig.add("B").behind
    assert behind is not None
    assert (behind.waits, behind.jobs) == (APPROVAL, ("A",))
    later = rig.add("C", listener="s/1").behind
    assert later is not None
    assert later.jobs == ("A", "B")


def test_a_job_behind_one_that_runs_is_told_nothing(rig: Rig, lease: Lease) -> None:
    parked(rig, lease, waits=APPROVAL)
    assert rig.add("B").behind is None


def test_a_job_behind_one_that_has_been_answered_is_told_nothing(rig: Rig, lease: Lease) -> None:
    asked(rig, lease)
    assert decide(rig) == "decided"
    assert rig.add("B").behind is None


def test_a_mailbox_that_waits_is_as_full_as_another_one(rig: Rig, lease: Lease) -> None:
    asked(rig, lease)
    assert rig.add("B", bound=2).behind is not None
    with pytest.raises(BacklogFull) as full:
        rig.add("C", bound=2)
    assert full.value.waiting == 2
    assert rig.add("B", bound=2).duplicate


def test_a_mailbox_that_waits_hears_a_33rd_listener(rig: Rig, lease: Lease) -> None:
    asked(rig, lease)
    listeners(rig)
    behind = rig.add("B", listener="s/new").behind
    assert behind is not None
    assert "s/new" in rig.box.conns
    assert len(rig.box.conns) == MAX_LISTENERS


# -- coming back --------------------------------------------------------------------------------


def test_whoever_has_come_back_goes_on_waiting_to_be_told(rig: Rig) -> None:
    """A client that comes back to several turns at once is attached for each of them."""
    rig.add("A")
    rig.requests.attach(BOX, Listener("s/1", back=("A", 7)), ring=True)
    since, bell = rig.box.conns["s/1"].since, rig.box.bell
    rig.clock.advance(1)
    attached = rig.requests.attach(BOX, Listener("s/1", until=99), ring=True)
    assert attached == rig.box
    assert rig.box.bell == bell + 1
    heard = rig.box.conns["s/1"]
    assert (heard.since, heard.until) == (since, 99)
    assert list(heard.back or ()) == ["A", 7]
    rig.requests.told(BOX, "s/1", heard)
    assert rig.box.conns["s/1"].back is None
    rig.requests.attach(BOX, Listener("s/1"))
    assert rig.box.conns["s/1"].since == rig.clock.now()


def test_whoever_comes_back_once_more_is_told_of_that(rig: Rig) -> None:
    rig.requests.attach(BOX, Listener("s/1", back=("A", 7)))
    rig.requests.attach(BOX, Listener("s/1", back=("B", 3)))
    assert list(rig.box.conns["s/1"].back or ()) == ["B", 3]
