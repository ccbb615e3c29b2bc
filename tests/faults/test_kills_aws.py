"""Workers on the AWS set, of which one kills itself: another one goes on when the lease is over."""

from pathlib import Path

import pytest

from tests.faults.aws_runs import PRODUCTION, run_on_aws
from tests.faults.forms import LONG
from tests.faults.kills import Kill
from tests.faults.script import Talker
from tests.faults.test_kills_local import LOOK, PAY

SIZES = (20, 20, 30)
CALLS = {0: [LOOK], 1: [PAY]}

DONE = 8
"""Calls of the store that a worker makes for the turn, at least. The first takes the mailbox, the
last gives it back."""

POINTS = [
    *(Kill(at, number) for number in range(DONE + 2) for at in ("before", "after")),
    *(Kill("token", number) for number in range(0, 70, 10)),
]
FEW = [Kill("after", 3), Kill("token", 10), Kill("before", 5), Kill("token", 60)]


def _survives(folder: Path, endpoint: str, kill: Kill) -> None:
    outcome = run_on_aws(folder / "run", endpoint, Talker(SIZES, CALLS), kill)
    if kill.at == "token" or kill.number < DONE:
        assert outcome.deaths == 1
    if kill.at == "token" or (Kill("before", 0) != kill and kill.number < DONE - 1):
        assert outcome.takes > 1


@pytest.mark.parametrize("kill", POINTS if LONG else FEW[:1], ids=str)
def test_another_worker_goes_on(tmp_path: Path, moto: str, kill: Kill) -> None:
    _survives(tmp_path, moto, kill)


@pytest.mark.emulator
@pytest.mark.parametrize("kill", FEW, ids=str)
def test_another_worker_goes_on_at_the_emulator(tmp_path: Path, ministack: str, kill: Kill) -> None:
    _survives(tmp_path, ministack, kill)


@pytest.mark.skipif(not LONG, reason="takes as long as a lease in production: make faults")
def test_with_the_lease_of_production(tmp_path: Path, moto: str) -> None:
    kill = Kill("token", 30)
    model = Talker(SIZES, CALLS)
    outcome = run_on_aws(tmp_path / "run", moto, model, kill, PRODUCTION, patience=120.0)
    assert outcome.deaths == 1
    assert outcome.takes > 1
