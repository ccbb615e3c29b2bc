"""Adding, deciding, cancelling, listening: what anybody may do, and when it is refused."""

import threading

import pytest

from shared.mailbox.box import BoxKey, Heard
from shared.mailbox.jobs import Ending
from shared.mailbox.listeners import MAX_LISTENERS, Listener
from shared.mailbox.requests import BacklogFull, DifferentPayload, NewJob, RiderFailed
from shared.storage.expressions import EXISTS, Increment
from shared.storage.table import Update
from tests.mailbox.operations import CONN, decide, done_head, fill, listeners, prompted
from tests.mailbox.rig import BOX, Rig
from tests.support.faults import Hooks


def end(rig: Rig, ref: str) -> None:
    lease, _ = rig.take()
    rig.holder.finish(lease, rig.job(ref), Ending(outcome="completed", terminal="t"))


# -- the same request ---------------------------------------------------------------------------


def test_the_same_ref_is_the_same_job(rig: Rig) -> None:
    assert not rig.add("A").duplicate
    before = rig.stored()
    again = rig.add("A")
    assert again.duplicate
    assert again.job == rig.job("A")
    assert rig.stored() == before, "and nobody is woken by it"


def test_another_payload_under_the_same_ref_is_refused(rig: Rig) -> None:
    rig.add("A")
    before = rig.stored()
    with pytest.raises(DifferentPayload):
        rig.add("A", hash_="other")
    assert rig.stored() == before


def test_a_finished_job_is_still_the_same(rig: Rig) -> None:
    rig.add("A")
    end(rig, "A")
    again = rig.add("A")
    assert again.duplicate
    assert again.job.terminal == "t"


def test_the_same_ref_while_it_is_full_is_the_same_job(rig: Rig) -> None:
    fill(rig, 8)
    assert rig.add("J3").duplicate
    with pytest.raises(DifferentPayload):
        rig.add("J3", hash_="other")
    with pytest.raises(BacklogFull) as full:
        rig.add("J8")
    assert full.value.waiting == 8


def test_a_repeat_is_the_same_even_if_a_rider_fails(rig: Rig) -> None:
    rig.add("A")
    used_up = Update(CONN, [Increment(("frames",), 1)], EXISTS)
    assert rig.add("A", riders=[used_up]).duplicate
    with pytest.raises(RiderFailed) as failed:
        rig.add("B", riders=[used_up])
    assert list(failed.value.failures) == [0]
    assert rig.box.jobs == ("A",)


# -- the bound ----------------------------------------------------------------------------------


def test_a_head_that_is_done_does_not_count(rig: Rig) -> None:
    done_head(rig)
    rig.add("J8")
    assert len(rig.box.jobs) == 9
    with pytest.raises(BacklogFull):
        rig.add("J9")


def test_a_bound_of_one_is_one_at_a_time(rig: Rig) -> None:
    rig.add("A", bound=1)
    with pytest.raises(BacklogFull):
        rig.add("B", bound=1)
    end(rig, "A")
    rig.add("B", bound=1)


def test_a_head_that_leaves_while_room_is_looked_for_is_not_in_the_way(rig: Rig) -> None:
    rig.add("A", bound=1)
    lease, _ = rig.take()
    rig.holder.finish(lease, rig.job("A"), Ending(outcome="completed", terminal="t"))
    rig.calls.clear()
    popped: list[bool] = []

    def pop() -> None:
        if not popped:
            popped.append(True)
            rig.holder.pop(lease, rig.box)

    # Refused at first; then the head is read, and leaves right before the second try.
    rig.faults = {3: Hooks(before=pop)}
    rig.add("B", bound=1)
    assert (popped, rig.box.jobs) == ([True], ("B",))


def test_no_bound_is_none(rig: Rig) -> None:
    for number in range(200):
        rig.add(f"J{number}", bound=None)
    assert len(rig.box.jobs) == 200


