"""Conversations whose agent asks people, in virtual time."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from shared.conversations.items import session_key, turn_id, turn_ref
from shared.conversations.turns import TurnView
from shared.identity.credentials import LOCAL
from shared.mailbox.box import Box, Job
from shared.messaging.wakes import Wake
from shared.runner.gates import Approval, Gate
from shared.runner.in_process import Agent
from shared.runner.request import Equipped
from tests.conversations.rig import box
from tests.runner.said import MadeTool, SaidModel, answer, use
from tests.support.recorded_mail import RecordedMail
from tests.wire.scene import Scene

AGENT = Agent(instructions="Be kind.", model="m")
ASK, KNOWN = Gate(approval=Approval()), Gate(verified=True)
EMAIL = "ann@x.example"
DEPLOYMENT_SECONDS = 300
"""What people have to answer, if nothing else says how long."""


def code_in(text: str) -> str:
    """The one-time code in a mail."""
    (found,) = re.findall(r"\b\d{6}\b", text)
    return str(found)


class Desk:
    """A session of c1 in a scene, whose agent has what a test gives it."""

    principal = LOCAL

    def __init__(self, scene: Scene, **session: Any) -> None:
        self.scene = scene
        self.mail = RecordedMail()
        scene.deployment.mail = self.mail
        scene.connect("c1")
        self.session = scene.session("c1", **session)
        self.box = box(scene, self.session)

    def equip(
        self,
        *answers: Sequence[Any],
        tools: Sequence[MadeTool] = (),
        gates: Mapping[str, Gate] | None = None,
        builtins: frozenset[str] = frozenset(),
    ) -> SaidModel:
        """From now on the agent has these tools, and its model gives these answers."""
        model = SaidModel(*answers)
        handler: Any = self.scene.deployment.turn_handler
        object.__setattr__(handler._services, "model", model)
        equipped = Equipped(agent=AGENT, tools=tools, gates=gates or {}, builtins=builtins)
        handler._agents = lambda *_: equipped
        return model

    # -- what happens ---------------------------------------------------------------------

    def ask(self, request_id: str = "r1", message: str = "Hi", connection: str = "c1") -> None:
        """Say something, and let the turn run for as long as it does."""
        self.scene.say(connection, self.session, request_id, message)
        self.scene.work()

    def answer(self, action: str, connection: str = "c1", **fields: Any) -> dict[str, Any]:
        """Answer what was asked; the event that comes back, before the turn goes on."""
        answered = {"requestId": "a1", "sessionId": self.session, **fields}
        return self.scene.frame(connection, action, **answered)

    def confirm(self, *, approved: bool = True, **fields: Any) -> dict[str, Any]:
        return self.answer("confirm_tool_action", approved=approved, **fields)

    def pass_time(self, seconds: float) -> None:
        """Let so much time go by, and wake the mailbox as the sweep would."""
        self.scene.virtual.pass_time(seconds)
        self.scene.wake(Wake(self.box.pk, self.box.tenant))

    # -- what is seen ---------------------------------------------------------------------

    def types(self, request_id: str = "r1", connection: str = "c1") -> list[str]:
        return [event["type"] for event in self.scene.events(connection, request_id)]

    def prompt(self, kind: str, connection: str = "c1") -> Any:
        """What the last prompt of this kind says."""
        events = self.scene.events(connection, "r1")
        return [event for event in events if event["type"] == kind][-1]["data"]["data"]

    def approval(self, connection: str = "c1") -> Any:
        """The last call that was shown to be confirmed."""
        chunks = [
            event["data"]["state"]
            for event in self.scene.events(connection, "r1")
            if event["type"] == "stream_chunk"
        ]
        return [state for state in chunks if "pendingWriteConfirmation" in state][-1][
            "pendingWriteConfirmation"
        ]

    def job(self, request_id: str = "r1") -> Job:
        ref = turn_ref(self.session, request_id)
        item = self.scene.deployment.table.get([self.box.job(ref)])[0]
        assert item is not None
        return Job.read(self.box, ref, item)

    def state(self) -> Box:
        item = self.scene.deployment.table.get([self.box.item])[0]
        assert item is not None
        return Box.read(self.box, item)

    def known(self) -> dict[str, Any]:
        """What is known of the session."""
        item = self.scene.deployment.table.get([session_key(self.session)])[0]
        assert item is not None
        return dict(item.attrs)

    def view(self, request_id: str = "r1") -> TurnView:
        name = turn_id(self.box.id, turn_ref(self.session, request_id))
        return self.scene.deployment.turns.view(LOCAL, name)

    def told(self, model: SaidModel, index: int = -1) -> tuple[str, bool]:
        """A result as the model got it with its last request."""
        return _result(model.last[-1]["content"][index])

    def told_of(self, model: SaidModel, request: int) -> tuple[str, bool]:
        """The last result that a request had."""
        return _result(model.requests[request].messages[-1]["content"][-1])


def _result(block: Any) -> tuple[str, bool]:
    return block["content"], block.get("is_error", False)


def refund(**more: Any) -> MadeTool:
    return MadeTool("refund", lambda **_: "refunded", **more)


def waiting(desk: Desk, *blocks: Any, then: str = "Done") -> Any:
    """A turn that waits for an approval; the tool and the model."""
    tool = refund()
    call = use("refund", order="42")
    model = desk.equip(answer(*blocks, call), answer(then), tools=[tool], gates={"refund": ASK})
    desk.ask()
    return tool, model


def resume(desk: Desk, connection: str, received: int = 0) -> Any:
    """What a client is told that comes back to the turn."""
    desk.scene.frame(
        connection, "resume_turn", requestId="r1", sessionId=desk.session, received=received
    )
    desk.scene.work()
    events = desk.scene.events(connection, "r1")
    return [event for event in events if event["type"] == "immediate_response"][-1]
