"""Servers that speak like AWS, and both sets of adapters in this process."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.support.aws import moto_server
from tests.support.deployments import Place, Running, Variables, aws_set, local_set
from tests.support.emulator import emulator

Start = Callable[[str, Variables], AbstractContextManager[Running]]


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    with moto_server() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with emulator(tmp_path_factory.mktemp("ministack")) as endpoint:
        yield endpoint


@pytest.fixture(params=["local", "aws"])
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Start:
    """Starts one set of adapters, for a model's address and some settings."""
    if request.param == "local":
        return lambda model, settings: local_set(tmp_path / "workspace", model, settings)
    endpoint: str = request.getfixturevalue("moto")
    return lambda model, settings: aws_set(Place.fresh(endpoint), model, settings)
