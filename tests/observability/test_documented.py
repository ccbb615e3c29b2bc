"""docs/operate.md names the steps, their fields and the metrics as they are."""

import json
import re
from pathlib import Path

import pytest

from shared.telemetry import STEPS
from tests.template import loading

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "operate.md").read_text("utf-8")
TEMPLATE = loading.load()
SWEPT = "OldestDueAge"
"""Measured by the sweep's function; no step has it."""


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table under a heading."""
    section = PAGE.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    table = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table[2:]]


def named(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


STEP_ROWS = {named(row[0])[0]: row for row in rows("Steps")}


def test_every_step_has_its_row() -> None:
    assert list(STEP_ROWS) == list(STEPS)


@pytest.mark.parametrize("name", STEPS)
def test_a_row_has_the_fields_and_metrics_of_its_step(name: str) -> None:
    step, (_, _, _, fields, metrics) = STEPS[name], STEP_ROWS[name]
    assert named(fields) == list(step.fields)
    assert named(metrics) == [metric.name for metric in step.metrics]


def test_every_metric_is_explained() -> None:
    explained = [name for row in rows("Metrics") for name in named(row[0])]
    made = {metric.name for step in STEPS.values() for metric in step.metrics}
    assert len(explained) == len(set(explained))
    assert set(explained) == made | {SWEPT}


def test_units_are_as_written() -> None:
    kinds = {metric.name: metric.kind for step in STEPS.values() for metric in step.metrics}
    units = {"count": "count", "seconds": "seconds", "amount": "none"}
    for metric, unit, _ in rows("Metrics"):
        for name in named(metric):
            assert unit == units[kinds.get(name, "seconds")], name


@pytest.mark.parametrize("name", STEPS)
def test_a_step_is_logged_somewhere_at_its_level(name: str) -> None:
    sources = [each.read_text("utf-8") for each in (ROOT / "shared").rglob("*.py")]
    found = {
        level.upper()
        for text in sources
        for level in re.findall(rf'log\.(\w+)\((?:level, )?"{name}"', text)
    }
    levels = {"DEBUG", "INFO", "WARNING", "ERROR"} if found == {"LOG"} else found
    assert set(STEP_ROWS[name][1].split(", ")) <= levels


# -- the template -------------------------------------------------------------------------------


def metrics_of_the_dashboard() -> list[tuple[str, str]]:
    body = TEMPLATE["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    return [
        (metric[1], widget["properties"]["stat"])
        for widget in json.loads(body)["widgets"]
        for metric in widget["properties"]["metrics"]
        if metric[:1] + metric[2:4] == ["Parley", "service", "${AWS::StackName}"]
    ]


def test_the_dashboard_shows_every_metric_and_no_other() -> None:
    made = {metric.name for step in STEPS.values() for metric in step.metrics}
    assert {name for name, _ in metrics_of_the_dashboard()} == made | {SWEPT}


def test_its_panels_do_not_overlap() -> None:
    body = TEMPLATE["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    places = {(each["x"], each["y"]) for each in json.loads(body)["widgets"]}
    assert len(places) == len(json.loads(body)["widgets"])
    assert all(x % 8 == 0 and x < 24 and y % 6 == 0 for x, y in places)


def test_alarms_watch_metrics_that_there_are() -> None:
    made = {metric.name for step in STEPS.values() for metric in step.metrics} | {SWEPT}
    alarms = loading.of_type(TEMPLATE, "AWS::CloudWatch::Alarm").values()
    ours = [each for each in alarms if each.get("Namespace") == "Parley"]
    assert {each["MetricName"] for each in ours} == {SWEPT, "TurnsFailed", "DeletionsFailed"}
    for alarm in ours:
        assert alarm["MetricName"] in made
        assert alarm["Dimensions"] == [{"Name": "service", "Value": {"Ref": "AWS::StackName"}}]
