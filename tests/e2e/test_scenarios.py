"""Frames in, events out, through the deployed functions. `tests/scenarios/script.py` says how
scenarios are written; here the agents and skills are those of the artifact, settings are the
template's, and nobody can tell when a frame has been handled."""

from pathlib import Path

import pytest

from tests.e2e.client import Http
from tests.e2e.stack import Stack
from tests.scenarios import script
from tests.scenarios.checks import check
from tests.scenarios.gates import Gates
from tests.scenarios.given import steps
from tests.scenarios.play import Play
from tests.support.messages_api import ScriptedMessagesApi
from tests.support.messages_api_script import Script

pytestmark = pytest.mark.emulator

SCENARIOS = script.load(Path(__file__).parent / "data")


class Deployed:
    """The stack, as its clients know it."""

    def __init__(self, stack: Stack, http: Http) -> None:
        self.socket_url = stack.websocket_url
        self._http = http

    def ticket(self, user: str | None = None) -> str:
        return self._http.ticket(user)


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name: str, stack: Stack, http: Http, scripted: ScriptedMessagesApi) -> None:
    scenario = SCENARIOS[name]
    with Gates() as gates:
        scripted.script = Script(steps(scenario, gates))
        play = Play(Deployed(stack, http), scripted, gates, admit=True)
        try:
            play.run(scenario)
            play.read_all()
        finally:
            play.close()
        check(play, scenario, scripted)
