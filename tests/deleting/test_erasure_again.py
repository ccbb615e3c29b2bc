"""An erasure that is asked for once more covers what has begun since; a plain user may do that once
an hour, as each reads the whole table. Nothing goes that somebody has used meanwhile."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from shared.conversations.erasure import PAGE
from shared.conversations.items import box_key, meta_key
from shared.storage.expressions import Append, Assign
from shared.storage.sqlite import SqliteTable
from shared.storage.table import Item, Key, Put, Update
from tests.deleting.house import ADMIN, ANN, Died, Fate, House
from tests.deleting.test_erasure import DAY, erase, opened, state

HOUR = 3600


class Watched(Fate):
    """Something happens once, right after the next call with this name."""

    due: Callable[[], object] | None = None
    name = "scan"

    def after(self) -> None:
        if self.due is not None and self.calls[-1] == self.name:
            due, self.due = self.due, None
            due()


def watched(house: House, due: Callable[[], object] | None = None, name: str = "scan") -> Watched:
    house.fate = fate = Watched()
    fate.due, fate.name = due, name
    return fate


def again(house: House, deletion: str) -> list[str]:
    """A conversation that has begun before it is asked for once more."""
    house.clock.advance(1)
    young = opened(house, ANN)
    house.clock.advance(1)
    assert erase(house, ADMIN, "/users/ann/data") == deletion
    return young


def test_between_two_readings(house: House) -> None:
    opened(house, ANN)
    deletion = erase(house, ANN, "/users/ann/data")
    house.work()
    young = again(house, deletion)
    house.rest(6)
    assert house.traces(young) == []
    told = state(house, deletion)
    assert (told["status"], told["conversations"]) == ("deleted", 2)


@pytest.mark.parametrize("empty", [True, False], ids=["that finds nothing", "that finds something"])
def test_during_a_reading(local_house: House, empty: bool) -> None:
    house = local_house
    if not empty:
        opened(house, ANN)
    deletion = erase(house, ADMIN, "/users/ann/data")
    young: list[str] = []
    watched(house, lambda: young.extend(again(house, deletion)))
    house.rest(6)
    assert young
    assert house.traces(young) == []
    assert state(house, deletion)["status"] == "deleted"


def test_a_worker_that_dies_has_not_noted_what_counts_no_more(local_house: House) -> None:
    house = local_house
    rest = [Put(Item(Key(f"ZZZ#{number}", "0"))) for number in range(PAGE)]
    for at in range(0, PAGE, 50):
        house.deployment.table.write(rest[at : at + 50])
    deletion = erase(house, ADMIN, "/users/ann/data")
    young: list[str] = []
    fate = watched(house)

    def dies() -> None:
        fate.dead = True
        raise Died

    def meanwhile() -> None:
        young.extend(again(house, deletion))
        fate.due = dies

    fate.due = meanwhile
    with pytest.raises(Died):
        house.work()
    house.survive()
    house.rest(6)
    assert house.traces(young) == []
    assert state(house, deletion)["status"] == "deleted"


def test_as_it_comes_to_its_end(local_house: House) -> None:
    house = local_house
    deletion = erase(house, ADMIN, "/users/ann/data")
    young: list[str] = []
    # The audit is read last, right before the end is written.
    watched(house, lambda: young.extend(again(house, deletion)), "query")
    house.rest(6)
    assert young
    assert house.traces(young) == []


def test_the_time_that_is_told_is_that_of_the_last_request(local_house: House) -> None:
    house = local_house
    deletion = erase(house, ADMIN, "/users/ann/data")
    first = state(house, deletion)["asked_at"]
    house.clock.advance(5)
    erase(house, ADMIN, "/users/ann/data")
    assert str(state(house, deletion)["asked_at"]) > str(first)


def test_a_plain_user_has_the_table_read_once_an_hour(house: House) -> None:
    fate = watched(house)
    deletion = erase(house, ANN, "/users/ann/data")
    house.clock.advance(5)
    assert erase(house, ANN, "/users/ann/data") == deletion, "it is under way"
    house.rest(2)
    assert fate.calls.count("scan") == 1
    answered = house.by(ANN, "DELETE", "/users/ann/data")
    assert (answered.status, answered.body["error"]["code"]) == (429, "RATE_LIMITED")
    assert 0 < int(answered.headers["retry-after"]) <= HOUR
    house.rest(2)
    assert fate.calls.count("scan") == 1
    assert erase(house, ADMIN, "/users/ann/data") != deletion, "administrators may"
    house.rest(2)
    house.clock.advance(int(answered.headers["retry-after"]))
    assert erase(house, ANN, "/users/ann/data") != deletion


def used(house: House, conversation: str) -> None:
    table = house.deployment.table
    meta = meta_key(box_key("acme", conversation))
    table.update(Update(meta, [Assign(("listed_at",), house.clock.now())]))


def asked(house: House, conversation: str) -> None:
    table = house.deployment.table
    table.update(Update(box_key("acme", conversation).item, [Append(("jobs",), "TURN#s#r")]))


@pytest.mark.parametrize("use", [used, asked])
@pytest.mark.parametrize("call", ["scan", "get"])
def test_one_that_is_used_meanwhile_is_not_idle(
    local_house: House, use: Callable[[House, str], None], call: str
) -> None:
    """After the page was read, or after the conversation itself was looked at."""
    house = local_house
    conversation, _ = opened(house, ANN)
    house.clock.advance(8 * DAY)
    deletion = erase(house, ADMIN, "/tenants/acme/data?idle_days=7")
    fate = watched(house, lambda: None)

    def meanwhile() -> None:
        if call == "scan":
            use(house, conversation)
        else:
            fate.name, fate.due = "get", lambda: use(house, conversation)

    fate.due = meanwhile
    house.rest(3)
    assert fate.due is None
    item = house.deployment.table.get([meta_key(box_key("acme", conversation))])[0]
    assert item is not None
    assert "deleting" not in item.attrs
    assert state(house, deletion)["conversations"] == 0


class Timed(House):
    """Notes how long the longest activation of a worker took, in seconds."""

    longest = 0.0

    def _invoke(self, handler: Callable[[Any, Any], Any], event: Any) -> Any:
        start = self.clock.monotonic()
        try:
            return super()._invoke(handler, event)
        finally:
            if "Records" in event:
                self.longest = max(self.longest, self.clock.monotonic() - start)


class Slow(Fate):
    house: House

    def before(self, name: str) -> None:
        self.house.clock.advance(0.3)
        super().before(name)


def test_a_worker_stops_in_time_within_a_page(tmp_path: Path) -> None:
    with closing(SqliteTable(tmp_path / "house.db")) as table:
        house = Timed(tmp_path / "files", table)
        names = [name for _ in range(60) for name in opened(house, ANN)]
        deletion = erase(house, ADMIN, "/tenants/acme/data")
        house.working = False
        slow = Slow()
        slow.house = house
        house.fate = slow
        box = next(wake for wake in house.wakes.queued if "erasure" in wake.box)
        house.wakes.queued[:] = [box]
        house.work()
        assert 10 < house.longest < 60
        house.fate = Fate()
        house.working = True
        house.rest(8)
        assert house.traces(names) == []
        assert state(house, deletion)["conversations"] == 60
