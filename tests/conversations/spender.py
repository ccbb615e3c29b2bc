"""A session whose agent, model and limits a test chooses, and what its turns have used."""

from typing import Any

from shared.conversations.items import turn_id, turn_ref
from shared.conversations.usage_reports import Used
from shared.identity.credentials import LOCAL
from shared.runner.in_process import Agent
from shared.runner.limits import Limits
from tests.conversations.rig import box
from tests.runner.said import COST, MadeTool, SaidModel, answer, use
from tests.wire.scene import Scene

CALL = COST.cost_nano_usd or 0
PRICED = "claude-sonnet-5"


class Desk:
    """A session of c1, whose agent and model a test chooses."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        scene.connect("c1")
        self.session = scene.session("c1")

    def equip(
        self, *answers: Any, limits: Limits | None = None, model: str = PRICED, **tool: Any
    ) -> SaidModel:
        said = SaidModel(*answers)
        handler: Any = self.scene.deployment.turn_handler
        object.__setattr__(handler._services, "model", said)
        agent = Agent(instructions="Be kind.", model=model, limits=limits or Limits())
        tools = [MadeTool("t", **tool)]
        handler._agents = lambda *_: agent.equipped(tools, None, None)
        return said

    def ask(self, request_id: str = "r1", seconds: float = 900) -> None:
        self.scene.say("c1", self.session, request_id, "Hi")
        self.scene.work(seconds)

    def stop(self) -> None:
        self.scene.frame("c1", "cancel", requestId="r1", sessionId=self.session)

    def end(self, request_id: str = "r1") -> Any:
        return self.scene.events("c1", request_id)[-1]

    def result(self, request_id: str = "r1") -> Any:
        item = self.scene.deployment.table.get([self.key(request_id)])[0]
        assert item is not None
        return (item.body or {})["result"]

    def key(self, request_id: str = "r1") -> Any:
        return box(self.scene, self.session).job(turn_ref(self.session, request_id))

    def shown(self, request_id: str = "r1") -> Any:
        name = turn_id(box(self.scene, self.session).id, turn_ref(self.session, request_id))
        return self.scene.deployment.turns.view(LOCAL, name)

    @property
    def day(self) -> Used:
        return self.scene.deployment.usage.days(LOCAL.tenant)[-1][1]

    @property
    def conversation(self) -> Used:
        return self.scene.deployment.usage.conversation(box(self.scene, self.session))


def steps(number: int) -> list[Any]:
    return [answer(use("t", f"c{each}")) for each in range(number)]


def calls(number: int) -> Used:
    """What so many calls of the model come to, without the turns."""
    return Used(input_tokens=10 * number, output_tokens=2 * number, cost=CALL * number)
