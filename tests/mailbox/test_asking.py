"""Asking people and taking their answers: what is noted when, what rides along, what is refused."""

import pytest

from shared.mailbox.box import Pending
from shared.mailbox.jobs import Ending
from shared.mailbox.leases import Lease
from shared.storage.table import Operation
from tests.mailbox.operations import (
    APPROVAL,
    BESIDE,
    asked,
    beside,
    decide,
    overdue,
    parked,
    parked_beside,
    prompted,
)
from tests.mailbox.rig import BOX, Rig


@pytest.fixture
def lease(rig: Rig) -> Lease:
    rig.add("A")
    return rig.take()[0]


def pending(rig: Rig) -> Pending:
    found = rig.job("A").pending
    assert found is not None
    return found


def rode(rig: Rig) -> dict[str, int]:
    """What rode along with other writes, and how often."""
    item = rig.table.get([BESIDE])[0]
    return dict(item.attrs) if item else {}


# -- from parking to the prompt -----------------------------------------------------------------


def test_parking_keeps_what_it_is_given(rig: Rig, lease: Lease) -> None:
    parked_beside(rig, lease)
    assert pending(rig) == Pending(call="k", hash="d", waits="input")
    assert rig.job("A").attrs["ran"] == 5
    assert rode(rig) == {"parked": 1}
    assert (rig.box.owner, rig.box.waits) == (lease.owner, None), "nobody has been asked yet"


def test_showing_notes_when_it_may_have_been_seen_first_of_all(rig: Rig, lease: Lease) -> None:
    parked(rig, lease)
    assert pending(rig).shown_at is None
    assert rig.holder.show(lease, rig.job("A"), "k")
    assert pending(rig).shown_at == rig.clock.now()
    assert pending(rig).expires_at is None, "the time to decide begins when it has been pushed"


@pytest.mark.parametrize("over", ["decided", "stopped", "another call", "done"])
def test_what_is_not_asked_any_more_is_not_shown(rig: Rig, lease: Lease, over: str) -> None:
    parked(rig, lease)
    if over == "decided":
        assert decide(rig) == "decided"
    elif over == "stopped":
        assert rig.requests.cancel(BOX, "A", who="ann")
    elif over == "done":
        rig.holder.finish(lease, rig.job("A"), Ending(outcome="completed", terminal="t"))
    before = rig.stored()
    call = "other" if over == "another call" else "k"
    assert not rig.holder.show(lease, rig.job("A"), call)
    assert rig.stored() == before


def test_a_prompt_says_what_the_mailbox_waits_for(rig: Rig, lease: Lease) -> None:
    asked(rig, lease)
    assert (rig.box.waits, rig.box.owner) == (APPROVAL, None)
    lease, _ = rig.take("next")
    assert rig.box.waits == APPROVAL, "it waits on, whoever looks at it"


@pytest.mark.parametrize("shown", [True, False], ids=["asked", "looked in"])
def test_whoever_lets_it_wait_has_not_crashed_on_it(rig: Rig, lease: Lease, shown: bool) -> None:
    parked(rig, lease)
    rig.expire_lease()
    lease, box = rig.take("next")
    assert box.crashes == 1
    until = rig.clock.now() + 9
    if shown:
        assert rig.holder.prompted(lease, rig.job("A"), "k", box.bell, until, None)
    else:
        assert rig.holder.let_go(lease, box.bell, until, None)
    assert (rig.box.crashes, rig.box.head_at, rig.box.owner) == (0, until, None)


def test_what_rides_along_with_a_prompt_is_written_with_it_only(rig: Rig, lease: Lease) -> None:
    parked(rig, lease)
    until, job = rig.clock.now() + 9, rig.job("A")
    seen = rig.box.bell
    rig.add("B")
    assert not rig.holder.prompted(lease, job, "k", seen, until, None, beside("prompted"))
    assert rode(rig) == {}
    assert rig.holder.prompted(lease, job, "k", rig.box.bell, until, None, beside("prompted"))
    assert rode(rig) == {"prompted": 1}


# -- answers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["decided", "expired"])
def test_an_answer_ends_the_waiting(rig: Rig, lease: Lease, how: str) -> None:
    asked(rig, lease)
    if how == "decided":
        assert decide(rig) == "decided"
    else:
        rig.clock.advance(60)
        rig.holder.expire(rig.take("next")[0], rig.job("A"), "k")
    assert rig.box.waits is None
    assert rig.job("A").undecided is None


def test_what_is_said_beside_a_decision_is_kept_with_it(rig: Rig) -> None:
    prompted(rig)
    answer = rig.requests.decide(
        BOX,
        "A",
        call="k",
        digest="d",
        what="denied",
        who="ann",
        beside=beside("decided"),
        more={"note": "too much"},
    )
    assert answer == "decided"
    decision = rig.job("A").decision("k")
    assert decision is not None
    assert (decision["what"], decision["note"], decision["hash"]) == ("denied", "too much", "d")
    assert rode(rig) == {"decided": 1}


@pytest.mark.parametrize(("what", "answer"), [("approved", "same"), ("denied", "refused")])
def test_what_rides_along_with_a_decision_is_written_once(rig: Rig, what: str, answer: str) -> None:
    prompted(rig)

    def said(what: str) -> str:
        return rig.requests.decide(
            BOX, "A", call="k", digest="d", what=what, who="ann", beside=beside("decided")
        )

    assert said("approved") == "decided"
    assert said(what) == answer
    assert rode(rig) == {"decided": 1}


def test_wrong_answers_are_counted_one_by_one(rig: Rig) -> None:
    prompted(rig)
    assert rig.requests.tried(BOX, "A", call="k", tries=0)
    assert not rig.requests.tried(BOX, "A", call="k", tries=0), "somebody else was faster"
    assert rig.requests.tried(BOX, "A", call="k", tries=1)
    assert not rig.requests.tried(BOX, "A", call="other", tries=2)
    assert pending(rig).tries == 2


def test_a_wrong_answer_wakes_nobody(rig: Rig) -> None:
    prompted(rig)
    before = rig.box
    assert rig.requests.tried(BOX, "A", call="k", tries=0)
    assert rig.box == before


@pytest.mark.parametrize("known", [0, 1, 2])
def test_a_decision_counts_only_as_the_try_that_it_is(rig: Rig, known: int) -> None:
    prompted(rig)
    assert rig.requests.tried(BOX, "A", call="k", tries=0)
    answer = rig.requests.decide(
        BOX, "A", call="k", digest="d", what="verified", who="ann", tries=known
    )
    assert answer == ("decided" if known == 1 else "refused")


def test_the_tries_of_one_call_are_none_of_the_next(rig: Rig, lease: Lease) -> None:
    asked(rig, lease)
    assert rig.requests.tried(BOX, "A", call="k", tries=0)
    assert decide(rig) == "decided"
    lease, _ = rig.take("next")
    rig.holder.park(lease, rig.job("A"), call="l", digest="e", body={})
    assert pending(rig) == Pending(call="l", hash="e")


@pytest.mark.parametrize("first", [True, False], ids=["in time", "after somebody"])
def test_what_rides_along_with_an_expiry(rig: Rig, lease: Lease, first: bool) -> None:
    overdue(rig, lease)
    if not first:
        # The clock of whoever decided is behind.
        rig.clock.advance(-1)
        assert decide(rig) == "decided"
        rig.clock.advance(1)
    riding: list[Operation] = [*beside("expired")]
    rig.holder.expire(lease, rig.job("A"), "k", riding)
    assert rode(rig) == ({"expired": 1} if first else {})
