"""The drain: order, ends, stops, crashes, and who is told."""

import pytest

from shared.mailbox.box import BoxKey
from shared.mailbox.handler import Activation, OutOfTime
from shared.mailbox.jobs import Ending
from shared.mailbox.listeners import Listener
from shared.storage.table import Delete
from tests.mailbox.drained import BOX, DrainRig, completed


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
            drained.requests.attach(BOX, Listener(listener), ring=True)

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


def test_what_an_end_gives_others_to_do_comes_after_it_was_told(drained: DrainRig) -> None:
    other = BoxKey("deliver", "acme", "c1")
    told: list[list[str]] = []
    drained.script.on_publish = lambda: told.append([wake.box for wake in drained.queue.sent])
    drained.add("A", lambda _: Ending(outcome="completed", terminal="done", wakes=[other]))
    drained.drain()
    assert [other.pk in boxes for boxes in told] == [False]
    assert [wake.box for wake in drained.queue.sent].count(other.pk) == 1
