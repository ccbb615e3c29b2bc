"""Tickets over the real SQLite table, which may have faults."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.identity.tickets import Tickets
from shared.storage.folder import FolderArtifacts
from shared.storage.sqlite import SqliteTable
from shared.storage.table import Table
from shared.storage.wrapper import ResilientTable
from tests.identity.ticket_samples import Build
from tests.support.clock import FakeClock
from tests.support.faults import FaultyTable, Plan


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[SqliteTable]:
    table = SqliteTable(tmp_path / "parley.db")
    yield table
    table.close()


@pytest.fixture
def build(engine: SqliteTable, clock: FakeClock, tmp_path: Path) -> Build:
    """Tickets over a table with faults."""

    def make(plan: Plan) -> tuple[Tickets, Table]:
        faulty = FaultyTable(engine, plan)
        table = ResilientTable(faulty, FolderArtifacts(tmp_path / "files"), clock)
        return Tickets(table, clock), table

    return make


@pytest.fixture
def tickets(build: Build) -> Tickets:
    return build(lambda call: None)[0]


@pytest.fixture
def table(build: Build) -> Table:
    return build(lambda call: None)[1]
