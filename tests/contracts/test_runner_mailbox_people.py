"""The runner over mailboxes, in virtual time: it follows turns that wait for people."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.conversations.items import turn_id
from shared.conversations.mailbox_runner import MailboxRunner
from shared.conversations.turns import TurnView
from shared.identity.credentials import LOCAL
from shared.messaging.wakes import Wake
from shared.runner.events import Delta, Reply, ToolEnded, ToolStarted
from shared.runner.gates import Approval, Gate
from shared.runner.port import TurnCancelled
from shared.runner.request import Equipped
from shared.storage.sqlite import SqliteTable
from tests.contracts.runner_following import AGENT, Following, equip, kinds, made, mailbox, refs
from tests.runner.said import MadeTool, answer, use
from tests.wire.scene import Scene

GATES = {"refund": Gate(approval=Approval(seconds=1200))}
STARTED = [Delta, ToolStarted]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    engine = SqliteTable(tmp_path / "parley.db")
    yield Scene(engine, tmp_path)
    engine.close()


@pytest.fixture
def runner(scene: Scene) -> MailboxRunner:
    return made(scene, scene.deployment.table)


def waiting(scene: Scene, runner: MailboxRunner) -> tuple[Following, MadeTool]:
    """A turn that is followed, and waits for somebody to allow a call."""
    tool = MadeTool("refund", lambda **_: "refunded")
    equip(scene, answer("I will.", use("refund", order="42")), answer("Done."), tools=[tool])
    handler: Any = scene.deployment.turn_handler
    handler._agents = lambda *_: Equipped(agent=AGENT, tools=[tool], gates=GATES)
    following = Following(scene, runner, "Refund it.")
    scene.work()
    assert kinds(following.end()) == STARTED
    return following, tool


def view(scene: Scene, runner: MailboxRunner) -> TurnView:
    name = turn_id(mailbox(scene, runner).id, refs(scene, runner)[0])
    return scene.deployment.turns.view(LOCAL, name)


def test_a_turn_is_followed_for_as_long_as_it_waits(scene: Scene, runner: MailboxRunner) -> None:
    following, tool = waiting(scene, runner)
    scene.virtual.pass_time(900)
    assert (kinds(following.events), following.fault) == (STARTED, None)
    prompt = view(scene, runner).prompt
    assert prompt is not None
    _, box = scene.deployment.approvals.decide(LOCAL, prompt["approval_id"], approved=True)
    scene.deployment.turns.wake(box)
    scene.work()
    assert kinds(following.end()) == [*STARTED, ToolEnded, Delta, Reply]
    assert tool.calls == [{"order": "42"}]


def test_nobody_decides(scene: Scene, runner: MailboxRunner) -> None:
    following, tool = waiting(scene, runner)
    scene.virtual.pass_time(1201)
    box = mailbox(scene, runner)
    scene.wake(Wake(box.pk, box.tenant))
    *_, ended, _, _ = following.end()
    assert isinstance(ended, ToolEnded)
    assert ended.content == "Not called. Nobody decided about this call in time."
    assert (ended.is_error, tool.calls) == (True, [])


def test_a_turn_that_is_stopped_while_it_waits(scene: Scene, runner: MailboxRunner) -> None:
    following, tool = waiting(scene, runner)
    scene.deployment.stops.turn(LOCAL, view(scene, runner).id)
    scene.work()
    assert kinds(following.end()) == STARTED
    assert isinstance(following.fault, TurnCancelled)
    assert tool.calls == []
