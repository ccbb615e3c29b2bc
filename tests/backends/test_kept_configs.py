"""The copies of configurations in the Table."""

import logging
from collections.abc import Sequence
from pathlib import Path

import pytest

from shared.backends.control_plane import Unavailable
from shared.backends.kept_configs import MAX_BYTES
from shared.backends.last_good import CHECKED
from shared.errors import NotFound, ServiceUnavailable
from shared.storage.table import Item, Key, Operation, Table
from shared.storage.table import Unavailable as TableUnavailable
from tests.backends.outages import CACHE, FIND, SHOP, TENANT, Backend, Process, Start, spoken
from tests.support.clock import FakeClock


def kept(table: Table) -> Item | None:
    return table.get([Key("AGENT#acme#shop", "CONFIG")])[0]


class Counting:
    """A table that counts writes, and fails while it is told to."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self.writes = 0
        self.fails = False

    def get(self, keys: Sequence[Key], *, consistent: bool = True) -> list[Item | None]:
        if self.fails:
            raise TableUnavailable("the-store")
        return self._table.get(keys, consistent=consistent)

    def write(self, operations: Sequence[Operation]) -> None:
        self.writes += 1
        if self.fails:
            raise TableUnavailable("the-store")
        self._table.write(operations)

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"{name} is not needed")


def counting(table: Table) -> tuple[Counting, Table]:
    made = Counting(table)
    return made, made  # type: ignore[return-value]  # what it lacks is not asked for


def test_it_is_written_once_for_each_version(
    backend: Backend, clock: FakeClock, table: Table, tmp_path: Path
) -> None:
    books, port = counting(table)
    for _ in range(3):
        process = Process(backend, clock, port, tmp_path)
        for _ in range(3):
            process.name()
            clock.advance(CACHE)
    assert books.writes == 1
    backend.configs["shop"] = {**SHOP, "name": "Desk"}
    process.name()
    assert books.writes == 2
    item = kept(table)
    assert item is not None
    assert item.body == {"config": {**SHOP, "name": "Desk"}, "tools": {}}


def test_an_older_reading_does_not_replace_a_newer(
    start: Start, backend: Backend, clock: FakeClock, table: Table
) -> None:
    backend.configs["shop"] = {**SHOP, "name": "Desk"}
    start().name()
    late = FakeClock(clock.now() - 60_000)
    backend.configs["shop"] = SHOP
    Process(backend, late, table, Path()).name()
    item = kept(table)
    assert item is not None
    assert item.body is not None
    assert item.body["config"]["name"] == "Desk"


def test_a_table_that_fails_costs_nothing_but_the_copy(
    backend: Backend,
    clock: FakeClock,
    table: Table,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    books, port = counting(table)
    books.fails = True
    process = Process(backend, clock, port, tmp_path)
    assert process.name() == "Shop"
    assert spoken(caplog) == [(logging.WARNING, "the copy of a configuration was not written")]
    backend.fault = Unavailable("down")
    clock.advance(CACHE)
    assert process.name() == "Shop"
    with pytest.raises(ServiceUnavailable):
        Process(backend, clock, port, tmp_path).name()
    assert "the copy of a configuration was not read" in [said for _, said in spoken(caplog)]
    backend.fault = None
    with pytest.raises(NotFound):
        process.name("desk")


def test_what_is_too_large_is_not_kept(
    start: Start, backend: Backend, table: Table, caplog: pytest.LogCaptureFixture
) -> None:
    half = {**FIND, "description": "x" * 4000, "name": "y"}
    backend.tools["find"] = {**half, "parameters": {"type": "x" * MAX_BYTES}}
    backend.configs["shop"] = {
        **SHOP,
        "tools": [{"resource": "find", "name": "z", "parameters": None}],
    }
    assert start().name() == "Shop"
    assert spoken(caplog) == [(logging.WARNING, "a configuration is too large to be kept")]
    assert kept(table) is None


def test_who_runs_no_turns_keeps_no_copy_for_others(
    start: Start, backend: Backend, clock: FakeClock, table: Table
) -> None:
    """It cannot tell whether the tools of the agent are any good."""
    process = start()
    backend.configs["shop"] = {**SHOP, "tools": [{"python": "orders:seek"}]}
    assert process.toolless.get("shop", TENANT).name == "Shop"
    assert kept(table) is None
    backend.fault = Unavailable("down")
    clock.advance(CACHE)
    assert process.toolless.get("shop", TENANT).name == "Shop"


def test_what_is_gone_is_gone(
    start: Start, backend: Backend, clock: FakeClock, table: Table
) -> None:
    process = start()
    process.name()
    assert kept(table) is not None
    del backend.configs["shop"]
    clock.advance(CACHE)
    with pytest.raises(NotFound):
        process.name()
    assert kept(table) is None
    backend.fault = Unavailable("down")
    clock.advance(CACHE)
    for one in (process, start()):
        with pytest.raises(ServiceUnavailable):
            one.name()


def test_a_copy_that_another_process_removed_comes_back(
    start: Start, backend: Backend, clock: FakeClock, table: Table
) -> None:
    warm, other = start(), start()
    warm.name()
    # The agent is away for a moment, which only the other process meets.
    shop = backend.configs.pop("shop")
    with pytest.raises(NotFound):
        other.name()
    assert kept(table) is None
    backend.configs["shop"] = shop
    clock.advance(CHECKED)
    warm.name()
    backend.fault = Unavailable("down")
    assert start().name() == "Shop"
