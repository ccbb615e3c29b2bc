"""Both engines, watched."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backends.bridge import close_bridges
from tests.support.aws import moto_server
from tests.wire.store_calls import Wire, dynamo_wire, sqlite_wire


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    with moto_server() as endpoint:
        yield endpoint


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    close_bridges()


@pytest.fixture(params=["sqlite", "dynamodb"])
def wire(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Wire]:
    if request.param == "sqlite":
        with sqlite_wire(tmp_path) as sqlite:
            yield sqlite
    else:
        with dynamo_wire(request.getfixturevalue("moto")) as dynamo:
            yield dynamo
