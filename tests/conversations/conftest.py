"""One process in virtual time for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.storage.sqlite import SqliteTable
from tests.wire.scene import Scene


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[SqliteTable]:
    table = SqliteTable(tmp_path / "parley.db")
    yield table
    table.close()


@pytest.fixture
def scene(engine: SqliteTable, tmp_path: Path) -> Scene:
    return Scene(engine, tmp_path)


@pytest.fixture
def session(scene: Scene) -> str:
    scene.connect("c1")
    return scene.session("c1")
