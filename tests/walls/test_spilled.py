"""A turn whose text is too large for an item costs a stranger what any other costs them."""

import random

from tests.walls.people import ANN, BOB
from tests.walls.seen import Seen, Visit, watch
from tests.walls.things import ASKED, Things, never_turn
from tests.walls.town import Town


def large(town: Town) -> str:
    """A turn of Ann's whose answer does not fit an item."""
    town.model.text = random.Random(1).randbytes(300_000).hex()
    turn: str = town.request(ANN, "POST", "/executor/turns", ASKED).body["turn_id"]
    town.work()
    assert "file put" in town.notes, "the answer fits, and nothing is tested"
    return turn


def asked(town: Town, turn: str, method: str, ending: str) -> Seen:
    visit = Visit(town, Things(BOB, "none"))
    return watch(visit, lambda visit: visit.request(method, f"/turns/{turn}{ending}"))[0]


def test_who_may_not_read_it_makes_nobody_fetch_it(town: Town) -> None:
    turn, never = large(town), never_turn()
    for method, ending in (("GET", ""), ("POST", "/cancel")):
        there = asked(town, never, method, ending)
        assert asked(town, turn, method, ending).shown(turn) == there.shown(never)


def test_its_owner_reads_it(town: Town) -> None:
    turn = large(town)
    assert town.request(ANN, "GET", f"/turns/{turn}").body["text"] == town.model.text
