"""Following a turn of the mailbox-backed runner in virtual time."""

from collections.abc import Sequence
from typing import Any

from shared.conversations.items import meta_key
from shared.conversations.mailbox_runner import MailboxRunner
from shared.identity.credentials import LOCAL
from shared.mailbox.box import BoxKey
from shared.mailbox.log import message_key
from shared.runner.events import Delta, Reply, TurnEvent
from shared.runner.in_process import Agent
from shared.runner.request import Equipped
from shared.storage.expressions import Assign
from shared.storage.table import Item, Key, Operation, Put, Unavailable, Update
from tests.conversations.rig import box
from tests.runner.said import MadeTool, SaidModel
from tests.wire.scene import Scene

AGENT = Agent(instructions="Be kind.", model="m", max_iterations=64)


class Watched:
    """The table as the runner sees it: what it reads of the log, and answers that do not come."""

    def __init__(self, table: Any) -> None:
        self._table = table
        self.read: list[str] = []
        self.broken = False

    def get(self, keys: Sequence[Key], *, consistent: bool = True) -> list[Item | None]:
        if self.broken:
            raise Unavailable
        self.read += [key.sk for key in keys if key.sk.startswith("MSG#")]
        found: list[Item | None] = self._table.get(keys, consistent=consistent)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)


class Following:
    """A turn that a program follows, beside whatever else happens."""

    def __init__(self, scene: Scene, runner: MailboxRunner, text: str) -> None:
        self.events: list[TurnEvent] = []
        self.fault: Exception | None = None
        self._scene = scene
        self._running = runner.run("s", text, principal=LOCAL)
        scene.virtual.start(self._follow)
        scene.virtual.pass_time(0.01)

    def _follow(self) -> None:
        try:
            self.events.extend(self._running)
        except Exception as fault:  # noqa: BLE001 - looked at by the test
            self.fault = fault

    def end(self) -> list[TurnEvent]:
        """All events, when it has heard of the end."""
        self._scene.virtual.pass_time(1)
        return self.events


def made(scene: Scene, table: Any, **more: Any) -> MailboxRunner:
    deployment = scene.deployment
    parts: dict[str, Any] = {
        "agent_id": "assistant",
        "tenant": "local",
        "agents": deployment.agents.get,
        "table": table,
        "clock": scene.clock,
        "sessions": deployment.sessions,
        "turns": deployment.turns,
    }
    return MailboxRunner(**{**parts, **more})


def equip(scene: Scene, *answers: Sequence[Any], tools: Sequence[MadeTool]) -> SaidModel:
    """From now on the agent has these tools, and its model gives these answers."""
    model = SaidModel(*answers)
    handler: Any = scene.deployment.turn_handler
    object.__setattr__(handler._services, "model", model)
    handler._agents = lambda *_: Equipped(agent=AGENT, tools=tools)
    return model


def napping(scene: Scene, *naps: float) -> MadeTool:
    """A tool whose calls take these times (seconds), and then none."""
    left = list(naps)

    def nap() -> str:
        scene.clock.sleep(left.pop(0) if left else 0)
        return "found"

    return MadeTool("nap", nap, timeout=500)


def mailbox(scene: Scene, runner: MailboxRunner) -> BoxKey:
    return box(scene, runner.session_of("s", principal=LOCAL))


def refs(scene: Scene, runner: MailboxRunner) -> list[str]:
    """The turns in the mailbox, the running one first."""
    item = scene.deployment.table.get([mailbox(scene, runner).item])[0]
    assert item is not None
    return list(item.attrs["jobs"])


def kinds(events: Sequence[TurnEvent]) -> list[type[TurnEvent]]:
    return [type(event) for event in events]


def told(following: Following) -> Reply:
    last = following.end()[-1]
    assert following.fault is None
    assert isinstance(last, Reply)
    text = "".join(event.text for event in following.events if isinstance(event, Delta))
    assert text == last.text
    return last


def turns(scene: Scene, runner: MailboxRunner) -> list[str]:
    page = scene.deployment.table.query(mailbox(scene, runner).partition, prefix="TURN#")
    return [item.key.sk for item in page.items]


def lengthen(scene: Scene, runner: MailboxRunner, length: int) -> None:
    """Let the conversation have so many messages."""
    key, table = mailbox(scene, runner), scene.deployment.table
    log: list[Operation] = [
        Put(Item(message_key(key, number), {}, _old(number))) for number in range(2, length)
    ]
    for at in range(0, len(log), 100):
        table.write(log[at : at + 100])
    table.update(Update(meta_key(key), [Assign(("count",), length)]))


def _old(number: int) -> dict[str, Any]:
    role = ("user", "assistant")[number % 2]
    return {"id": f"old-{number}", "role": role, "text": "x", "at": 1, "turn": "TURN#old#old"}
