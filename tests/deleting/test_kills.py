"""A process that dies at any call of its store or its files while a conversation is deleted.

Another one goes on. When all is at rest a scan of the table and of the bucket finds nothing of it.
"""

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal

import pytest

from shared.conversations.items import meta_key
from shared.storage.sqlite import SqliteTable
from tests.deleting.house import Died, House, Lived, lived
from tests.faults.forms import sample

At = Literal["before", "after"]
CALLS = 130
"""Calls at which the process dies: those of the request and of the workers until all is gone, and
of some looks at mailboxes beside them."""

POINTS: list[tuple[At, int]] = [
    (at, number) for number in range(CALLS) for at in ("before", "after")
]


@contextmanager
def house_in(folder: Path, since: float = 0.0) -> Iterator[House]:
    with closing(SqliteTable(folder / "house.db")) as table:
        made = House(folder / "files", table)
        made.clock.advance(since)
        yield made


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Lived, float]:
    """A folder in which a conversation has lived."""
    folder = tmp_path_factory.mktemp("before")
    with house_in(folder) as house:
        made = lived(house)
        return folder, made, house.clock.monotonic()


def deleted(house: House, made: Lived, *kills: tuple[At, int]) -> None:
    """Delete it, however often the process dies, and look what is left."""
    left = list(kills)

    def again() -> None:
        house.survive()
        if left:
            house.doomed(*left.pop(0))

    again()
    for _ in range(len(kills) + 1):
        try:
            meta = house.deployment.table.get([meta_key(made.box)])[0]
            if meta is not None:
                house.deployment.deleting.ask(made.box, meta, by="ann")
            break
        except Died:
            # The request was not answered: its client asks again.
            again()
    for _ in range(10):
        try:
            house.work()
            house.pass_time(61)
        except Died:
            again()
    assert house.traces(made.words) == []
    audit = [item.attrs for item in house.items() if item.key.pk == "AUDIT#acme"]
    assert [(each["target"], each["state"]) for each in audit] == [(made.conversation, "deleted")]
    assert audit[0]["items"] > 10


@pytest.fixture
def copied(tmp_path: Path, before: tuple[Path, Lived, float]) -> Iterator[tuple[House, Lived]]:
    folder, made, since = before
    shutil.copytree(folder, tmp_path / "house")
    with house_in(tmp_path / "house", since) as house:
        yield house, made


def test_without_a_kill(copied: tuple[House, Lived]) -> None:
    house, made = copied
    deleted(house, made)
    calls = [call for call in house.fate.calls if call != "query_index"]
    # Fewer, and little was counted; more, and the points are not all of them, with the sweep's
    # sixteen queries among them.
    assert 60 <= len(calls) <= CALLS - 16, calls


@pytest.mark.parametrize(("at", "number"), sample(POINTS, 6))
def test_a_kill(copied: tuple[House, Lived], at: At, number: int) -> None:
    deleted(*copied, (at, number))


@pytest.mark.parametrize(("at", "number"), sample(POINTS, 16))
def test_two_kills(copied: tuple[House, Lived], at: At, number: int) -> None:
    """The second one meets whoever takes up what the first one left behind."""
    deleted(*copied, (at, number), ("after", 11 + number % 30))


@pytest.mark.parametrize(("at", "number"), sample(POINTS, 32))
def test_a_kill_on_aws(aws_house: House, at: At, number: int) -> None:
    deleted(aws_house, lived(aws_house), (at, number))
