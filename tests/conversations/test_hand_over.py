"""Turns that pass from worker to worker, or break in ways that nobody foresaw: what clients see of
them is whole and in order, and what is counted is right."""

import json
from typing import Any

import pytest

from shared.conversations.memory import Memory
from shared.mailbox.box import Box
from shared.messaging.push import PushFailed
from shared.models.port import Completed, ModelError, TextDelta
from shared.runner.messages import GO_ON
from shared.storage.artifacts import ArtifactsUnavailable
from shared.storage.table import Unavailable
from tests.conversations.rig import at_rest, box, streamed, text_of
from tests.conversations.test_slow_connections import two_connections
from tests.conversations.test_tool_turns import (
    Equip,
    chunks,
    end,
    equip,
    log,
    napping,
    spent,
    stop,
)
from tests.runner.said import COST, MadeTool, answer, text, use
from tests.wire.scene import Scene

__all__ = ["equip"]


def handler(scene: Scene) -> Any:
    return scene.deployment.turn_handler


def crashes(scene: Scene, session: str) -> int:
    item = scene.deployment.table.get([box(scene, session).item])[0]
    assert item is not None
    return Box.read(box(scene, session), item).crashes


def test_what_was_noted_is_shown_before_another_worker_goes_on(
    scene: Scene, session: str, equip: Equip
) -> None:
    said = [
        TextDelta("Let me "),
        lambda: scene.clock.sleep(65),
        TextDelta("look "),
        TextDelta("it up."),
        Completed([text("Let me look it up."), use("t")], "tool_use", COST),
    ]
    equip(said, answer("Done"), tools=[MadeTool("t", timeout=50)])
    scene.say("c1", session, "r1", "Hi")
    scene.work(seconds=100)
    assert streamed(scene) == "Let me look it up."
    scene.work()
    assert streamed(scene) == text_of(end(scene)) == "Let me look it up.\n\nDone"


def test_a_result_that_was_noted_is_shown_too(scene: Scene, session: str, equip: Equip) -> None:
    quick = MadeTool("a", napping(scene, 40), timeout=45, parallel=False)
    long = MadeTool("b", timeout=50, parallel=False)
    equip(answer(use("a"), use("b")), answer("Done"), tools=[quick, long])
    scene.say("c1", session, "r1", "Hi")
    scene.work(seconds=75)
    assert [kind for kind, _ in chunks(scene)] == ["toolCall", "toolResult"]
    scene.work()
    assert [kind for kind, _ in chunks(scene)] == ["toolCall", "toolResult"] * 2


def test_an_error_that_nobody_foresaw_comes_after_the_text(
    scene: Scene, session: str, equip: Equip
) -> None:
    post = scene.push.post

    def slow(connection: str, data: bytes) -> bool:
        if json.loads(data)["type"] == "stream_token":
            scene.clock.sleep(1)
        return post(connection, data)

    # The wiring has given this very object away already.
    scene.push.post = slow  # type: ignore[method-assign]  # the stage is ours to change
    equip([TextDelta("One "), TextDelta("two "), TextDelta("three"), RuntimeError("bug")], tools=[])
    scene.say("c1", session, "r1", "Hi")
    scene.work()
    assert streamed(scene) == "One two three"
    assert end(scene)["error"]["code"] == "INTERNAL_ERROR"


def test_the_end_of_a_waiting_turn_does_not_forgive_the_head_its_crashes(
    scene: Scene, session: str, equip: Equip
) -> None:
    cut = [TextDelta("try"), lambda: scene.clock.sleep(50), ModelError("late", retryable=True)]
    equip(*[cut] * 30, tools=[])
    scene.say("c1", session, "r1", "Hi")
    for number in range(6):
        scene.say("c1", session, f"w{number}", "wait")
        stop(scene, session, f"w{number}")
        scene.work(seconds=60)
    assert streamed(scene) == "try"
    assert end(scene)["error"]["code"] == "INTERNAL_ERROR"
    for number in range(6):
        assert end(scene, f"w{number}")["type"] == "cancelled"


def test_workers_that_all_get_on_do_not_add_up_to_a_poisoned_turn(
    scene: Scene, session: str, equip: Equip
) -> None:
    tool = MadeTool("t", napping(scene, *[1.0, 100.0] * 6), timeout=500, repeatable=True)
    equip(*[answer(use("t", f"x{number}")) for number in range(8)], answer("Done"), tools=[tool])
    scene.say("c1", session, "r1", "Hi")
    for _ in range(6):
        scene.work(seconds=60)
        assert crashes(scene, session) <= 1
    scene.work()
    assert text_of(end(scene)) == "Done"


