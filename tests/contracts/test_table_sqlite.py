"""The Table contract on SQLite."""

from pathlib import Path

import pytest

from tests.contracts.table_contract import FaultyTableContract, TableContract
from tests.support.engines import SqliteOpener


@pytest.fixture
def opener(tmp_path: Path) -> SqliteOpener:
    return SqliteOpener(tmp_path / "table.db")


class TestSqlite(TableContract):
    pass


class TestSqliteWithFaults(FaultyTableContract):
    pass
