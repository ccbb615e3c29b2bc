"""The holder's operations: on which conditions each is refused, and how it says so."""

from typing import Any

import pytest

from shared.mailbox.box import BoxKey
from shared.mailbox.deliveries import KIND, MAX_WAITING, delivery
from shared.mailbox.jobs import Ending, Rang, Stale, Stopped
from shared.mailbox.leases import Lease
from shared.mailbox.listeners import Listener
from shared.storage.expressions import Assign
from shared.storage.sizes import item_size
from shared.storage.table import MAX_ITEM_BYTES, OWNED, Update
from tests.mailbox.operations import append, approved, ended, finish, overdue, parked
from tests.mailbox.rig import BOX, Rig


@pytest.fixture
def lease(rig: Rig) -> Lease:
    rig.add("A")
    return rig.take()[0]


def stop(rig: Rig) -> None:
    assert rig.requests.cancel(BOX, "A", who="ann")


@pytest.mark.parametrize(
    "act",
    [append, finish, parked, lambda rig, lease: rig.holder.mark(lease, rig.job("A"), "k")],
    ids=["append", "finish", "park", "mark"],
)
def test_a_stop_refuses_what_is_new(rig: Rig, lease: Lease, act: Any) -> None:
    stop(rig)
    before = rig.stored()
    with pytest.raises(Stopped):
        act(rig, lease)
    assert rig.stored() == before


def test_a_stop_refuses_neither_results_nor_the_end(rig: Rig, lease: Lease) -> None:
    stop(rig)
    append(rig, lease, result=True)
    rig.holder.finish(lease, rig.job("A"), Ending(outcome="cancelled", terminal="t"))
    assert rig.job("A").outcome == "cancelled"


@pytest.mark.parametrize(
    "act",
    [
        append,
        finish,
        parked,
        lambda rig, lease: append(rig, lease, result=True),
        lambda rig, lease: finish(rig, lease, "cancelled"),
        lambda rig, lease: rig.holder.mark(lease, rig.job("A"), "k"),
        lambda rig, lease: rig.holder.postpone(lease, rig.job("A"), 1, "no"),
    ],
    ids=["append", "finish", "park", "result", "cancelled", "mark", "postpone"],
)
def test_what_is_done_stays_as_it_is(rig: Rig, lease: Lease, act: Any) -> None:
    ended(rig, lease)
    before = rig.stored()
    with pytest.raises(Stale):
        act(rig, lease)
    assert rig.stored() == before


def test_a_message_number_is_used_once(rig: Rig, lease: Lease) -> None:
    append(rig, lease)
    with pytest.raises(Stale):
        append(rig, lease)
    assert rig.job("A").log_length == 2


def test_a_mark_names_the_attempt_and_replaces_only_what_was_read(rig: Rig, lease: Lease) -> None:
    unmarked = rig.job("A")
    first = rig.holder.mark(lease, unmarked, "k")
    assert rig.job("A").mark("k") == first
    with pytest.raises(Stale):
        rig.holder.mark(lease, unmarked, "k")
    second = rig.holder.mark(lease, rig.job("A"), "k")
    assert second != first


def test_a_mark_merged_into_an_append_stands(rig: Rig, lease: Lease) -> None:
    attempt = append(rig, lease, marks=["k"])
    assert rig.job("A").mark("k") == attempt


@pytest.mark.parametrize(("what", "digest"), [("denied", "d"), ("approved", "other"), (None, "d")])
def test_a_call_starts_only_with_approval_of_these_arguments(
    rig: Rig, lease: Lease, what: str | None, digest: str
) -> None:
    parked(rig, lease)
    if what:
        rig.requests.decide(BOX, "A", call="k", digest="d", what=what, who="ann")
    with pytest.raises(Stale):
        rig.holder.mark(lease, rig.job("A"), "k", digest)
    assert rig.job("A").mark("k") is None


def test_an_approved_call_starts(rig: Rig, lease: Lease) -> None:
    approved(rig, lease)
    assert rig.holder.mark(lease, rig.job("A"), "k", "d")


def test_expiring_needs_a_prompt_whose_time_is_over(rig: Rig, lease: Lease) -> None:
    parked(rig, lease)
    rig.clock.advance(10)
    rig.holder.expire(lease, rig.job("A"), "k")
    assert rig.job("A").decision("k") is None, "it was never shown"


def test_the_first_decision_counts_against_the_clock(rig: Rig, lease: Lease) -> None:
    approved(rig, lease)
    changes = [Assign(("pending", "expires_at"), rig.clock.now())]
    rig.table.update(Update(BOX.job("A"), changes))
    rig.holder.expire(lease, rig.job("A"), "k")
    decision = rig.job("A").decision("k")
    assert decision is not None
    assert decision["what"] == "approved"


def test_the_clock_decides_when_nobody_did(rig: Rig, lease: Lease) -> None:
    overdue(rig, lease)
    rig.holder.expire(lease, rig.job("A"), "k")
    decision = rig.job("A").decision("k")
    assert decision is not None
    assert (decision["what"], decision["who"]) == ("expired", "")


# -- giving back --------------------------------------------------------------------------------


