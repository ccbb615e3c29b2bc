"""The drain when workers die, freeze, or cannot reach the store."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from shared.mailbox.handler import Activation
from shared.mailbox.jobs import Ending, Stale, Stopped
from shared.storage.table import SCHEMA_VERSION, Put
from tests.mailbox.drained import BOX, DrainRig, completed, parks
from tests.support.faults import Call, Fault

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


def test_crashes_before_a_prompt_are_none_of_those_after_it(drained: DrainRig) -> None:
    """Whoever has asked has not crashed on what is asked, and neither has whoever looks in."""
    drained.add("A", parks())
    for looks in range(3):
        for crashes in range(3):
            drained.die_holding()
            assert drained.box.crashes == crashes
            drained.wait(40)
        drained.drain()
        assert (drained.box.crashes, drained.box.owner) == (0, None)
        assert drained.script.did("A") == ["run", "prompt"], looks
    decided = drained.requests.decide(BOX, "A", call="k", digest="d", what="approved", who="ann")
    assert decided == "decided"
    drained.drain()
    assert drained.script.did("A") == ["run", "prompt", "run", "approved"]
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


def once(work: Callable[[], object]) -> Callable[[], None]:
    """The first time it is called it does this."""
    left = [work]

    def called() -> None:
        while left:
            left.pop()()

    return called


def stand_still(rig: DrainRig, seconds: float) -> None:
    rig.virtual.process.freeze(seconds)
    rig.clock.sleep(0)


@pytest.mark.parametrize("seconds", [26, 29, 34, 40])
def test_a_terminal_event_that_may_not_have_been_sent_is_sent_again(
    drained: DrainRig, seconds: float
) -> None:
    """The worker froze while it was sending: what it left out for that it cannot tell."""
    drained.script.on_publish = once(lambda: stand_still(drained, seconds))
    drained.add("A")
    drained.drain()
    assert drained.script.did("A") == ["run", "done"]
    assert drained.box.head == "A"
    drained.wait(40)
    drained.drain()
    assert drained.script.did("A") == ["run", "done", "done"]
    assert drained.at_rest()


@pytest.mark.parametrize("seconds", [26, 29, 34, 40])
def test_a_prompt_that_may_not_have_been_sent_is_sent_again(
    drained: DrainRig, seconds: float
) -> None:
    drained.script.on_prompt = once(lambda: stand_still(drained, seconds))
    drained.add("A", parks())
    drained.drain()
    pending = drained.job("A").pending
    assert pending is not None
    assert pending.prompted_at is None, "it may not have been"
    drained.wait(40)
    drained.drain()
    assert drained.script.did("A") == ["run", "prompt", "prompt"]
    pending = drained.job("A").pending
    assert pending is not None
    assert pending.expires_at == drained.clock.now() + 300_000
    assert (drained.box.owner, drained.box.due) == (None, pending.expires_at)


def test_an_end_behind_one_that_waits_is_sent_again_too(drained: DrainRig) -> None:
    drained.add("A", parks())
    drained.add("B")
    drained.drain()
    drained.script.on_publish = once(lambda: stand_still(drained, 29))
    assert drained.requests.cancel(BOX, "B", who="ann")
    drained.drain()
    assert "B" in drained.box.jobs
    drained.wait(40)
    drained.drain()
    assert drained.script.did("B") == ["cancelled", "cancelled"]
    assert drained.box.jobs == ("A",)


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


def test_a_crash_after_the_end_is_not_charged_to_the_next_job(drained: DrainRig) -> None:
    charged: list[int] = []

    def work(activation: Activation) -> Ending | None:
        charged.append(activation.box.crashes)
        return completed(activation)

    drained.add("A")
    drained.add("B", work)
    taken = drained.holder.take(BOX, "dead")
    assert isinstance(taken, tuple)
    drained.holder.finish(taken[0], drained.job("A"), Ending(outcome="completed", terminal="a"))
    drained.wait(40)
    drained.drain()
    assert (drained.script.did("A"), drained.script.did("B")) == (["a"], ["run", "done"])
    assert charged == [0]


def test_an_end_that_cannot_be_sent_does_not_hold_up_the_mailbox(drained: DrainRig) -> None:
    def broken() -> None:
        raise RuntimeError("no way to send this")

    drained.script.on_publish = broken
    drained.add("A")
    drained.add("B")
    drained.drain()
    assert (drained.job("A").outcome, drained.job("B").outcome) == ("completed", "completed")
    assert drained.at_rest()


def test_an_item_of_a_later_release_waits_for_its_workers(drained: DrainRig) -> None:
    """While one is deployed; however often the workers of this one come across it."""
    drained.add("A")
    key = BOX.job("A")
    [item] = drained.engine.get([key])
    assert item is not None
    drained.engine.write([Put(replace(item, attrs={**item.attrs, "v": SCHEMA_VERSION + 1}))])
    for _ in range(6):
        drained.drain()
        assert drained.queue.ordinary[-1] == 30
        drained.wait(30)
    assert (drained.box.owner, drained.box.crashes, drained.script.seen) == (None, 0, [])
    drained.engine.write([Put(item)])
    drained.drain()
    assert drained.script.did("A") == ["run", "done"]
