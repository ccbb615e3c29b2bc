"""The drain: order, ends, stops, crashes, and who is told."""

import pytest

from shared.mailbox.handler import Activation, OutOfTime
from shared.mailbox.jobs import Ending, Stale, Stopped
from shared.storage.table import Delete
from tests.mailbox.drained import BOX, DrainRig, completed
from tests.support.faults import Call, Fault


def busy(rig: DrainRig, seconds: float) -> Ending | None:
    rig.clock.sleep(seconds)
    return Ending(outcome="completed", terminal="done")


def test_jobs_run_in_order_under_one_lease(drained: DrainRig) -> None:
    for ref in "ABC":
        drained.add(ref)
    drained.drain()
    assert [(what, ref) for _, what, ref in drained.script.seen] == [
        (what, ref) for ref in "ABC" for what in ("run", "done")
    ]
    assert drained.at_rest()
    assert drained.queue.watches == [(36, 1)]
    assert drained.box.epoch == 1


def test_a_wake_for_an_empty_mailbox_leaves_it_as_it_was(drained: DrainRig) -> None:
    drained.drain()
    assert drained.at_rest()
    assert drained.script.seen == []


def test_a_job_added_while_the_last_one_runs_is_not_forgotten(drained: DrainRig) -> None:
    drained.add("A", lambda _: busy(drained, 3))
    drained.virtual.at(1, lambda: drained.add("B"))
    drained.drain()
    assert drained.script.did("B") == ["run", "done"]
    assert drained.at_rest()


def test_a_job_added_between_the_terminal_event_and_the_pop_runs(drained: DrainRig) -> None:
    drained.add("A")
    late = iter("B")

    def ring() -> None:
        for ref in late:
            drained.add(ref)

    drained.script.on_publish = ring
    drained.drain()
    assert drained.script.did("B") == ["run", "done"]
    assert drained.at_rest()


def test_only_a_job_found_without_its_wake_settles(drained: DrainRig) -> None:
    settle: dict[str, int] = {}

    def work(activation: Activation) -> Ending | None:
        settle[activation.job.ref] = activation.settle_until
        return completed(activation)

    drained.add("A", work)
    drained.wait(0.1)
    drained.add("B", work)
    added_at = drained.job("B").added_at
    drained.drain()
    assert settle == {"A": 0, "B": added_at + 150}


def test_a_clock_that_is_behind_does_not_make_it_wait_longer(drained: DrainRig) -> None:
    settle: list[int] = []

    def work(activation: Activation) -> Ending | None:
        settle.append(activation.settle_until - drained.clock.now())
        return completed(activation)

    drained.add("A")
    drained.process_ahead()
    drained.add("B", work)
    drained.process_back()
    drained.drain()
    assert settle == [150]


def test_a_job_that_raises_ends_as_failed(drained: DrainRig) -> None:
    def work(_: Activation) -> Ending | None:
        raise RuntimeError("oops")

    drained.add("A", work)
    drained.add("B")
    drained.drain()
    assert drained.script.did("A") == ["run", "failed: oops"]
    assert drained.script.did("B") == ["run", "done"]


# -- stops --------------------------------------------------------------------------------------


def test_a_stopped_head_ends_as_cancelled(drained: DrainRig) -> None:
    drained.add("A")
    assert drained.requests.cancel(BOX, "A", who="ann")
    drained.drain()
    assert drained.script.did("A") == ["cancelled"]
    assert drained.at_rest()


def test_a_stopped_job_behind_a_waiting_head_ends_first(drained: DrainRig) -> None:
    for ref in "ABC":
        drained.add(ref)
    assert drained.requests.cancel(BOX, "B", who="ann")
    drained.drain()
    assert [(what, ref) for _, what, ref in drained.script.seen] == [
        ("cancelled", "B"),
        ("run", "A"),
        ("done", "A"),
        ("run", "C"),
        ("done", "C"),
    ]
    assert drained.at_rest()


def test_an_accepted_stop_wins_over_a_reply(drained: DrainRig) -> None:
    def work(activation: Activation) -> Ending | None:
        drained.requests.cancel(BOX, "A", who="ann")
        return completed(activation)

    drained.add("A", work)
    drained.drain()
    assert drained.script.did("A") == ["run", "cancelled"]
    assert drained.job("A").outcome == "cancelled"
    assert drained.at_rest()


def test_a_stop_after_the_end_is_silent(drained: DrainRig) -> None:
    drained.add("A")
    drained.drain()
    assert not drained.requests.cancel(BOX, "A", who="ann")
    assert drained.at_rest()


# -- crashes ------------------------------------------------------------------------------------


