"""Frames in, events out."""

from pathlib import Path
from typing import cast

import pytest

from tests.scenarios import script
from tests.scenarios.checks import check, kept
from tests.scenarios.clocks import Later
from tests.scenarios.conftest import Start
from tests.scenarios.gates import Gates
from tests.scenarios.given import Given, as_data, mail_of, spend, steps
from tests.scenarios.hearing import Hearing
from tests.scenarios.judge import Judge
from tests.scenarios.play import Play
from tests.scenarios.resting import Resting
from tests.support.messages_api import ScriptedMessagesApi

SCENARIOS = script.load()


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name: str, start: Start, judge: Judge, tmp_path: Path) -> None:
    scenario = SCENARIOS[name]
    given = Given(scenario, tmp_path)
    hearing = Hearing()
    with (
        Gates() as gates,
        given.standing() as settings,
        ScriptedMessagesApi(steps(scenario, gates)) as api,
        start(api.base_url, settings, scenario.get("given", {}).get("hurried")) as running,
    ):
        spend(running.deployment, scenario.get("given", {}).get("spent"))
        running.deployment.frames = hearing.frames(running.deployment.frames)
        clock = cast(Later, running.deployment.clock)
        running.deployment.mail = mail = mail_of(scenario)
        play = Play(
            running,
            api,
            gates,
            names=given.names,
            hearing=hearing,
            clock=clock,
            resting=Resting(running.deployment),
            mail=mail,
        )
        try:
            play.run(scenario)
            # Whatever workers still send has been sent once they have ended.
            running.settle()
            play.read_all()
        finally:
            play.close()
        check(
            play,
            scenario,
            api,
            called=[as_data(request) for request in given.called],
            kept=kept(running.deployment.artifacts),
        )
        for client in play.clients.values():
            judge.add(name, client.received)
