"""The drain: prompts, delays, early wakes and watch wakes."""

import pytest

from shared.mailbox.handler import Activation
from shared.mailbox.jobs import Ending
from tests.mailbox.drained import BOX, DrainRig, completed, parks


def decide(rig: DrainRig, what: str = "approved", who: str = "ann") -> str:
    return rig.requests.decide(BOX, "A", call="k", digest="d", what=what, who=who)


def delayed(rig: DrainRig, seconds: float) -> float:
    """A job that postpones itself once, by so many seconds; when it may go on."""
    until = rig.clock.now() + int(seconds * 1000)

    def work(activation: Activation) -> Ending | None:
        if activation.job.attempts == 0:
            activation.holder.postpone(activation.lease, activation.job, until, "not yet")
            return None
        return completed(activation)

    rig.add("A", work)
    return rig.virtual.hub.time + seconds


# -- waiting for a person -----------------------------------------------------------------------


def test_a_parked_job_prompts_once_and_sleeps_until_its_expiry(drained: DrainRig) -> None:
    drained.add("A", parks())
    drained.drain()
    assert drained.script.did("A") == ["run", "prompt"]
    pending = drained.job("A").pending
    assert pending is not None
    assert pending.expires_at == drained.clock.now() + 300_000
    assert (drained.box.owner, drained.box.due) == (None, pending.expires_at)
    assert drained.queue.ordinary == [], "five minutes are the sweep's"
    drained.drain()
    assert drained.script.did("A") == ["run", "prompt"], "a stray wake does not prompt again"
    assert drained.box.due == pending.expires_at


def test_a_near_expiry_gets_its_own_wake(drained: DrainRig) -> None:
    drained.script.prompt_seconds = 60
    drained.add("A", parks())
    drained.drain()
    assert drained.queue.ordinary == [60]


def test_a_decision_lets_it_go_on(drained: DrainRig) -> None:
    drained.add("A", parks())
    drained.drain()
    assert decide(drained) == "decided"
    assert drained.box.due == drained.clock.now()
    drained.drain()
    assert drained.script.did("A") == ["run", "prompt", "run", "approved"]
    assert drained.at_rest()


def test_a_decision_between_prompt_and_let_go_is_heard(drained: DrainRig) -> None:
    """Its wake is refused, because the lease is held; so the holder must hear the bell."""
    drained.script.on_prompt = lambda: decide(drained)
    drained.add("A", parks())
    drained.drain()
    assert drained.script.did("A") == ["run", "prompt", "run", "approved"]
    assert drained.at_rest()


def test_a_message_between_prompt_and_let_go_does_not_prompt_again(drained: DrainRig) -> None:
    late = iter("B")

    def ring() -> None:
        for ref in late:
            drained.add(ref)

    drained.script.on_prompt = ring
    drained.add("A", parks())
    drained.drain()
    assert drained.script.did("A") == ["run", "prompt"]
    assert drained.script.did("B") == []
    assert drained.box.owner is None
    pending = drained.job("A").pending
    assert pending is not None
    assert pending.expires_at is not None


@pytest.mark.parametrize(("slow", "left"), [(0.0, 150), (0.1, 50), (0.2, 0)])
def test_after_an_answer_to_a_prompt_that_is_being_pushed_there_is_time_to_acknowledge_it(
    drained: DrainRig, slow: float, left: int
) -> None:
    """What follows it waits for that long; not for who answered before this activation."""
    settling: list[int] = []

    def work(activation: Activation) -> Ending | None:
        settling.append(max(0, activation.settle_until - drained.clock.now()))
        return parks()(activation)

    def answered() -> None:
        assert decide(drained) == "decided"
        drained.clock.sleep(slow)

    drained.script.on_prompt = answered
    drained.add("A", work)
    drained.drain()
    assert drained.script.did("A") == ["run", "prompt", "run", "approved"]
    assert settling == [0, left]


def test_an_answer_before_a_worker_came_needs_no_time_any_more(drained: DrainRig) -> None:
    settling: list[int] = []

    def work(activation: Activation) -> Ending | None:
        settling.append(activation.settle_until - drained.clock.now())
        return parks()(activation)

    drained.add("A", work)
    drained.drain()
    assert decide(drained) == "decided"
    drained.drain()
    assert settling[1] <= 0