def test_a_poison_job_ends_after_four_crashes_with_one_terminal_event(drained: DrainRig) -> None:
    """A worker that dies leaves its lease behind; the next one counts that."""
    drained.add("P")
    drained.add("next")
    for crashes in range(4):
        drained.die_holding()
        assert drained.box.crashes == crashes
        drained.wait(40)
    drained.drain()
    assert drained.script.did("P") == ["failed: None"]
    assert drained.script.did("next") == ["run", "done"]
    assert drained.at_rest()


def test_three_crashes_are_survived(drained: DrainRig) -> None:
    drained.add("A")
    for _ in range(3):
        drained.die_holding()
        drained.wait(40)
    drained.drain()
    assert drained.script.did("A") == ["run", "done"]
    assert drained.box.crashes == 0


def test_a_crash_between_end_and_event_repeats_the_same_event(drained: DrainRig) -> None:
    drained.add("A")
    taken = drained.holder.take(BOX, "dead")
    assert isinstance(taken, tuple)
    ending = Ending(outcome="completed", terminal="exactly this")
    drained.holder.finish(taken[0], drained.job("A"), ending)
    drained.wait(40)
    drained.drain()
    assert drained.script.did("A") == ["exactly this"]
    assert drained.at_rest()


def test_the_terminal_event_is_not_sent_within_the_margin(drained: DrainRig) -> None:
    """The worker froze after the end was written; whoever takes over sends it."""

    def work(activation: Activation) -> Ending | None:
        drained.virtual.process.freeze(29)
        drained.clock.sleep(0)
        return completed(activation)

    drained.add("A", work)
    drained.drain()
    assert drained.script.did("A") == ["run"]
    drained.wait(40)
    drained.drain()
    assert drained.script.did("A") == ["run", "done"]


def test_a_store_that_is_gone_hands_over_and_counts(drained: DrainRig) -> None:
    broken = True

    def plan(call: Call) -> Fault | None:
        return Fault.LOST_REQUEST if broken and call.method == "get" else None

    drained.add("A")
    drained.plan = plan
    drained.drain()
    broken = False
    assert drained.box.owner is None
    assert drained.box.crashes == 1
    assert drained.queue.ordinary == [5]
    drained.drain()
    assert drained.script.did("A") == ["run", "done"]


def test_a_job_that_is_always_stale_does_not_keep_a_worker(drained: DrainRig) -> None:
    def work(_: Activation) -> Ending | None:
        raise Stale

    drained.add("A", work)
    drained.drain()
    assert drained.script.did("A") == ["run"] * 6
    drained.wait(36)
    drained.script.work["A"] = completed
    drained.drain()
    assert drained.at_rest()


def test_stopped_is_read_again(drained: DrainRig) -> None:
    def work(activation: Activation) -> Ending | None:
        drained.requests.cancel(BOX, "A", who="ann")
        raise Stopped

    drained.add("A", work)
    drained.drain()
    assert drained.script.did("A") == ["run", "cancelled"]


# -- out of time --------------------------------------------------------------------------------


@pytest.mark.parametrize(("cut", "crashes"), [(False, 0), (True, 1)])
def test_out_of_time_hands_over_and_wakes_the_next(
    drained: DrainRig, cut: bool, crashes: int
) -> None:
    def work(_: Activation) -> Ending | None:
        raise OutOfTime(cut=cut)

    drained.add("A", work)
    drained.drain()
    box = drained.box
    assert (box.owner, box.jobs, box.crashes) == (None, ("A",), crashes)
    assert box.due == drained.clock.now()
    assert drained.queue.ordinary == [0]


def test_a_worker_with_little_time_left_does_not_begin_another_job(drained: DrainRig) -> None:
    drained.add("A", lambda _: busy(drained, 12))
    drained.add("B")
    drained.drain(seconds=20)
    assert drained.script.did("A") == ["run", "done"]
    assert drained.script.did("B") == []
    assert drained.queue.ordinary == [0]
    drained.drain(seconds=20)
    assert drained.at_rest()


# -- who listens --------------------------------------------------------------------------------


def test_who_begins_to_listen_at_the_last_moment_is_told(drained: DrainRig) -> None:
    drained.add("A")
    late = iter(["s/late"])

    def attach() -> None:
        for listener in late:
            drained.requests.attach(BOX, listener, ring=True)

    drained.script.on_publish = attach
    drained.drain()
    assert drained.script.did("A") == ["run", "done", "done"]
    assert drained.at_rest()


def test_a_job_whose_item_is_gone_leaves_the_mailbox(drained: DrainRig) -> None:
    drained.add("A")
    drained.add("B")
    drained.table.write([Delete(BOX.job("A"))])
    drained.drain()
    assert drained.script.did("B") == ["run", "done"]
    assert drained.at_rest()