def test_a_ring_keeps_the_lease(rig: Rig, lease: Lease) -> None:
    seen = rig.box.bell
    rig.add("B")
    parked(rig, lease)
    now = rig.clock.now()
    assert not rig.holder.let_go(lease, seen, None, None)
    assert not rig.holder.prompted(lease, rig.job("A"), "k", seen, now + 9, None)
    assert rig.box.owner == lease.owner
    pending = rig.job("A").pending
    assert pending is not None
    assert pending.expires_at is None


def test_a_ring_since_the_box_was_read_keeps_the_head(rig: Rig, lease: Lease) -> None:
    ended(rig, lease)
    box = rig.box
    rig.requests.attach(BOX, Listener("s/1"), ring=True)
    with pytest.raises(Rang) as rang:
        rig.holder.pop(lease, box)
    assert "s/1" in rang.value.box.conns
    assert rig.box.head == "A"
    assert rig.holder.pop(lease, rang.value.box) is None


@pytest.mark.parametrize(
    ("head_at", "next_at", "due"), [(5, None, 5), (None, 7, 7), (5, 7, 5), (9, 7, 7)]
)
def test_due_is_the_earliest_of_its_sources(
    rig: Rig, lease: Lease, head_at: int | None, next_at: int | None, due: int
) -> None:
    assert rig.holder.let_go(lease, rig.box.bell, head_at, next_at)
    assert (rig.box.due, rig.box.head_at) == (due, head_at)


def test_nothing_to_come_is_never_due(rig: Rig, lease: Lease) -> None:
    assert rig.holder.let_go(lease, rig.box.bell, None, None)
    assert (rig.box.due, rig.box.owner, rig.box.until) == (None, None, 0)


def test_dropping_keeps_the_others_stop(rig: Rig, lease: Lease) -> None:
    for ref in "BCD":
        rig.add(ref)
    for ref in "CB":
        rig.requests.cancel(BOX, ref, who="ann")
    box = rig.holder.drop(lease, rig.box, "B")
    assert (box.jobs, box.stops) == (("A", "C", "D"), ("C",))


# -- the end ------------------------------------------------------------------------------------


def test_a_full_delivery_box_does_not_keep_a_turn_from_ending(rig: Rig, lease: Lease) -> None:
    target = BoxKey(KIND, "acme", "c1")
    for _ in range(MAX_WAITING):
        rig.table.write(delivery(rig.requests, target, "https://x", "{}", rig.clock).writes)
    finish(rig, lease)
    assert rig.job("A").outcome == "completed"
    item = rig.table.get([target.item])[0]
    assert item is not None
    assert len(item.attrs["jobs"]) == MAX_WAITING
    dead = rig.table.query_index(OWNED, "DEAD#acme").items
    assert [entry.key.pk for entry in dead] == [target.partition]


def test_the_end_resets_crashes_and_keeps_head_and_lease(rig: Rig) -> None:
    rig.add("A")
    rig.take("dead")
    rig.expire_lease()
    lease, box = rig.take()
    assert box.crashes == 1
    finish(rig, lease)
    assert (rig.box.crashes, rig.box.head, rig.box.owner) == (0, "A", "me")


def test_a_finished_job_goes_some_day_and_a_waiting_one_never(rig: Rig, lease: Lease) -> None:
    assert "ttl" not in rig.stored()[BOX.partition, "A"][0]
    ended(rig, lease)
    assert rig.stored()[BOX.partition, "A"][0]["ttl"] >= rig.clock.now() // 1000 + 24 * 3600


# -- taking -------------------------------------------------------------------------------------


def test_a_held_lease_is_not_taken(rig: Rig, lease: Lease) -> None:
    rig.clock.advance(34.9)
    assert not isinstance(rig.holder.take(BOX, "other"), tuple)
    rig.clock.advance(0.1)
    assert isinstance(rig.holder.take(BOX, "other"), tuple)


def test_a_heartbeat_moves_the_lease_and_due(rig: Rig, lease: Lease) -> None:
    rig.clock.advance(20)
    box = rig.holder.heartbeat(lease)
    assert box.until == rig.clock.now() + 30_000
    assert box.due == box.until + 5_000, "a wake at due is never refused"
    rig.clock.advance(34)
    assert not isinstance(rig.holder.take(BOX, "other"), tuple)


def test_a_mailbox_that_does_not_exist_is_not_taken(rig: Rig) -> None:
    nowhere = BoxKey("conv", "acme", "none")
    assert not isinstance(rig.holder.take(nowhere, "me"), tuple)
    assert not isinstance(rig.holder.take(nowhere, "me", 1), tuple)
    assert rig.table.get([nowhere.item]) == [None]


def test_a_delivery_box_at_the_limit_of_an_item_does_not_keep_a_turn_from_ending(
    rig: Rig, lease: Lease
) -> None:
    target = BoxKey(KIND, "acme", "c1")
    refs = [f"DELIVERY#{number:036d}" for number in range(8_000)]
    made = rig.table.update(Update(target.item, [Assign(("jobs",), refs)]))
    room = MAX_ITEM_BYTES - item_size(target.item, made.attrs) - 40
    rig.table.update(Update(target.item, [Assign(("padding",), "x" * room)]))
    finish(rig, lease)
