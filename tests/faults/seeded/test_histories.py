"""What a historian gets, one thing at a time.

More of them: `python -m tests.faults.seeded --history --seeds 300`.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.backends.control_plane import CallRecord, Finalized, TranscriptSegment
from shared.mailbox.box import BoxKey
from shared.mailbox.jobs import Queued
from shared.mailbox.records import Record, Records
from shared.storage.expressions import attr
from shared.storage.table import Update
from tests.faults.seeded import endings
from tests.faults.seeded.calm import Calm, calm
from tests.faults.seeded.keeping import CALM
from tests.faults.seeded.model import Plan


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def told(scene: Calm) -> list[str]:
    """What the historian has noted, in order."""
    assert scene.world.historian is not None
    return [_short(each.body) for each in scene.world.historian.told]


def _short(body: object) -> str:
    match body:
        case CallRecord():
            return "begin"
        case TranscriptSegment(index=index, speaker=speaker, stopped=stopped):
            return f"{index} {speaker}{' stopped' if stopped else ''}"
        case Finalized(status=status):
            return f"end {status}"
    raise AssertionError(body)


def said(scene: Calm, request_id: str, plan: Plan) -> None:
    turn = scene.send(request_id, plan)
    scene.until(lambda: turn.terminal is not None)


def ended(scene: Calm) -> None:
    endings.end(scene.world, "ann", scene.conversation)
    scene.pass_time(5.0)


def test_calls_of_a_conversation(tmp_path: Path) -> None:
    """Nothing is broken: so what is found below is what was broken."""
    with calm(0, tmp_path, CALM) as scene:
        said(scene, "q0", Plan([["look"]], tokens=5, pace=0.0))
        said(scene, "q1", Plan(tokens=5, pace=0.0))
        ended(scene)
        ended(scene)
        said(scene, "q2", Plan(tokens=5, pace=0.0))
        scene.pass_time(60.0)
        first = ["begin", "0 human", "1 ai", "2 human", "3 ai", "end connected"]
        assert told(scene) == [*first, "begin", "4 human", "5 ai"]
        assert scene.audit().all() == []


def test_an_end_waits_for_the_turn_that_runs(tmp_path: Path) -> None:
    with calm(0, tmp_path, CALM) as scene:
        turn = scene.send("q0", Plan(tokens=100, pace=0.1))
        scene.until(lambda: len(turn.text) > 30)
        ended(scene)
        assert turn.terminal is None
        scene.client.cancel(turn)
        scene.pass_time(60.0)
        assert told(scene) == ["begin", "0 human", "1 ai stopped", "end connected"]
        assert scene.audit().all() == []


def _overtakes(patch: pytest.MonkeyPatch) -> None:
    queue = Records.queue

    def overtaking(self: Any, box: BoxKey, records: Sequence[Record]) -> Queued:
        queued = queue(self, box, records)
        *puts, listed = queued.writes
        assert isinstance(listed, Update)
        room = attr("jobs").absent() | attr("jobs").size_below(
            max(1, self._bound - len(records) + 1)
        )
        return Queued([*puts, replace(listed, condition=room)], queued.overflow)

    patch.setattr(Records, "queue", overtaking)


@pytest.mark.parametrize("broken", [False, True])
def test_what_is_not_listed_is_not_overtaken(
    broken: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is room again, but others stand before it."""
    if broken:
        _overtakes(monkeypatch)
    few = replace(CALM, environ={**CALM.environ, "HISTORY_QUEUE_MAX_SIZE": "3"})
    with calm(0, tmp_path, few) as scene:
        historian = scene.world.historian
        assert historian is not None
        scene.world.sweep_every_minute(20)
        scene.world.chaos.rates.on = True
        historian.stay_away(30.0)
        said(scene, "q0", Plan(tokens=1, pace=0.0))
        said(scene, "q1", Plan(tokens=1, pace=0.0))
        while len(told(scene)) < 2:
            scene.pass_time(0.001)
        historian.stay_away(30.0)
        said(scene, "q2", Plan(tokens=1, pace=0.0))
        scene.pass_time(900.0)
        found = scene.audit().all()
        assert any("is queued" in each for each in found) if broken else found == []
