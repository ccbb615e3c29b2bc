"""Servers that speak like AWS: one of each per test process, started when a test asks for it."""

from collections.abc import Iterator

import pytest

from tests.support.aws import moto_server
from tests.support.emulator import emulator


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    with moto_server() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with emulator(tmp_path_factory.mktemp("ministack")) as endpoint:
        yield endpoint
