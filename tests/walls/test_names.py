"""Users and tenants whose names would run into each other in a key that did not take care."""

from pathlib import Path

import pytest

from tests.walls.people import ANN, Person
from tests.walls.settling import settle
from tests.walls.things import ASKED, marks
from tests.walls.town import Town
from tests.wire.store_calls import sqlite_wire

ALIKE = (
    Person("a", "b#c"),
    Person("a#b", "c"),
    Person("a%23b", "c"),
    Person("a", "b%23c"),
    Person("a", "b/c"),
    Person("a/b", "c"),
    Person("A", "b#c"),
    Person("a", "B#c"),
    Person("a", "b#c "),
    Person("a ", "b#c"),
    Person("a", "b#c", groups=()),
    Person("é", "c"),
    Person("e\u0301", "c"),
)
"""All different, but for one who comes without an address, and again with empty groups."""


def test_each_has_what_is_theirs_and_nothing_else(town: Town) -> None:
    people = {(each.tenant, each.user): each for each in ALIKE}
    settled = [settle(town, each) for each in people.values()]
    asked = set()
    for mine in settled:
        town.notes.clear()
        listed = town.request(mine.person, "GET", "/conversations").body
        asked.add(tuple(town.notes))
        # What has not been answered yet nobody lists.
        answered = {*mine.conversations} - mine.unanswered
        assert {each["conversation_id"] for each in listed} == answered
        foreign = {turn for each in settled if each is not mine for turn in each.turns[:1]}
        statuses = {town.request(mine.person, "GET", f"/turns/{turn}").status for turn in foreign}
        assert statuses == {404}
    assert len(asked) == 1, "the store was asked for something of somebody else's"
    for mine in settled:
        others = set().union(*(marks(each) for each in settled if each is not mine))
        own = [town.request(mine.person, "GET", f"/turns/{turn}") for turn in mine.turns]
        assert {answer.status for answer in own} == {200}
        assert not [word for word in others if any(word in answer.text for answer in own)]


def test_the_same_key_of_each_is_another_turn_and_another_ticket(town: Town) -> None:
    people = {(each.tenant, each.user): each for each in ALIKE}.values()
    turns, tickets = set(), set()
    for person in people:
        turn = town.request(person, "POST", "/executor/turns", ASKED, Idempotency_Key="the key")
        turns.add(turn.body["turn_id"])
        ticket = town.request(person, "POST", "/tickets", Idempotency_Key="the key")
        tickets.add(ticket.body["ticket"])
    assert len(turns) == len(tickets) == len(people)


@pytest.mark.parametrize(
    "again",
    [
        Person(ANN.tenant, ANN.user),
        Person(ANN.tenant, ANN.user, email="other@archer.example"),
        Person(ANN.tenant, ANN.user, groups=()),
        Person(ANN.tenant, ANN.user, roles=("admin",)),
    ],
    ids=["without an address", "with another address", "with empty groups", "with a role"],
)
def test_who_somebody_is_hangs_on_tenant_and_user_alone(town: Town, again: Person) -> None:
    mine = settle(town, ANN)
    assert town.request(again, "GET", f"/turns/{mine.turns[0]}").status == 200
    listed = town.request(again, "GET", "/conversations").body
    assert listed == town.request(ANN, "GET", "/conversations").body
    assert listed
    connection = town.connect(again)
    assert town.frame(connection, "get_session", sessionId=mine.session)["status"] == 200


def test_what_somebody_counts_up_counts_for_nobody_else(tmp_path: Path) -> None:
    with sqlite_wire(tmp_path) as wire:
        town = Town(tmp_path, wire, RATE_LIMIT_PRINCIPAL_PER_MINUTE="3")
        people = {(each.tenant, each.user): each for each in ALIKE}.values()
        for person in people:
            asked = [town.request(person, "GET", "/conversations").status for _ in range(4)]
            assert asked == [200, 200, 200, 429]


def test_who_asks_too_often_learns_nothing_by_it(tmp_path: Path) -> None:
    with sqlite_wire(tmp_path) as wire:
        town = Town(tmp_path, wire, RATE_LIMIT_PRINCIPAL_PER_MINUTE="1")
        turn = town.request(ANN, "POST", "/executor/turns", ASKED).body["turn_id"]
        bob = Person(ANN.tenant, "bob")
        town.request(bob, "GET", "/conversations")
        answers = [town.request(bob, "GET", f"/turns/{each}") for each in (turn, "turn_none")]
        assert answers[0] == answers[1]
        assert answers[0].status == 429