def test_a_hung_connection_of_a_stopped_turn_does_not_stop_the_heart_of_another(
    scene: Scene, session: str, equip: Equip
) -> None:
    two_connections(scene, session, equip)
    seconds = [part for _ in range(60) for part in (lambda: scene.clock.sleep(1), TextDelta("."))]
    model = equip([*seconds, *answer("B")], tools=[])
    post, close = scene.push.post, scene.push.close

    def hung(connection: str, data: bytes) -> bool:
        if connection == "c2" and json.loads(data)["type"] == "cancelled":
            scene.clock.sleep(7)
            raise PushFailed("no answer")
        return post(connection, data)

    def slow_close(connection: str) -> None:
        scene.clock.sleep(7)
        close(connection)

    # As above.
    scene.push.post, scene.push.close = hung, slow_close  # type: ignore[method-assign]  # the stage is ours to change
    scene.say("c1", session, "r1", "Hi")
    scene.say("c1", session, "w1", "wait")
    scene.virtual.at(5, lambda: stop(scene, session, "w1"))
    scene.work()
    assert end(scene, "w1")["type"] == "cancelled"
    assert end(scene)["type"] == "eventual_response"
    assert len(model.requests) == 1
    assert at_rest(scene, session)


def test_a_warm_worker_remembers_what_a_cold_one_does(
    scene: Scene, session: str, equip: Equip
) -> None:
    def forget() -> None:
        memory = Memory(scene.deployment.table, budget=5000)
        object.__setattr__(handler(scene)._services, "memory", memory)

    forget()
    model = equip(
        answer("The code word is owl.", use("t")),
        answer("Done."),
        answer("Owl."),
        answer("Owl."),
        tools=[MadeTool("t", lambda: "x" * 31_000)],
    )
    for number, question in enumerate(("Look it up.", "What was it?", "And now?")):
        if number == 2:
            forget()
        scene.say("c1", session, f"r{number}", question)
        scene.work()
        if number:
            contents = [entry["content"] for entry in model.last[:2]]
            assert contents == ["Look it up.", "The code word is owl.\n\nDone."]


def test_a_wait_for_the_rate_that_is_too_long_for_this_worker_is_another_ones(
    scene: Scene, session: str, equip: Equip
) -> None:
    class Rates:
        asked = 0

        def take(self, tenant: str, model: str) -> None:
            self.asked += 1
            if self.asked in (2, 3, 4):
                details = {"retryAfter": 30}
                raise ModelError("Later.", code="RATE_LIMITED", retryable=True, details=details)

    object.__setattr__(handler(scene)._services, "rates", Rates())
    tool = MadeTool("t", napping(scene, 35), timeout=40)
    equip(answer(use("t")), answer("Done"), tools=[tool])
    scene.say("c1", session, "r1", "Hi")
    scene.work(seconds=110)
    scene.work()
    assert text_of(end(scene)) == "Done"
    assert crashes(scene, session) == 0


def test_what_a_cut_reply_cost_is_counted_with_the_next_one(
    scene: Scene, session: str, equip: Equip
) -> None:
    broken = [
        TextDelta("Hello"),
        lambda: scene.clock.sleep(60),
        ModelError("cut", retryable=True, usage=COST),
    ]
    equip(broken, answer("Other"), tools=[])
    scene.say("c1", session, "r1", "Hi")
    scene.work(seconds=100)
    scene.work()
    assert spent(scene)["cost"] == 2000
    assert end(scene)["data"]["data"]["usage"]["promptTokens"] == 20


@pytest.mark.parametrize("which", [1, 2])
def test_a_listener_that_cannot_be_detached_is_no_reason_to_say_anything_twice(
    scene: Scene, session: str, equip: Equip, which: int
) -> None:
    two_connections(scene, session, equip)
    said = [TextDelta("A"), lambda: scene.push.gone.add("c2"), *answer("A")[1:]]
    equip(said, answer("Second"), tools=[])
    detached: list[str] = []
    detach = handler(scene)._telling._requests.detach

    def failing(key: Any, name: str, **more: Any) -> None:
        detached.append(name)
        if len(detached) == which:
            raise Unavailable
        detach(key, name, **more)

    handler(scene)._telling._requests.detach = failing
    scene.say("c1", session, "r1", "Hi")
    scene.work()
    scene.say("c1", session, "r2", "Hi")
    scene.work()
    ends = [event for event in scene.events("c1", "r1") if event["type"] == "eventual_response"]
    assert len(ends) == 1
    assert streamed(scene, "r2") == text_of(end(scene, "r2")) == "Second"


def test_a_long_result_that_cannot_be_kept_is_not_lost(
    scene: Scene, session: str, equip: Equip
) -> None:
    class Down:
        def put(self, name: str, data: bytes, **_: Any) -> None:
            raise ArtifactsUnavailable

    object.__setattr__(handler(scene)._services, "artifacts", Down())
    tool = MadeTool("t", lambda: "x" * 40_000)
    model = equip(answer(use("t")), answer("Done"), tools=[tool])
    scene.say("c1", session, "r1", "Hi")
    scene.work()
    assert model.last[-1]["content"][0]["content"].startswith("xxx")
    assert "artifact" not in log(scene, session)[2]
    assert len(tool.calls) == 1


def test_the_turn_of_an_agent_that_lost_its_tools_can_go_on(
    scene: Scene, session: str, equip: Equip
) -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "s"}
    nap = MadeTool("t", napping(scene, 100), timeout=500)
    equip(answer(thought, "I look.", use("t")), tools=[nap])
    scene.say("c1", session, "r1", "Hi")
    scene.work(seconds=60)
    model = equip(answer("Done"), tools=[])
    scene.work()
    assert [entry["content"] for entry in model.last] == ["Hi", "I look.", GO_ON]
    assert text_of(end(scene)) == "I look.\n\nDone"
