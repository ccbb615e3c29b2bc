"""The limit of model calls, on SQLite."""

from pathlib import Path

import pytest

from tests.contracts.rates_contract import RatesContract
from tests.support.engines import SqliteOpener


@pytest.fixture
def opener(tmp_path: Path) -> SqliteOpener:
    return SqliteOpener(tmp_path / "table.db")


class TestSqlite(RatesContract):
    examples = 100
