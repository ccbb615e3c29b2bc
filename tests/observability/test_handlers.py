"""What the functions write of metrics: one line of CloudWatch's format for an invocation."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from functions.sweep.handler import handler as sweep
from functions.worker.handler import handler as worker
from shared import logs
from shared.messaging.wakes import Wake, wake_text
from shared.metrics import EmbeddedMetrics, NoMetrics, flushed
from shared.storage.sqlite import SqliteTable
from shared.telemetry import Metered
from tests.wire.scene import Scene

Lines = list[dict[str, Any]]


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "a-stack")
    engine = SqliteTable(tmp_path / "parley.db")
    made = Scene(engine, tmp_path)
    made.deployment.metrics = EmbeddedMetrics()
    logger = logging.getLogger(logs.LOGGER)
    before = (logger.handlers, logger.level)
    logger.handlers = [Metered(made.deployment.metrics)]
    logger.setLevel(logging.DEBUG)
    yield made
    logger.handlers, logger.level = before
    engine.close()


def emf(text: str) -> Lines:
    """The lines of metrics, each as CloudWatch must read it."""
    found = [json.loads(line) for line in text.splitlines() if '"_aws"' in line]
    for line in found:
        assert isinstance(line["_aws"]["Timestamp"], int)
        [directive] = line["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == "Parley"
        assert directive["Dimensions"] == [["service"]]
        assert line["service"] == "a-stack"
        for metric in directive["Metrics"]:
            assert metric["Unit"] in ("Count", "Seconds", "None")
            values = line[metric["Name"]]
            assert 0 < len(values) <= 100
            assert all(isinstance(value, float) for value in values)
    return found


def names(line: dict[str, Any]) -> set[str]:
    return {each["Name"] for each in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]}


def test_a_turn_is_one_line_of_the_worker(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scene.connect("c1")
    session = scene.session("c1")
    scene.say("c1", session, "r1", "Hi")
    before = emf(capsys.readouterr().out)
    assert {line["function"] for line in before} == {"send_message"}
    assert all(names(line) == {"Posts"} for line in before)
    wake = scene.wakes.queued.pop(0)
    scene.invoke(worker, {"Records": [{"body": wake_text(wake)}]})
    [line] = emf(capsys.readouterr().out)
    assert names(line) == {
        *("TurnsCompleted", "TurnSeconds", "TimeToFirstDelta", "QueueSeconds", "Posts"),
    }
    assert (line["function"], line["box"]) == ("worker", wake.box)
    assert line["TurnsCompleted"] == [1.0]
    assert line["Posts"][0] >= 2, "they are added up"


def test_a_turn_that_was_stopped_before_it_ran_took_no_time(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.connect("c1")
    session = scene.session("c1")
    scene.say("c1", session, "r1", "Hi")
    scene.frame("c1", "cancel", sessionId=session, requestId="r1")
    capsys.readouterr()
    wake = scene.wakes.queued.pop(0)
    scene.invoke(worker, {"Records": [{"body": wake_text(wake)}]})
    [line] = emf(capsys.readouterr().out)
    assert names(line) == {"TurnsCancelled", "Posts"}


def test_the_sweep_says_what_is_overdue_and_the_age_of_the_oldest(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.invoke(sweep, {})
    [line] = emf(capsys.readouterr().out)
    assert (names(line), line["function"]) == ({"OldestDueAge"}, "sweep")


def test_nothing_is_lost_when_an_invocation_fails(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.deployment.metrics.count("Turns", 2)
    with pytest.raises(logs.InvocationFailed):
        scene.invoke(worker, {"Records": [{"body": wake_text(Wake("no mailbox", "acme"))}]})
    [line] = emf(capsys.readouterr().out)
    assert line["Turns"] == [2.0]


def test_an_invocation_without_numbers_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    metrics = EmbeddedMetrics()
    with flushed(metrics, function="f"):
        pass
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("durations", [99, 100, 101, 250])
def test_no_duration_is_lost_however_many_there_are(
    durations: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "a-stack")
    metrics = EmbeddedMetrics()
    for number in range(durations):
        metrics.seconds("TurnSeconds", number)
        metrics.amount("CostUsd", 0.5)
    metrics.flush(function="f")
    metrics.flush(function="f")
    found = emf(capsys.readouterr().out)
    values = [value for line in found for value in line.get("TurnSeconds", [])]
    assert values == list(map(float, range(durations)))
    assert sum(sum(line.get("CostUsd", [])) for line in found) == durations / 2


def test_a_laptop_writes_none(capsys: pytest.CaptureFixture[str]) -> None:
    metrics = NoMetrics()
    with flushed(metrics):
        metrics.count("Posts")
        metrics.seconds("TurnSeconds", 1)
        metrics.amount("CostUsd", 1)
    assert capsys.readouterr().out == ""
