"""One clock for each test, and an issuer and a deployment that trusts it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doors.door import Door, door
from tests.doors.issuers import Issuer, with_secret
from tests.scenarios.clocks import Later
from tests.support.aws import moto_server


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    with moto_server() as endpoint:
        yield endpoint


@pytest.fixture
def clock() -> Later:
    return Later()


@pytest.fixture
def issuer(clock: Later) -> Issuer:
    return with_secret(clock)


@pytest.fixture
def here(tmp_path: Path, issuer: Issuer, clock: Later) -> Iterator[Door]:
    with door(tmp_path, issuer, clock) as made:
        yield made
