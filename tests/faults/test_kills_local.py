"""A process that kills itself at any call of its store and at any token of a turn.

The turn has two tools and 500 tokens, and the model says something else each time it is asked.
"""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.faults.forms import sample
from tests.faults.kills import Kill
from tests.faults.local_runs import TRUNCATE, Outcome, local_run
from tests.faults.script import Talker, heard_of
from tests.support.messages_api import ToolCall

LOOK = ToolCall(name="look", input={"subject": "it"})
PAY = ToolCall(name="pay", input={"amount": 3})

CALLS = 14
"""Calls of the store at which a process is killed: those of the turn, and some looks at the mailbox
beside them, of which there are more the longer it takes."""

CALL_KILLS = [Kill(at, number) for number in range(CALLS) for at in ("before", "after")]
TOKEN_KILLS = [Kill("token", number) for number in range(0, 500, 50)]
SEEDS = range(20)

Shape = tuple[Sequence[int], Mapping[int, Sequence[ToolCall]]]
ONE_BY_ONE: Shape = ((150, 150, 200), {0: [LOOK], 1: [PAY]})
TOGETHER: Shape = ((250, 250), {0: [LOOK, PAY]})


def test_without_a_kill(tmp_path: Path) -> None:
    outcome = turn_with([], tmp_path, ONE_BY_ONE)
    assert outcome.tokens == 500
    assert outcome.turn.cuts == 0
    writes = [call for call in outcome.calls if call != "get"]
    # Fewer, and nothing was counted; more, and the points below are not all of them.
    assert 8 <= len(writes) <= CALLS - 4, outcome.calls


@pytest.mark.parametrize("kill", sample(CALL_KILLS, 5), ids=str)
def test_a_kill_at_a_call_of_the_store(tmp_path: Path, kill: Kill) -> None:
    turn_with([kill], tmp_path, ONE_BY_ONE)


@pytest.mark.parametrize("kill", sample(TOKEN_KILLS, 4), ids=str)
def test_a_kill_at_a_token(tmp_path: Path, kill: Kill) -> None:
    assert turn_with([kill], tmp_path, ONE_BY_ONE).deaths == 1


@pytest.mark.parametrize("kill", sample([*TOKEN_KILLS, *CALL_KILLS], 13), ids=str)
def test_a_kill_where_one_reply_calls_both_tools(tmp_path: Path, kill: Kill) -> None:
    turn_with([kill], tmp_path, TOGETHER)


@pytest.mark.parametrize("kill", sample([*TOKEN_KILLS[4:], *CALL_KILLS[1::2]], 10), ids=str)
def test_a_client_that_cannot_cut_its_text(tmp_path: Path, kill: Kill) -> None:
    turn = turn_with([kill], tmp_path, ONE_BY_ONE, supports=()).turn
    assert turn.cuts == 0
    for reply, requests in heard_of(turn.tokens).items():
        assert len(requests) == 1, f"reply {reply} goes on in other words: {requests}"


@pytest.mark.parametrize("seed", sample(SEEDS, 20))
def test_two_kills(tmp_path: Path, seed: int) -> None:
    """The second one meets whoever takes up what the first one left behind."""
    dice = random.Random(seed)
    points = [*CALL_KILLS, *TOKEN_KILLS]
    first, second = dice.choice(points), dice.choice(points)
    again = Kill(second.at, second.number, life=1)
    turn_with([first, again], tmp_path, dice.choice([ONE_BY_ONE, TOGETHER]))


def turn_with(
    kills: Sequence[Kill], folder: Path, shape: Shape, *, supports: Sequence[str] = (TRUNCATE,)
) -> Outcome:
    """One such turn. A kill at a point to which the turn does not come is none."""
    model = Talker(*shape, delay=0.001)
    with local_run(folder / "run", model, kills, supports=supports) as run:
        outcome = run.run()
    if kills and outcome.deaths == 0:
        assert len(outcome.calls) <= kills[0].number, "the process lived on where it was to die"
    assert outcome.deaths <= len(kills)
    return outcome
