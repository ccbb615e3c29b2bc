"""What a turn may take, and who may ask for one: time, its cost, and the pages of browsers."""

from collections.abc import Iterator
from typing import Any

import pytest

from functions.ws_connect.handler import handler as ws_connect
from shared.backends.agents import Agent
from shared.models.port import ModelError, ModelEvent, TextDelta, Usage
from tests.wire.scene import Scene

DAY = "2027-01-15"
"""The first day of virtual time."""


class Slow:
    """A model whose stream breaks off after ten minutes and a bit; it did cost something."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def stream(self, request: Any, *, seconds_left: float) -> "Slow":
        return self

    def __iter__(self) -> Iterator[ModelEvent]:
        yield TextDelta("Well")
        self._scene.clock.sleep(601)
        usage = Usage(input_tokens=5000, output_tokens=1, cost_nano_usd=15_000_000)
        raise ModelError(usage=usage, retryable=True)

    def close(self) -> None:
        return


def test_a_turn_that_takes_too_long_has_cost_what_it_cost(scene: Scene, session: str) -> None:
    scene.deployment.model = Slow(scene)
    scene.say("c1", session, "r1", "Hi")
    scene.work()
    end = scene.events("c1", "r1")[-1]
    assert end["error"]["code"] == "TURN_TIMEOUT"
    counters = scene.deployment.table.query(f"USAGE#local#{DAY}").items
    assert [item.attrs["input_tokens"] for item in counters] == [5000]
    assert counters[0].attrs["cost"] == 15_000_000


class One:
    """An agent source with one agent, which one shop's pages may use."""

    def get(self, agent_id: str, tenant: str) -> Agent:
        return Agent(
            id="support",
            name="Support",
            instructions="Help.",
            model="m",
            origins=("https://shop.example.com",),
        )

    def after(self, agent_id: str, tenant: str) -> Iterator[Agent]:
        yield from self.list(tenant)

    def list(self, tenant: str) -> list[Agent]:
        return [self.get("support", tenant)]


@pytest.mark.parametrize(
    ("origin", "welcome"),
    [
        ("https://shop.example.com", True),
        (None, True),  # no browser
        ("https://evil.example.com", False),
        ("http://shop.example.com", False),
    ],
)
def test_only_the_pages_of_its_origins_talk_to_an_agent(
    scene: Scene, origin: str | None, welcome: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.deployment.agents = One()
    # On loopback only pages of this machine come in at all; this is about what comes after.
    monkeypatch.setattr(scene.deployment.admission, "_check_origin", lambda origin: None)
    request = {"connectionId": "c1", "eventType": "CONNECT"}
    headers = {"Origin": origin} if origin else {}
    event = {"requestContext": request, "headers": headers}
    assert scene.invoke(ws_connect, event) == {"statusCode": 200}
    answer = scene.frame("c1", "create_conversation_session", requestId="q", agentId="support")
    if welcome:
        assert answer["status"] == 200
    else:
        assert answer["error"]["code"] == "ORIGIN_NOT_ALLOWED"
