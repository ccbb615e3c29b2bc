"""One site for each test."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from shared.storage.sqlite import SqliteTable
from tests.support.aws import moto_server
from tests.web.shop import Shop, dynamodb_at
from tests.web.site import Site, site_in


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with site_in(tmp_path) as made:
        yield made


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    with moto_server() as endpoint:
        yield endpoint


@pytest.fixture(params=["sqlite", "dynamodb"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    """On either engine."""
    if request.param == "sqlite":
        with closing(SqliteTable(tmp_path / "shop.db")) as table:
            yield Shop(tmp_path, table)
    else:
        with dynamodb_at(request.getfixturevalue("moto")) as table:
            yield Shop(tmp_path, table)


@pytest.fixture
def local_shop(tmp_path: Path) -> Iterator[Shop]:
    """On SQLite alone, for what does not depend on the engine."""
    with closing(SqliteTable(tmp_path / "shop.db")) as table:
        yield Shop(tmp_path, table)
