"""The list of dead letters: whose, in which order, page by page."""

from dataclasses import asdict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.errors import ConflictError, NotFound, ValidationError
from shared.ids import pack
from shared.mailbox.box import BoxKey
from shared.mailbox.dead_letters import CURSOR, LOOKS, MAX_ERROR, ROOM, WORDS
from shared.mailbox.deliveries import KIND, MAX_WAITING, dead_letters_of, delivery
from shared.mailbox.records import CALL, END, ESCALATED, SAID, record_ref
from shared.storage.table import MAX_GET_KEYS, OWNED
from tests.mailbox.office import BOX, RECORDS, TENANT, Office

SHARED = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def test_an_entry_says_what_died_when_and_why_and_no_more(office: Office) -> None:
    added = office.clock.now() + 1000
    made = office.died(ref="DELIVERY#1")
    [letter] = office.letters.page(TENANT, 50).letters
    assert letter == office.letters.find(TENANT, made)
    assert asdict(letter) == {
        "id": made,
        "kind": "callback",
        "conversation": "c1",
        "attempts": 3,
        "error": "status 500",
        "added_at": added,
        "dead_since": added,
    }


def test_records_are_called_by_what_they_tell(office: Office) -> None:
    refs = [record_ref(number, word) for number, word in enumerate((CALL, SAID, ESCALATED, END))]
    made = [office.died(RECORDS, ref) for ref in refs]
    found = office.letters.page(TENANT, 50).letters
    assert [letter.id for letter in found] == made[::-1]
    kinds = ["finalize", "escalation", "transcript", "call_record"]
    assert [letter.kind for letter in found] == kinds
    assert set(WORDS) == {CALL, SAID, ESCALATED, END}
    assert {letter.conversation for letter in found} == {"c1"}


def test_one_for_which_there_was_no_room_was_never_tried(office: Office) -> None:
    for _ in range(MAX_WAITING):
        office.table.write(
            delivery(office.requests, BOX, "https://x.example", "{}", office.clock).writes
        )
    queued = delivery(office.requests, BOX, "https://x.example", "{}", office.clock)
    office.table.write(queued.overflow)
    [letter] = office.letters.page(TENANT, 50).letters
    assert (letter.attempts, letter.error) == (0, "mailbox full")


def test_a_long_error_is_cut(local_office: Office) -> None:
    local_office.died(error="e" * (MAX_ERROR + 1))
    [letter] = local_office.letters.page(TENANT, 50).letters
    assert len(letter.error) == MAX_ERROR
    assert letter.error.endswith("…")


def test_a_tenant_has_its_own(office: Office) -> None:
    names = ["acme", "acme#x", "acme%23x", "globex"]
    made = {name: office.died(BoxKey(KIND, name, "a#b%c")) for name in names}
    assert len(set(made.values())) == len(names)
    for name in names:
        [letter] = office.letters.page(name, 50).letters
        assert (letter.id, letter.conversation) == (made[name], "a#b%c")
        for other in names:
            if other != name:
                with pytest.raises(NotFound):
                    office.letters.find(other, made[name])
    assert office.letters.page("nobody", 50).letters == []


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
def test_pages_have_each_once_the_latest_first(office: Office, limit: int) -> None:
    boxes = [BOX, BoxKey(KIND, TENANT, "c2"), RECORDS]
    made = []
    for number in range(7):
        box = boxes[number % 3]
        made.append(office.died(box, record_ref(number, SAID) if box is RECORDS else None))
    assert office.listed(limit=limit) == made[::-1]


def test_those_of_one_moment_are_all_there(office: Office) -> None:
    """Cursors tell them apart though their times are the same."""
    office.clock.advance = lambda seconds: None  # type: ignore[method-assign]  # the stage is ours to change
    made = {office.died() for _ in range(5)}
    listed = office.listed(limit=2)
    assert len(listed) == 5
    assert set(listed) == made


def test_a_cursor_stays_good_when_its_entry_is_replayed(office: Office) -> None:
    first, second, third = [office.died() for _ in range(3)]
    page = office.letters.page(TENANT, 2)
    assert [letter.id for letter in page.letters] == [third, second]
    office.letters.replay(TENANT, second)
    after = office.letters.page(TENANT, 2, page.next_cursor)
    assert [letter.id for letter in after.letters] == [first]
    assert after.next_cursor is None


def test_what_the_index_has_still_though_it_waits_is_left_out(office: Office) -> None:
    stale = {"owned_by": dead_letters_of(TENANT), "listed_at": office.clock.now() + 10**6}
    made = office.died()
    office.put(BOX, "DELIVERY#stale", state="queued", **stale)
    office.put(BoxKey("task", TENANT, "t"), "RUN#1", state="done", outcome="dead", **stale)
    assert office.listed() == office.listed(limit=1) == [made]


def test_a_page_reads_so_far_and_no_farther(local_office: Office) -> None:
    office = local_office
    made = office.died()
    for number in range(LOOKS * MAX_GET_KEYS):
        stale = {"owned_by": dead_letters_of(TENANT), "listed_at": 10**14 - number}
        office.put(BOX, f"DELIVERY#{number}", state="queued", **stale)
    page = office.letters.page(TENANT, 200)
    assert page.letters == []
    assert page.next_cursor is not None
    office.calls.clear()
    assert office.listed(limit=200) == [made]
    assert [call.method for call in office.calls].count("query_index") <= 2 * LOOKS


@pytest.mark.parametrize(
    "cursor",
    [
        "dead_x",
        pack("approvals", "0"),
        pack(CURSOR, "1", KIND, "c1"),
        pack(CURSOR, "01", KIND, "c1", "r"),
        pack(CURSOR, "-1", KIND, "c1", "r"),
        pack(CURSOR, "1" * 16, KIND, "c1", "r"),
        pack(CURSOR, "now", KIND, "c1", "r"),
        pack(CURSOR, "1", "conv", "c1", "r"),
        pack(CURSOR, "1", KIND, "c" * 513, "r"),
        pack(CURSOR, "1", KIND, "", "r"),
    ],
)
def test_a_cursor_of_nothing_is_refused(office: Office, cursor: str) -> None:
    with pytest.raises(ValidationError, match="cursor"):
        office.letters.page(TENANT, 50, cursor)


@SHARED
@given(
    cursor=st.text(max_size=40)
    | st.builds(
        lambda at, kind, box, ref: pack(CURSOR, str(at), kind, box, ref),
        st.integers(-5, 10**16),
        st.sampled_from([*ROOM, "conv", "#"]),
        *[st.text(st.characters(exclude_categories=["Cs"]), max_size=600)] * 2,
    )
)
def test_any_cursor_is_refused_or_leads_to_ones_own(local_office: Office, cursor: str) -> None:
    if not local_office.listed():
        local_office.died()
        local_office.died(BoxKey(KIND, "globex", "c1"))
    own = local_office.listed()
    try:
        page = local_office.letters.page(TENANT, 50, cursor)
    except ValidationError:
        return
    assert {letter.id for letter in page.letters} <= set(own)


def test_what_is_no_dead_letter_is_not_found_as_one(office: Office) -> None:
    with pytest.raises(ConflictError) as queued:
        office.letters.find(TENANT, office.waiting("DELIVERY#1"))
    with pytest.raises(ConflictError) as made:
        office.letters.find(TENANT, office.ended("DELIVERY#2", "completed"))
    assert {queued.value.error_code, made.value.error_code} == {"DELIVERY_NOT_DEAD"}
    assert office.table.query_index(OWNED, dead_letters_of(TENANT)).items == []