def test_an_expired_prompt_is_decided_by_the_clock(drained: DrainRig) -> None:
    drained.add("A", parks())
    drained.drain()
    drained.wait(301)
    drained.drain()
    assert drained.script.did("A") == ["run", "prompt", "run", "expired"]
    assert decide(drained) == "refused"
    assert drained.at_rest()


def test_the_time_to_decide_begins_with_the_prompt(drained: DrainRig) -> None:
    """The worker died after it had parked the job: nobody was asked yet."""
    drained.add("A")
    taken = drained.holder.take(BOX, "dead")
    assert isinstance(taken, tuple)
    drained.holder.park(taken[0], drained.job("A"), call="k", digest="d", body={})
    drained.script.work["A"] = parks()
    drained.wait(400)
    drained.drain()
    assert drained.script.did("A") == ["prompt"]
    pending = drained.job("A").pending
    assert pending is not None
    assert pending.expires_at == drained.clock.now() + 300_000


def test_a_stop_of_a_parked_job_ends_it(drained: DrainRig) -> None:
    drained.add("A", parks())
    drained.drain()
    assert drained.requests.cancel(BOX, "A", who="ann")
    drained.drain()
    assert drained.script.did("A") == ["run", "prompt", "cancelled"]
    assert decide(drained) == "refused"
    assert drained.at_rest()


def test_a_stopped_job_behind_a_parked_one_ends_at_once(drained: DrainRig) -> None:
    drained.add("A", parks())
    drained.add("B")
    drained.drain()
    assert drained.requests.cancel(BOX, "B", who="ann")
    drained.drain()
    assert drained.script.did("B") == ["cancelled"]
    pending = drained.job("A").pending
    assert pending is not None
    assert drained.box.due == pending.expires_at


def test_a_stopped_job_behind_a_running_one_does_not_wait_for_its_end(drained: DrainRig) -> None:
    def work(activation: Activation) -> Ending | None:
        with activation.keeper.listening(lambda: None, None):
            drained.clock.sleep(60)
        return completed(activation)

    drained.add("A", work)
    drained.add("B")
    drained.virtual.at(5, lambda: drained.requests.cancel(BOX, "B", who="ann"))
    drained.drain()
    script = drained.script
    assert script.when("cancelled", "B") < script.when("done", "A")


# -- delays -------------------------------------------------------------------------------------


def test_a_delay_of_up_to_ninety_seconds_gets_its_own_wake(drained: DrainRig) -> None:
    delayed(drained, 61.5)
    drained.drain()
    assert drained.queue.ordinary == [62]
    assert drained.box.due == drained.clock.now() + 61_500


def test_a_longer_delay_is_the_sweeps(drained: DrainRig) -> None:
    delayed(drained, 91)
    drained.drain()
    assert drained.queue.ordinary == []
    assert drained.box.due == drained.clock.now() + 91_000


@pytest.mark.parametrize("early", [0.2, 1.0, 2.0])
def test_a_wake_that_is_a_little_early_waits(drained: DrainRig, early: float) -> None:
    due = delayed(drained, 30)
    drained.drain()
    drained.wait(30 - early)
    drained.drain()
    assert drained.script.when("done", "A") == pytest.approx(due)
    assert drained.at_rest()


def test_a_wake_that_is_too_early_comes_again(drained: DrainRig) -> None:
    delayed(drained, 30)
    drained.drain()
    drained.wait(25)
    drained.drain()
    assert drained.script.did("A") == ["run"]
    assert drained.queue.ordinary == [30, 5]
    assert drained.box.owner is None


def test_a_delayed_head_keeps_its_time_when_others_come(drained: DrainRig) -> None:
    """`due` has several owners; letting go derives it from what is stored apart."""
    delayed(drained, 600)
    due = drained.clock.now() + 600_000
    drained.drain()
    drained.add("B")
    drained.drain()
    assert drained.box.due == due
    assert drained.script.did("B") == []
