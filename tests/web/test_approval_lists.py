"""What somebody may decide, and what became of it, page by page."""

import base64
import json
import random
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.conversations.approvals import LOOKS, PAGE_BYTES
from shared.storage.table import MAX_GET_KEYS
from tests.walls.people import Person
from tests.web.shop import ANN, BOB, BOSS, CLERK, OTHER_ANN, TIME, Shop, ids, kept, pages
from tests.web.site import next_page


def told_by(link: str | None) -> str:
    """What a cursor says to whoever looks into it."""
    if link is None:
        return ""
    cursor = parse_qs(urlsplit(link).query)["cursor"][0].partition("_")[2]
    return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()


# -- whose --------------------------------------------------------------------------------------


def test_everybody_has_what_they_may_decide(shop: Shop) -> None:
    own = [shop.approval(ANN) for _ in range(2)]
    by_role = [shop.approval(ANN, agent) for agent in ("bank", "safe", "bank")]
    bobs = shop.approval(BOB)
    expected: dict[Person, list[str]] = {
        # The latest first.
        ANN: [own[1], own[0]],
        BOB: [bobs],
        BOSS: [by_role[2], by_role[0]],
        CLERK: [by_role[1]],
        OTHER_ANN: [],
        Person("acme", "none", roles=("admin", "manager", "bos", "boss2")): [],
        Person("acme", "both", roles=("boss", "warden")): by_role[::-1],
        Person("acme", "robot", roles=("service",)): by_role[::-1],
    }
    for person, approvals in expected.items():
        assert ids(shop.listed(person)) == approvals, person
        assert shop.listed(person, "?state=decided") == []
    assert [entry["state"] for entry in shop.listed(ANN)] == ["pending"] * 2


def test_a_page_has_the_entries_as_they_are_one_by_one(shop: Shop) -> None:
    shop.approval(ANN)
    [entry] = shop.listed(ANN, "?state=pending&limit=7")
    assert entry == shop.by(ANN, "GET", f"/approvals/{entry['approval_id']}").body


def test_a_role_is_one_of_its_tenant(shop: Shop) -> None:
    here = shop.approval(ANN, "bank")
    there = shop.approval(Person("globex", "zoe"), "bank")
    assert ids(shop.listed(BOSS)) == [here]
    assert ids(shop.listed(OTHER_ANN)) == [there]


# -- what has been decided ----------------------------------------------------------------------


def test_what_is_decided_says_by_whom_when_and_why(shop: Shop) -> None:
    turns = [shop.asked(ANN) for _ in range(4)]
    approved, denied, stopped, late = [turn["prompt"]["approval_id"] for turn in turns]
    waits = shop.approval(ANN)
    times = {}
    for approval, decision, note in ((denied, False, "No."), (approved, True, None)):
        shop.clock.advance(1)
        assert shop.decide(ANN, approval, decision, note=note).status == 200
        times[approval] = shop.clock.now()
    # It is decided before the turn has gone on.
    assert ids(shop.listed(ANN, "?state=decided")) == [approved, denied]
    shop.work()
    shop.clock.advance(1)
    assert shop.by(ANN, "POST", f"/turns/{turns[2]['turn_id']}/cancel").status == 202
    shop.work()
    assert ids(shop.listed(ANN)) == [waits, late]
    shop.clock.advance(TIME)
    assert shop.listed(ANN) == [], "what is over waits for nobody, noted or not"
    shop.pass_time(1)
    found = shop.listed(ANN, "?state=decided")
    told = {
        each["approval_id"]: (each["state"], each["decided_by"], each["note"]) for each in found
    }
    assert told == {
        approved: ("approved", "ann", None),
        denied: ("denied", "ann", "No."),
        stopped: ("withdrawn", None, None),
        late: ("expired", None, None),
        waits: ("expired", None, None),
    }
    assert ids(found)[2:] == [stopped, approved, denied], "the latest decision first"
    assert all(each["asked_at"] < each["decided_at"] for each in found)
    assert shop.listed(BOB, "?state=decided") == []


