"""A backend in memory, and processes that give out its agents."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.storage.folder import FolderArtifacts
from shared.storage.sqlite import SqliteTable
from shared.storage.table import Table
from shared.storage.wrapper import ResilientTable
from tests.backends.bridge import close_bridges
from tests.backends.outages import SHOP, Backend, Process, Start
from tests.support.clock import FakeClock

ORDERS = 'def find(a: int) -> int:\n    """Find it."""\n    return a\n'


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    close_bridges()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def backend() -> Backend:
    made = Backend()
    made.configs["shop"] = SHOP
    return made


@pytest.fixture
def table(tmp_path: Path, clock: FakeClock) -> Iterator[Table]:
    engine = SqliteTable(tmp_path / "table.db")
    yield ResilientTable(engine, FolderArtifacts(tmp_path / "files"), clock)
    engine.close()


@pytest.fixture
def start(backend: Backend, clock: FakeClock, table: Table, tmp_path: Path) -> Start:
    """Begins a process."""
    (tmp_path / "orders.py").write_text(ORDERS)
    return lambda: Process(backend, clock, table, tmp_path)
