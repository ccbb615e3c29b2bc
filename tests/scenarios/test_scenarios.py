"""Frames in, events out."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.scenarios import script
from tests.scenarios.checks import check
from tests.scenarios.conftest import Start
from tests.scenarios.judge import Judge
from tests.scenarios.script import Gates, Play, Scenario
from tests.support.deployments import TOKEN
from tests.support.messages_api import ScriptedMessagesApi

SCENARIOS = script.load()
ASSISTANT = {"name": "Assistant", "instructions": "You help."}


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name: str, start: Start, judge: Judge, tmp_path: Path) -> None:
    scenario = SCENARIOS[name]
    given: dict[str, Any] = scenario.get("given", {})
    settings = {
        "ASSISTANT_LOCAL_CONFIG_DIR": str(_agents(tmp_path / "agents", given.get("agents", {}))),
        "LIBRARY_DIR": str(_library(tmp_path / "library", given.get("skills", {}))),
        **(TOKEN if given.get("auth") == "token" else {}),
        **given.get("settings", {}),
    }
    gates = Gates()
    with (
        ScriptedMessagesApi(script.steps(scenario, gates)) as api,
        start(api.base_url, settings) as running,
    ):
        play = Play(running, api, gates)
        try:
            _play(play, scenario)
            # Whatever workers still send has been sent once they have ended.
            running.settle()
            play.read_all()
        finally:
            play.close()
        check(play, scenario, api)
        for client in play.clients.values():
            judge.add(name, client.received)


def _agents(folder: Path, more: dict[str, Any]) -> Path:
    folder.mkdir()
    for name, agent in {"assistant": ASSISTANT, **more}.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(agent), "utf-8")
    return folder


def _library(folder: Path, skills: dict[str, str]) -> Path:
    (folder / "skills").mkdir(parents=True)
    for name, text in skills.items():
        (folder / "skills" / f"{name}.md").write_text(text, "utf-8")
    return folder


def _play(play: Play, scenario: Scenario) -> None:
    for number, entry in enumerate(scenario["when"], 1):
        try:
            play.step(entry)
        except AssertionError as failure:
            raise AssertionError(f"step {number}, {next(iter(entry))}: {failure}") from failure
