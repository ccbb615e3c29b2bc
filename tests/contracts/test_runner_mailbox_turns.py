"""The runner over mailboxes, in virtual time: turns that are stopped, handed over, or very long."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.conversations.items import turn_ref
from shared.conversations.mailbox_runner import LOOK_BACK, MailboxRunner
from shared.errors import NotFound, ServiceUnavailable, ValidationError
from shared.identity.credentials import LOCAL
from shared.mailbox.log import message_key
from shared.runner.events import Delta, Reply, ToolEnded, ToolStarted
from shared.runner.port import NoAgent, RuntimeMissing, TurnCancelled
from shared.storage.sqlite import SqliteTable
from shared.storage.table import MAX_GET_KEYS, Delete, Unavailable
from tests.contracts.runner_following import (
    Following,
    Watched,
    equip,
    kinds,
    lengthen,
    made,
    mailbox,
    napping,
    refs,
    told,
    turns,
)
from tests.runner.said import MadeTool, answer, use
from tests.wire.scene import Scene


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    engine = SqliteTable(tmp_path / "parley.db")
    yield Scene(engine, tmp_path)
    engine.close()


@pytest.fixture
def watched(scene: Scene) -> Watched:
    return Watched(scene.deployment.table)


@pytest.fixture
def runner(scene: Scene, watched: Watched) -> MailboxRunner:
    return made(scene, watched)


def test_what_is_missing_is_said_at_the_beginning(scene: Scene) -> None:
    with pytest.raises(NoAgent) as missing:
        made(scene, scene.deployment.table, agent_id="nobody")
    assert missing.value.error_code == "AGENT_NOT_FOUND"
    with pytest.raises(NoAgent):
        scene.deployment.runner("nobody")
    with pytest.raises(RuntimeMissing):
        made(scene, None)


def test_a_changed_configuration_counts_at_once(scene: Scene) -> None:
    known: list[Any] = [scene.deployment.agents.get("assistant", "local")]

    def agents(_: str, __: str) -> Any:
        if not known:
            raise NotFound("There is no such agent.", code="AGENT_NOT_FOUND")
        return known[0]

    runner = made(scene, scene.deployment.table, agents=agents)
    with pytest.raises(ValidationError):
        next(runner.run("s", "Hi", principal=LOCAL, model="other"))
    known[0] = known[0].model_copy(update={"models_allowed": ("other",)})
    allowed = runner.run("s", "Hi", principal=LOCAL, model="other")
    scene.virtual.start(lambda: list(allowed).clear())
    scene.virtual.pass_time(0.01)
    assert len(refs(scene, runner)) == 1
    known.clear()
    with pytest.raises(NoAgent):
        next(runner.run("s", "Hi", principal=LOCAL))


def test_a_running_turn_that_somebody_stops(scene: Scene, runner: MailboxRunner) -> None:
    model = equip(scene, answer("Hm.", use("nap")), answer("Next."), tools=[napping(scene, 20)])
    stopped = Following(scene, runner, "Hi")
    session = runner.session_of("s", principal=LOCAL)
    found = scene.deployment.sessions.find(LOCAL, session)
    assert found is not None
    scene.virtual.at(3, lambda: scene.deployment.stops.current(LOCAL, found))
    scene.work()
    assert kinds(stopped.end()) == [Delta, ToolStarted]
    assert isinstance(stopped.fault, TurnCancelled)
    assert stopped.fault.error_code == "TURN_CANCELLED"

    following = Following(scene, runner, "And now?")
    scene.work()
    assert told(following).text == "Next."
    assert model.last[0]["content"] == "Hi"


def test_a_waiting_turn_that_somebody_stops(scene: Scene, runner: MailboxRunner) -> None:
    equip(scene, answer(use("nap")), answer("Yes."), tools=[napping(scene, 20)])
    running, waiting = Following(scene, runner, "One"), Following(scene, runner, "Two")
    _, second = refs(scene, runner)
    key = mailbox(scene, runner)
    scene.virtual.at(3, lambda: scene.deployment.requests.cancel(key, second, who="local"))
    scene.work()
    assert told(running).text == "Yes."
    assert (waiting.end(), type(waiting.fault)) == ([], TurnCancelled)


def test_a_turn_that_another_worker_takes_over(scene: Scene, runner: MailboxRunner) -> None:
    nap = napping(scene, 40, 100)
    nap.repeatable = True
    replies = [answer("One.", use("nap")), answer("Two.", use("nap")), answer("Three.")]
    equip(scene, *replies, tools=[nap])
    following = Following(scene, runner, "Hi")
    # The first gives the second reply to another one; that one's time ends within the call.
    for workers in range(2):
        scene.work(seconds=75)
        expected = [Delta, ToolStarted, ToolEnded, Delta, ToolStarted][: 3 + 2 * workers]
        assert kinds(following.end()) == expected
    scene.work()
    assert told(following).text == "One.\n\nTwo.\n\nThree."
    step = [Delta, ToolStarted, ToolEnded]
    assert kinds(following.events) == [*step, *step, Delta, Reply]
    assert len(nap.calls) == 3


@pytest.mark.parametrize("steps", [1, 12, 55])
def test_of_a_long_log_only_the_turn_is_read(
    scene: Scene, runner: MailboxRunner, watched: Watched, steps: int
) -> None:
    equip(scene, answer("Hello."), tools=[])
    first = Following(scene, runner, "Hi")
    scene.work()
    told(first)
    lengthen(scene, runner, 1000)
    watched.read.clear()

    calls = [answer(f"{number}.", use("nap")) for number in range(steps)]
    equip(scene, *calls, answer("Done."), tools=[napping(scene)])
    following = Following(scene, runner, "Go on")
    scene.work()
    assert told(following).text == "\n\n".join([*(f"{n}." for n in range(steps)), "Done."])
    step = [Delta, ToolStarted, ToolEnded]
    assert kinds(following.events) == [*step * steps, Delta, Reply]
    # The notes of the turn, twice at most, and one look beyond its beginning.
    beyond = LOOK_BACK if 2 * steps < LOOK_BACK else MAX_GET_KEYS
    assert len(watched.read) <= 2 * (2 * steps + 1) + beyond


def test_a_turn_whose_conversation_is_deleted(scene: Scene, runner: MailboxRunner) -> None:
    following = Following(scene, runner, "Hi")
    key = mailbox(scene, runner)
    scene.deployment.table.write([Delete(key.job(refs(scene, runner)[0]))])
    assert following.end() == []
    assert isinstance(following.fault, TurnCancelled)
    assert "deleted" in following.fault.message


@pytest.mark.parametrize("left", [0, 1])
def test_a_turn_whose_log_is_deleted(scene: Scene, runner: MailboxRunner, left: int) -> None:
    """All of it, or what the turn noted last."""

    def delete() -> str:
        key, table = mailbox(scene, runner), scene.deployment.table
        table.write([Delete(message_key(key, number)) for number in range(left, 2)])
        return "done"

    equip(scene, answer(use("t")), answer("Yes"), tools=[MadeTool("t", delete)])
    following = Following(scene, runner, "Hi")
    scene.work()
    assert following.end() == []
    assert isinstance(following.fault, TurnCancelled)


def test_a_store_that_does_not_answer(
    scene: Scene, runner: MailboxRunner, watched: Watched
) -> None:
    following = Following(scene, runner, "Hi")
    watched.broken = True
    assert following.end() == []
    assert isinstance(following.fault, ServiceUnavailable)
    assert not following.fault.is_retryable
    watched.broken = False
    scene.work()
    ref = next(sk for sk in turns(scene, runner))
    item = scene.deployment.table.get([mailbox(scene, runner).job(ref)])[0]
    assert item is not None
    assert item.attrs["outcome"] == "completed"


def test_a_store_that_does_not_take_the_turn(scene: Scene, runner: MailboxRunner) -> None:
    class Broken:
        def find(self, *_: Any) -> None:
            raise Unavailable

    broken = made(scene, scene.deployment.table, sessions=Broken())
    with pytest.raises(ServiceUnavailable) as refused:
        next(broken.run("s", "Hi", principal=LOCAL))
    assert refused.value.is_retryable


def test_clients_may_come_back_for_the_session(scene: Scene, runner: MailboxRunner) -> None:
    following = Following(scene, runner, "Hi")
    scene.work()
    told(following)
    session = runner.session_of("s", principal=LOCAL)
    scene.connect("c1")
    scene.say("c1", session, "r1", "And here?")
    scene.work()
    assert [message["content"] for message in scene.model.requests[-1].messages] == [
        "Hi",
        "Hello",
        "And here?",
    ]
    assert turn_ref(session, "r1") in turns(scene, runner)


def test_another_process_knows_the_session(scene: Scene, runner: MailboxRunner) -> None:
    for door in (runner, made(scene, scene.deployment.table)):
        following = Following(scene, door, "Hi")
        scene.work()
        told(following)
    assert len(scene.model.requests[-1].messages) == 3
