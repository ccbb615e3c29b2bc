"""Schema versions: what a release reads of the one before it, and leaves to the one after it."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from shared.storage.expressions import Assign, attr
from shared.storage.folder import FolderArtifacts
from shared.storage.schema import UPGRADES, Schema
from shared.storage.sqlite import SqliteTable
from shared.storage.table import (
    SCHEMA_VERSION,
    Check,
    ConditionFailed,
    Item,
    Key,
    NewerItem,
    Put,
    Update,
)
from shared.storage.wrapper import ResilientTable
from tests.support.clock import FakeClock

KEY = Key("BOX#conv#acme#c1", "BOX")


def renamed(item: Item) -> Item:
    """From the layout in which it was `name` to the one in which it is `title`."""
    attrs = dict(item.attrs)
    if "name" in attrs:
        attrs["title"] = attrs.pop("name")
    return replace(item, attrs=attrs)


def split(item: Item) -> Item:
    """From one text in the body to a list of them."""
    text = (item.body or {}).get("text", "")
    return replace(item, body={"texts": [text]})


LATER = Schema(3, {1: renamed, 2: split})


class Releases:
    """Tables of several releases over one engine."""

    def __init__(self, folder: Path, engine: SqliteTable) -> None:
        self._folder = folder
        self.engine = engine
        self.clock = FakeClock()

    def table(self, schema: Schema | None = None) -> ResilientTable:
        files = FolderArtifacts(self._folder)
        return ResilientTable(self.engine, files, self.clock, schema=schema)


@pytest.fixture
def releases(tmp_path: Path) -> Iterator[Releases]:
    with closing(SqliteTable(tmp_path / "table.db")) as engine:
        yield Releases(tmp_path / "files", engine)


def test_every_item_has_a_version_however_it_was_made(releases: Releases) -> None:
    releases.table().write([Put(Item(KEY)), Update(Key("USAGE", "1"), [Assign(("n",), 1)])])
    made = releases.table().update(Update(Key("USAGE", "2"), [Assign(("n",), 1)]))
    stored = releases.engine.get([KEY, Key("USAGE", "1"), Key("USAGE", "2")])
    assert [item.attrs["v"] for item in stored if item] == [SCHEMA_VERSION] * 3
    assert (made.attrs, made.version) == ({"n": 1}, SCHEMA_VERSION)


def test_an_update_leaves_the_version_as_it_is(releases: Releases) -> None:
    releases.table(LATER).write([Put(Item(KEY, {"n": 1}, version=3))])
    releases.table(LATER).update(Update(KEY, [Assign(("n",), 2)]))
    [stored] = releases.engine.get([KEY])
    assert stored is not None
    assert (stored.attrs["n"], stored.attrs["v"]) == (2, 3)


def test_an_item_from_before_there_were_versions_has_the_first(releases: Releases) -> None:
    releases.engine.write([Put(Item(KEY, {"name": "A"}))])
    [item] = releases.table().get([KEY])
    assert item == Item(KEY, {"name": "A"}, version=1)


def test_an_older_item_is_read_in_the_layout_of_today(releases: Releases) -> None:
    releases.table().write([Put(Item(KEY, {"name": "A"}, {"text": "Hello"}, version=1))])
    later = releases.table(LATER)
    expected = Item(KEY, {"title": "A"}, {"texts": ["Hello"]}, version=3)
    assert later.get([KEY]) == [expected]
    assert later.query(KEY.pk).items == [expected]
    assert later.update(Update(KEY, [Assign(("n",), 1)])).attrs == {"title": "A", "n": 1}
    with pytest.raises(ConditionFailed) as refused:
        later.write([Check(KEY, attr("n").eq(2))])
    found = refused.value.failures[0]
    assert found is not None
    assert found.attrs == {"title": "A", "n": 1}


def test_what_is_put_anew_is_in_the_layout_of_today(releases: Releases) -> None:
    releases.table().write([Put(Item(KEY, {"name": "A"}, {"text": "Hello"}, version=1))])
    later = releases.table(LATER)
    [item] = later.get([KEY])
    assert item is not None
    later.write([Put(item)])
    [stored] = releases.engine.get([KEY])
    assert stored is not None
    assert stored.attrs["v"] == 3
    assert later.get([KEY]) == [item]


def test_the_middle_release_is_read_too(releases: Releases) -> None:
    releases.table(LATER).write([Put(Item(KEY, {"title": "A"}, {"text": "Hello"}, version=2))])
    expected = Item(KEY, {"title": "A"}, {"texts": ["Hello"]}, version=3)
    assert releases.table(LATER).get([KEY]) == [expected]


def test_an_item_of_a_later_release_is_left_alone(releases: Releases) -> None:
    releases.table(LATER).write([Put(Item(KEY, {"title": "A"}, version=3))])
    table = releases.table()
    with pytest.raises(NewerItem, match="an item has version 3; this release knows 1"):
        table.get([KEY])
    with pytest.raises(NewerItem):
        table.query(KEY.pk)
    assert releases.clock.sleeps == []


def test_an_item_that_is_too_old_is_no_guess(releases: Releases) -> None:
    releases.table().write([Put(Item(KEY, {"name": "A"}, version=1))])
    with pytest.raises(ValueError, match="has version 1; deploy the releases in between first"):
        releases.table(Schema(3, {2: split})).get([KEY])


@pytest.mark.parametrize("upgrades", [{1: renamed}, {1: renamed, 3: split}, {3: split}])
def test_upgrades_without_a_gap(upgrades: dict[int, object]) -> None:
    with pytest.raises(ValueError, match="one upgrade for each version"):
        Schema(3, upgrades)  # type: ignore[arg-type]  # never applied


def test_this_release() -> None:
    assert Schema() == Schema(SCHEMA_VERSION, UPGRADES)
