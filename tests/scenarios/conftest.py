"""The sets of adapters that every scenario runs on."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.scenarios.judge import Judge
from tests.support.aws import moto_server
from tests.support.deployments import MinuteBegins, Place, Running, Variables, aws_set, local_set

Start = Callable[[str, Variables], AbstractContextManager[Running]]


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    with moto_server() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def judge() -> Iterator[Judge]:
    """Who looks, at the end, at every frame that any scenario's clients got."""
    collecting = Judge()
    yield collecting
    assert collecting.verdict() == [], "the published client would drop these"


@pytest.fixture(params=["local", "aws"])
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Start:
    """Starts one set of adapters, for a model's address and some settings."""
    if request.param == "local":
        folder = tmp_path / "workspace"
        return lambda model, settings: local_set(folder, model, settings, MinuteBegins())
    endpoint: str = request.getfixturevalue("moto")
    return lambda model, settings: aws_set(Place.fresh(endpoint), model, settings, MinuteBegins())