def test_who_decides_by_role_sees_what_others_of_it_decided(shop: Shop) -> None:
    approval = shop.approval(ANN, "bank")
    assert shop.decide(BOSS, approval, False, note="Too much.").status == 200
    second = Person("acme", "other-boss", roles=("boss",))
    [entry] = shop.listed(second, "?state=decided")
    assert (entry["state"], entry["decided_by"], entry["note"]) == ("denied", "boss", "Too much.")
    for person in (ANN, CLERK, OTHER_ANN):
        assert shop.listed(person, "?state=decided") == []


# -- pages --------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 2, 4, 5])
def test_pages_by_the_link_over_ones_own_and_those_of_ones_roles(shop: Shop, limit: int) -> None:
    own, by_role = [], []
    for _ in range(2):
        own.append(kept(shop, BOSS)[0])
        kept(shop, ANN, "clerk")
        by_role += [kept(shop, ANN, "boss")[0], kept(shop, BOSS, "warden", "boss")[0]]
    found = pages(shop, BOSS, f"/approvals?limit={limit}")
    assert [each for page in found for each in ids(page)] == own[::-1] + by_role[::-1]
    # There is no link to an empty page.
    full, rest = divmod(len(own + by_role), limit)
    assert [len(page) for page in found] == [limit] * full + [rest] * (rest > 0)


def test_the_link_goes_on_with_the_same_list(shop: Shop) -> None:
    decided = [shop.approval(ANN) for _ in range(3)]
    for approval in decided:
        shop.clock.advance(1)
        assert shop.decide(ANN, approval, True).status == 200
    shop.approval(ANN)
    found = pages(shop, ANN, "/approvals?state=decided&limit=2")
    assert [ids(page) for page in found] == [decided[:0:-1], decided[:1]]


def test_a_cursor_stays_good_when_its_entry_is_decided(shop: Shop) -> None:
    first, second, third = [shop.approval(ANN) for _ in range(3)]
    answered = shop.by(ANN, "GET", "/approvals?limit=2")
    assert ids(answered.body) == [third, second]
    assert shop.decide(ANN, second, True).status == 200
    link = next_page(answered)
    assert link is not None
    assert ids(shop.by(ANN, "GET", link).body) == [first]


def test_who_has_another_role_sees_nothing_of_it_at_all(shop: Shop) -> None:
    secrets = [word for _ in range(12) for word in kept(shop, ANN, "boss")[1]]
    nothing = shop.by(CLERK, "GET", "/approvals?limit=1")
    assert (nothing.body, nothing.headers.get("link")) == ([], None)
    own = [kept(shop, ANN, "clerk")[0] for _ in range(2)]
    secrets += [word for _ in range(12) for word in kept(shop, ANN, "boss")[1]]
    assert ids(shop.listed(CLERK)) == own[::-1]
    answered = shop.by(CLERK, "GET", "/approvals?limit=1")
    assert ids(answered.body) == own[1:]
    link = next_page(answered)
    assert link is not None
    told = answered.text + told_by(link)
    assert not [word for word in secrets if word in told]


def test_a_page_reads_so_far_and_says_only_when_it_stopped(local_shop: Shop) -> None:
    """More than a page may read lies before the only one that the clerk decides."""
    shop = local_shop
    own = kept(shop, ANN, "clerk")[0]
    secrets = [word for _ in range(LOOKS * MAX_GET_KEYS) for word in kept(shop, ANN, "boss")[1]]
    found, links = [], []
    following: str | None = "/approvals?limit=1"
    while following is not None:
        answered = shop.by(CLERK, "GET", following)
        found.append(ids(answered.body))
        following = next_page(answered)
        links.append(told_by(following))
    assert found == [[], [own]]
    place, at = json.loads(links[0])
    assert (place, len(at)) == ("1", 13)
    assert not [word for word in secrets if word in "".join(links)]


def test_a_page_is_no_larger_than_an_answer_may_be(local_shop: Shop) -> None:
    shop = local_shop
    letters = random.Random(1)
    many = 150
    for _ in range(many):
        text = "".join(chr(letters.randrange(0x4E00, 0x9FFF)) for _ in range(4000))
        kept(shop, ANN, arguments={"text": text})
    answers = [shop.by(ANN, "GET", "/approvals?limit=200")]
    while link := next_page(answers[-1]):
        answers.append(shop.by(ANN, "GET", link))
    assert max(len(answered.text.encode()) for answered in answers) < PAGE_BYTES + 1000
    assert len(answers) == 3
    assert len({each for answered in answers for each in ids(answered.body)}) == many
