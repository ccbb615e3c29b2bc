"""One rig for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mailbox.drained import DrainRig
from tests.mailbox.office import Office
from tests.mailbox.rig import Rig, rig_in
from tests.support.aws import fresh_table, moto_server
from tests.support.engines import DynamoOpener, SqliteOpener


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    with rig_in(tmp_path / "rig", monkeypatch) as made:
        made.make_box()
        yield made


@pytest.fixture
def drained(tmp_path: Path) -> Iterator[DrainRig]:
    made = DrainRig(tmp_path)
    yield made
    made.engine.close()


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    with moto_server() as endpoint:
        yield endpoint


@pytest.fixture(params=["sqlite", "dynamodb"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    """On either engine."""
    opener: SqliteOpener | DynamoOpener = SqliteOpener(tmp_path / "parley.db")
    if request.param == "dynamodb":
        endpoint = request.getfixturevalue("moto")
        opener = DynamoOpener(endpoint, fresh_table(endpoint))
    with opener.open() as engine:
        yield Office(tmp_path, engine)


@pytest.fixture
def local_office(tmp_path: Path) -> Iterator[Office]:
    """On SQLite alone, for what does not depend on the engine."""
    with SqliteOpener(tmp_path / "parley.db").open() as engine:
        yield Office(tmp_path, engine)