@pytest.mark.parametrize("first_is_done", [False, True])
def test_many_at_once_never_exceed_the_bound(rig: Rig, first_is_done: bool) -> None:
    bound, threads = 5, 24
    rig.add("first", bound=bound)
    if first_is_done:
        end(rig, "first")
    together = threading.Barrier(threads)
    outcomes: list[str] = []

    def one(number: int) -> None:
        together.wait(30)
        job = NewJob(ref=f"T{number}", hash="h", payload={})
        try:
            rig.requests.add(BOX, job, bound=bound)
            outcomes.append("added")
        except BacklogFull:
            outcomes.append("full")

    workers = [threading.Thread(target=one, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    room = bound if first_is_done else bound - 1
    assert sorted(outcomes) == ["added"] * room + ["full"] * (threads - room)
    assert len(rig.box.jobs) == room + 1
    assert len(set(rig.box.jobs)) == room + 1
    stored = {sk for pk, sk in rig.stored() if pk == BOX.partition}
    assert stored == set(rig.box.jobs), "nothing was written for those who were refused"


# -- listeners ----------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["attach", "add"])
def test_a_33rd_listener_takes_the_place_of_the_oldest(rig: Rig, how: str) -> None:
    listeners(rig)
    if how == "attach":
        rig.requests.attach(BOX, Listener("s/new"))
    else:
        rig.add("A", listener="s/new")
    conns = rig.box.conns
    assert len(conns) == MAX_LISTENERS
    assert "s/0" not in conns
    assert "s/new" in conns


@pytest.mark.parametrize("how", ["attach", "add"])
def test_a_known_listener_drives_nobody_out(rig: Rig, how: str) -> None:
    listeners(rig)
    if how == "attach":
        rig.requests.attach(BOX, Listener("s/0"))
    else:
        rig.add("A", listener="s/0")
    assert set(rig.box.conns) == {f"s/{number}" for number in range(MAX_LISTENERS)}
    assert rig.box.conns["s/0"] == Heard(rig.clock.now())


def test_a_full_mailbox_with_many_listeners_refuses_as_full(rig: Rig) -> None:
    listeners(rig)
    fill(rig, 8)
    with pytest.raises(BacklogFull):
        rig.add("A", listener="s/new")
    assert "s/new" not in rig.box.conns


def test_listening_makes_no_mailbox(rig: Rig) -> None:
    elsewhere = BoxKey("conv", "acme", "none")
    rig.requests.attach(elsewhere, Listener("s/1"))
    rig.requests.detach(elsewhere, "s/1")
    assert rig.table.get([elsewhere.item]) == [None]


# -- deciding -----------------------------------------------------------------------------------


def ask(rig: Rig, **other: str) -> str:
    said = {"call": "k", "digest": "d", "what": "approved", "who": "ann", **other}
    call, digest, what, who = (said[name] for name in ("call", "digest", "what", "who"))
    return rig.requests.decide(BOX, "A", call=call, digest=digest, what=what, who=who)


def test_a_decision_counts_once(rig: Rig) -> None:
    prompted(rig)
    assert ask(rig) == "decided"
    before = rig.stored()
    assert ask(rig) == "same"
    assert ask(rig, what="denied") == "refused"
    assert ask(rig, who="bob") == "refused"
    assert rig.stored() == before


@pytest.mark.parametrize("wrong", [{"digest": "other"}, {"call": "other"}])
def test_only_what_was_asked_can_be_decided(rig: Rig, wrong: dict[str, str]) -> None:
    prompted(rig)
    assert ask(rig, **wrong) == "refused"


def test_nothing_is_decided_after_the_expiry(rig: Rig) -> None:
    prompted(rig, expires_in=60_000)
    rig.clock.advance(60)
    assert decide(rig) == "refused"


def test_a_decision_before_the_prompt_counts(rig: Rig) -> None:
    rig.add("A")
    lease, _ = rig.take()
    rig.holder.park(lease, rig.job("A"), call="k", digest="d", body={})
    rig.clock.advance(10_000)
    assert decide(rig) == "decided"


def test_a_stopped_or_unknown_job_is_not_decided(rig: Rig) -> None:
    assert decide(rig) == "refused"
    prompted(rig)
    rig.requests.cancel(BOX, "A", who="ann")
    assert decide(rig) == "refused"


def test_the_first_stop_counts(rig: Rig) -> None:
    assert not rig.requests.cancel(BOX, "A", who="ann")
    rig.add("A")
    bell = rig.box.bell
    assert rig.requests.cancel(BOX, "A", who="ann")
    assert not rig.requests.cancel(BOX, "A", who="bob")
    assert rig.box.bell == bell + 1
    assert rig.box.stops == ("A",)


@pytest.mark.parametrize("how", ["add", "decide", "cancel"])
def test_who_writes_from_outside_rings_and_makes_it_due(rig: Rig, how: str) -> None:
    prompted(rig, expires_in=999_000)
    rig.clock.advance(5)
    bell = rig.box.bell
    if how == "add":
        rig.add("B")
    elif how == "decide":
        decide(rig)
    else:
        rig.requests.cancel(BOX, "A", who="ann")
    assert (rig.box.bell, rig.box.due) == (bell + 1, rig.clock.now())
