"""With RETENTION_DAYS a conversation that nobody has used for so long is removed by itself."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from shared.storage.sqlite import SqliteTable
from tests.deleting.house import ADMIN, ANN, House, lived
from tests.deleting.test_erasure import opened

DAY = 24 * 3600


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with closing(SqliteTable(tmp_path / "house.db")) as table:
        yield House(tmp_path / "files", table, RETENTION_DAYS="3")


def said(house: House) -> tuple[str, str]:
    """A conversation in which a turn has ended: its id, and its session's."""
    asked = house.asked(ANN)
    house.decide(ANN, asked["prompt"]["approval_id"], True)
    house.work()
    listed = house.by(ANN, "GET", "/conversations").body
    return listed[0]["conversation_id"], asked["session_id"]


def test_it_goes_when_its_time_has_come(house: House) -> None:
    names = said(house)
    house.pass_time(2.9 * DAY)
    house.rest(2)
    assert house.by(ANN, "GET", f"/conversations/{names[0]}").status == 200
    house.pass_time(0.2 * DAY)
    # What is long overdue is woken every fifth minute.
    house.rest(8)
    assert house.traces(names) == []
    audit = [item.attrs for item in house.items() if item.key.pk == "AUDIT#acme"]
    assert [(each["reason"], each["by"]) for each in audit] == [("retention", "")]


def test_each_turn_begins_the_time_anew(house: House) -> None:
    conversation, session = said(house)
    house.pass_time(2 * DAY)
    again = house.asked(ANN, session_id=session)
    house.decide(ANN, again["prompt"]["approval_id"], True)
    house.work()
    house.pass_time(2 * DAY)
    house.rest(2)
    assert house.by(ANN, "GET", f"/conversations/{conversation}").status == 200
    house.pass_time(1.1 * DAY)
    house.rest(8)
    assert house.traces([conversation, session]) == []


def test_one_that_was_never_used_goes_too(house: House) -> None:
    names = opened(house, ANN)
    house.pass_time(2.9 * DAY)
    assert house.traces(names)
    house.pass_time(0.2 * DAY)
    # What is long overdue is woken every fifth minute.
    house.rest(8)
    assert house.traces(names) == []


def test_nothing_runs_while_nothing_is_due(house: House) -> None:
    said(house)
    house.fate.calls.clear()
    house.rest(5)
    assert set(house.fate.calls) == {"query_index"}


def test_without_it_everything_is_kept(local_house: House) -> None:
    house = local_house
    made = lived(house)
    before = house.traces([made.conversation])
    house.pass_time(1000 * DAY)
    house.rest(2)
    after = house.traces([made.conversation])
    assert set(after) >= {key for key in before if "MSG#" in key or "META" in key}
    assert house.by(ADMIN, "GET", "/deletions/del_WyJ4Il0").status == 404
