"""A town for each engine, in which everybody has settled; tests only add to it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.support.aws import moto_server
from tests.walls.noted import Rows
from tests.walls.people import ANN, BEA, BOB, FELLOWS, FOREIGN, SAME_NAME, Person
from tests.walls.settling import settle
from tests.walls.things import ASKED, Things
from tests.walls.town import Town
from tests.wire.store_calls import Wire, dynamo_wire, sqlite_wire


@dataclass
class World:
    """A town, what Ann has there, and what the others have. `keys` are those of each one's items,
    without what counts for a whole tenant. `slow`: to read them all takes long."""

    town: Town
    ann: Things
    others: Mapping[Person, Things]
    keys: Mapping[Person, set[tuple[str, str]]]
    slow: bool = False

    def rows(self) -> Rows:
        """Ann's items, as they are."""
        rows = self.town.rows()
        return {key: rows[key] for key in self.keys[ANN]}


def world_on(folder: Path, wire: Wire, others: list[Person]) -> World:
    """Ann came between the first and the last thing of the others: a place in her lists is one
    in the middle of theirs."""
    town = Town(folder, wire)
    keys: dict[Person, set[tuple[str, str]]] = {}
    settled = {each: _settled(town, each, keys) for each in others if not each.behalf}
    # Whom the service stands for has what they got by a token of their own.
    settled |= {each: replace(settled[SAME_NAME], person=each) for each in others if each.behalf}
    town.clock.advance(60)
    ann = _settled(town, ANN, keys)
    town.clock.advance(1)
    for each in settled.values():
        town.request(each.person, "POST", "/executor/turns", {**ASKED, "message": "later"})
        town.work()
    return World(town, ann, settled, keys)


def _settled(town: Town, person: Person, keys: dict[Person, set[tuple[str, str]]]) -> Things:
    # Nobody's things are as old as somebody else's: a cursor stands between them, or not.
    town.clock.advance(1)
    before = town.rows().keys()
    things = settle(town, person)
    made = town.rows().keys() - before
    keys[person] = {key for key in made if not key[0].startswith("USAGE#")}
    return things


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    with moto_server() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """With everybody, on SQLite."""
    folder = tmp_path_factory.mktemp("walls")
    with sqlite_wire(folder) as wire:
        yield world_on(folder, wire, [*FOREIGN.values(), *FELLOWS.values()])


@pytest.fixture(scope="session")
def small_world(moto: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """With one stranger and one colleague, on DynamoDB."""
    with dynamo_wire(moto) as wire:
        made = world_on(tmp_path_factory.mktemp("walls"), wire, [BEA, BOB])
        yield replace(made, slow=True)


@pytest.fixture(scope="module")
def own_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """With Ann and a colleague, on SQLite; what she has may change."""
    folder = tmp_path_factory.mktemp("walls")
    with sqlite_wire(folder) as wire:
        yield world_on(folder, wire, [BOB])


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """An empty one, on SQLite."""
    with sqlite_wire(tmp_path) as wire:
        yield Town(tmp_path, wire)
