"""The sets of adapters that every scenario runs on."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.scenarios.clocks import Hurried, Later
from tests.scenarios.judge import Judge
from tests.support.aws import moto_server
from tests.support.deployments import Place, Running, Variables, aws_set, local_set

Start = Callable[[str, Variables, float | None], AbstractContextManager[Running]]


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
    """Starts one set of adapters, for a model's address and some settings, and with a clock on
    which so many seconds pass in one."""
    if request.param == "local":
        folder = tmp_path / "workspace"
        return lambda model, settings, times: local_set(folder, model, settings, _clock(times))
    moto: str = request.getfixturevalue("moto")
    return lambda model, settings, times: aws_set(Place.fresh(moto), model, settings, _clock(times))


def _clock(times: float | None) -> Later:
    return Later() if times is None else Hurried(times)
