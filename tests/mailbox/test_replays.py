"""Replaying dead letters: once, whatever is lost, and whatever else goes on."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.errors import ConflictError, NotFound, ParleyError
from shared.ids import new_id, pack
from shared.mailbox.box import BoxKey
from shared.mailbox.dead_letters import ROOM
from shared.mailbox.deliveries import ID, KIND
from shared.mailbox.records import SAID, record_ref
from shared.storage.expressions import Assign
from shared.storage.table import Unavailable, Update
from tests.mailbox.office import BOX, RECORDS, TENANT, WAITING, Office
from tests.support.faults import Fault, Hooks

REF = "DELIVERY#1"


def refused(office: Office, delivery_id: str, tenant: str = TENANT) -> str:
    """The code with which a replay is refused, which leaves the mailbox as it was."""
    before = office.box()
    with pytest.raises(ParleyError) as fault:
        office.letters.replay(tenant, delivery_id)
    assert office.box() == before
    assert fault.value.http_status == (404 if isinstance(fault.value, NotFound) else 409)
    return fault.value.error_code


@pytest.mark.parametrize(("box", "ref"), [(BOX, REF), (RECORDS, record_ref(7, SAID))])
def test_it_waits_as_if_nobody_had_tried_yet(office: Office, box: BoxKey, ref: str) -> None:
    office.table.update(Update(box.item, [Assign(("jobs",), ["other"]), Assign(("bell",), 4)]))
    made = office.died(box, ref)
    other = office.died(box, record_ref(8, SAID) if box is RECORDS else None)
    added = office.attrs(ref, box)["added_at"]
    office.clock.advance(5)
    assert office.letters.replay(TENANT, made) == box
    attrs = office.attrs(ref, box)
    assert tuple(sorted(attrs)) == WAITING
    assert (attrs["state"], attrs["added_at"]) == ("queued", added)
    after = office.box(box)
    assert (after.jobs, after.bell, after.due) == (("other", ref), 5, office.clock.now())
    assert office.listed() == [other]


def test_a_mailbox_that_is_gone_is_made_again(office: Office) -> None:
    made = office.died(ref=REF)
    assert office.letters.replay(TENANT, made) == BOX
    assert office.box().jobs == (REF,)


def test_again_is_the_same(office: Office) -> None:
    made = office.died(ref=REF)
    for _ in range(3):
        assert office.letters.replay(TENANT, made) == BOX
    assert office.box().jobs == (REF,)
    assert office.box().bell == 1


def test_one_that_waits_for_its_first_attempt_goes_on_waiting(office: Office) -> None:
    made = office.waiting(REF)
    assert office.letters.replay(TENANT, made) == BOX
    assert office.box().jobs == ()


@pytest.mark.parametrize("outcome", ["completed", "cancelled"])
def test_what_has_ended_otherwise_is_not_made_again(office: Office, outcome: str) -> None:
    assert refused(office, office.ended(REF, outcome)) == "DELIVERY_NOT_DEAD"


def test_one_that_dies_again_is_listed_and_replayed_again(office: Office) -> None:
    made = office.died(ref=REF)
    for times in (1, 2):
        office.letters.replay(TENANT, made)
        assert office.listed() == []
        taken = office.holder.take(BOX, new_id())
        assert isinstance(taken, tuple)
        lease, _ = taken
        office.holder.pop(lease, office.holder.read(lease))
        assert office.died(ref=REF) == made
        assert office.listed() == [made], times


def test_a_full_mailbox_takes_none_and_it_stays_dead(office: Office) -> None:
    for box in (BOX, RECORDS):
        ref = record_ref(1, SAID) if box is RECORDS else REF
        made = office.died(box, ref)
        before = office.attrs(ref, box)
        full = [f"r{number}" for number in range(ROOM[box.kind])]
        office.table.update(Update(box.item, [Assign(("jobs",), full)]))
        with pytest.raises(ConflictError) as fault:
            office.letters.replay(TENANT, made)
        assert (fault.value.error_code, fault.value.is_retryable) == ("MAILBOX_FULL", True)
        assert office.attrs(ref, box) == before
        office.table.update(Update(box.item, [Assign(("jobs",), full[1:])]))
        assert office.letters.replay(TENANT, made) == box


# -- whose --------------------------------------------------------------------------------------


def test_another_tenants_looks_like_none(office: Office) -> None:
    made = office.died(ref=REF)
    assert refused(office, made, tenant="globex") == "DELIVERY_NOT_FOUND"
    assert refused(office, pack(ID, KIND, "c1", "DELIVERY#2")) == "DELIVERY_NOT_FOUND"
    assert refused(office, pack(ID, KIND, "c2", REF)) == "DELIVERY_NOT_FOUND"
    assert office.listed() == [made]


def test_an_id_names_nothing_but_deliveries(office: Office) -> None:
    office.table.update(Update(BOX.item, [Assign(("jobs",), [])]))
    elsewhere = BoxKey("conv", TENANT, "c1")
    office.put(elsewhere, "TURN#1", state="done", outcome="dead")
    office.put(BOX, "META")
    for forged in (
        pack(ID, "conv", "c1", "TURN#1"),
        pack(ID, "box#deliver", "c1", "BOX"),
        pack(ID, KIND, "c1", "META"),
        pack(ID, "c1", REF),
        pack("turn", KIND, "c1", REF),
    ):
        assert refused(office, forged) == "DELIVERY_NOT_FOUND", forged
    assert office.attrs("TURN#1", elsewhere)["state"] == "done"


PARTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=600)
IDS = st.one_of(
    st.text(max_size=40),
    st.lists(PARTS, max_size=5).map(lambda parts: pack(ID, *parts)),
    st.builds(lambda kind, a, b: pack(ID, kind, a, b), st.sampled_from([*ROOM]), PARTS, PARTS),
)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(made=IDS)
def test_whatever_an_id_is_it_is_missing(local_office: Office, made: str) -> None:
    assert refused(local_office, made) == "DELIVERY_NOT_FOUND"


@pytest.mark.parametrize("size", [475, 503, 512])
def test_an_id_of_the_largest_parts_is_missing(office: Office, size: int) -> None:
    assert refused(office, pack(ID, KIND, "c" * size, "r" * 512)) == "DELIVERY_NOT_FOUND"


# -- lost answers -------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.value)
def test_a_fault_at_any_call_leaves_the_same(office: Office, fault: Fault) -> None:
    made = [office.died(ref=f"DELIVERY#{number}") for number in range(3)]
    office.calls.clear()
    office.letters.replay(TENANT, made[0])
    calls = len(office.calls)
    assert calls > 0
    for number in range(calls):
        office.disturb(fault, number)
        assert office.letters.replay(TENANT, made[number + 1]) == BOX
        assert office.box().jobs == tuple(f"DELIVERY#{each}" for each in range(number + 2))
        assert office.box().bell == number + 2


@pytest.mark.parametrize("outcome", ["completed", "dead"])
def test_a_worker_may_be_faster_than_a_lost_answer(office: Office, outcome: str) -> None:
    """The replay is tried again when it has been made, and the delivery too."""
    made = office.died(ref=REF)

    def lost() -> None:
        office.faults.clear()
        ended = {"state": "done", "outcome": outcome}
        office.table.update(
            Update(BOX.job(REF), [Assign((name,), value) for name, value in ended.items()])
        )
        office.table.update(Update(BOX.item, [Assign(("jobs",), [])]))
        raise Unavailable("the answer is lost")

    office.disturb(Hooks(after=lost), 0)
    assert office.letters.replay(TENANT, made) == BOX
    assert office.attrs(REF)["outcome"] == outcome
    assert office.box().jobs == ()
