"""moto's server, for the engine that runs on AWS."""

from collections.abc import Iterator

import pytest

from tests.support.aws import moto_server


@pytest.fixture(scope="session")
def moto_endpoint() -> Iterator[str]:
    with moto_server() as endpoint:
        yield endpoint
