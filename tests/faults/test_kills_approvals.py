"""Processes that kill themselves at any call of their store while a turn waits for approvals: its
one reply has two calls that need one, and the model asks for something else each time.

After each death the client that comes back, or the one that has stayed, is asked again, and can
decide: a decision is used once, a prompt is not lost, a tool runs once at most.
"""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.faults.aws_runs import run_on_aws
from tests.faults.deciding import Deciding, DenyingLooks
from tests.faults.forms import LONG, sample
from tests.faults.kills import Kill
from tests.faults.local_runs import local_run
from tests.faults.returning import Returning
from tests.faults.script import Talker
from tests.support.messages_api import ToolCall

SIZES = (20, 20)
AGENT = "gated"

CALLS = 48
"""Calls of the store at which `parley dev` is killed: those of the turn, of the frames that decide,
and some looks at the mailbox beside them."""

WORKER_CALLS = 30
"""Those at which a worker is killed that answers no frames."""


def asks(number: int) -> Sequence[ToolCall]:
    """Two calls; whoever is asked a second time asks about something else."""
    pay = ToolCall(name="pay", input={"amount": number})
    return [ToolCall(name="look", input={"subject": f"it {number}"}), pay]


def talker() -> Talker:
    return Talker(SIZES, {0: asks})


def points(calls: int) -> list[Kill]:
    return [Kill(at, number) for number in range(calls) for at in ("before", "after")]


def decided_locally(
    folder: Path, kills: Sequence[Kill], client: type[Returning] = Deciding
) -> Sequence[str]:
    """One such turn over these deaths; the calls of the store."""
    with local_run(folder / "run", talker(), kills) as run:
        run.agent, run.client = AGENT, client
        outcome = run.run()
    if kills and outcome.deaths == 0 and kills[0].at == "before":
        # After a call that is refused, as some are here, nobody dies.
        assert len(outcome.calls) <= kills[0].number, "the process lived on where it was to die"
    return outcome.calls


def test_without_a_kill(tmp_path: Path) -> None:
    writes = [call for call in decided_locally(tmp_path, []) if call != "get"]
    # Fewer, and nothing was counted; more, and the points below are not all of them.
    assert 14 <= len(writes) <= CALLS - 10, writes


@pytest.mark.parametrize("kill", sample(points(CALLS), 9), ids=str)
def test_a_kill_at_a_call_of_the_store(tmp_path: Path, kill: Kill) -> None:
    decided_locally(tmp_path, [kill])


@pytest.mark.parametrize("kill", sample(points(CALLS)[::2], 12), ids=str)
def test_a_kill_where_one_call_is_denied(tmp_path: Path, kill: Kill) -> None:
    decided_locally(tmp_path, [kill], DenyingLooks)


@pytest.mark.parametrize("kill", sample(points(CALLS)[1::2], 12), ids=str)
def test_a_second_kill_when_the_first_is_made_up_for(tmp_path: Path, kill: Kill) -> None:
    decided_locally(tmp_path, [kill, Kill("after", 7, life=1)])


@pytest.mark.parametrize(
    "kill", points(WORKER_CALLS) if LONG else [Kill("after", 3), Kill("after", 4)], ids=str
)
def test_another_worker_goes_on(tmp_path: Path, moto: str, kill: Kill) -> None:
    """The client stays where it is."""
    outcome = run_on_aws(tmp_path / "run", moto, talker(), kill, agent=AGENT, follow=Deciding)
    assert outcome.takes > 2, "the turn was never given back"
    assert outcome.deaths == 1 or kill.number >= 15
