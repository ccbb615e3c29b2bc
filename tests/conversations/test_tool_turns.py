"""Turns that call tools, under a lease: what is noted, shown, handed over and stopped."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from shared.conversations.items import meta_key, turn_id, turn_ref
from shared.conversations.memory import Memory
from shared.conversations.usage import Costs, Ledger
from shared.errors import TurnFailed
from shared.identity.credentials import LOCAL
from shared.mailbox.jobs import message_key
from shared.models.port import ModelError, TextDelta
from shared.models.rates import ModelRates
from shared.runner.calls import INTERRUPTED, MAX_RESULT, NOT_MADE
from shared.runner.in_process import Agent
from shared.runner.messages import LOST_RESULT
from shared.runner.request import Equipped
from tests.conversations.rig import at_rest, box, streamed, text_of
from tests.runner.said import MadeTool, SaidModel, answer, use
from tests.wire.scene import Scene

Equip = Callable[..., SaidModel]
AGENT = Agent(instructions="Be kind.", model="m")


def napping(scene: Scene, *naps: float) -> Callable[[], str]:
    """Work that takes these times (seconds), one after the other, and then none."""
    left = list(naps)

    def nap() -> str:
        scene.clock.sleep(left.pop(0) if left else 0)
        return "found"

    return nap


@pytest.fixture
def equip(scene: Scene) -> Equip:
    def equipped(*answers: Sequence[Any], tools: Sequence[MadeTool]) -> SaidModel:
        """From now on the agent has these tools, and its model gives these answers."""
        model = SaidModel(*answers)
        handler: Any = scene.deployment.turn_handler
        object.__setattr__(handler._services, "model", model)
        handler._agents = lambda *_: Equipped(agent=AGENT, tools=tools)
        return model

    return equipped


def chunks(scene: Scene, request_id: str = "r1") -> list[Any]:
    """The tools' events: what, of which call."""
    raw = [
        event["data"]["state"]["rawResponse"]
        for event in scene.events("c1", request_id)
        if event["type"] == "stream_chunk"
    ]
    return [next(iter(entry.items())) for entry in raw]


def end(scene: Scene, request_id: str = "r1") -> Any:
    return scene.events("c1", request_id)[-1]


def log(scene: Scene, session: str) -> list[Any]:
    page = scene.deployment.table.query(box(scene, session).partition, prefix="MSG#")
    return [item.body for item in page.items]


def stop(scene: Scene, session: str, request_id: str = "r1") -> None:
    ref = turn_ref(session, request_id)
    scene.deployment.requests.cancel(box(scene, session), ref, who="ann")


def test_a_call_is_shown_noted_and_answered(scene: Scene, session: str, equip: Equip) -> None:
    tool = MadeTool("look_up", lambda word: f"{word}: a bird")
    equip(answer("I look.", use("look_up", word="owl")), answer("A bird."), tools=[tool])
    scene.say("c1", session, "r1", "What is an owl?")
    scene.work()

    call = {"id": "1-0", "name": "look_up"}
    assert chunks(scene) == [
        ("toolCall", {**call, "arguments": '{"word": "owl"}'}),
        ("toolResult", {**call, "isError": False, "result": "owl: a bird"}),
    ]
    assert text_of(end(scene)) == streamed(scene) == "I look.\n\nA bird."
    question, step, result, last = log(scene, session)
    assert [step["said"], result["text"], last["said"]] == ["I look.", "owl: a bird", "A bird."]
    assert {entry["turn"] for entry in (question, step, result, last)} == {question["turn"]}
    meta = scene.deployment.table.get([meta_key(box(scene, session))])[0]
    assert meta is not None
    assert (meta.attrs["count"], meta.attrs["messages"]) == (4, 2)
    assert meta.attrs["auto_title"] == meta.attrs["first"] == "What is an owl?"
    listed = scene.frame("c1", "get_conversation_messages", sessionId=session)["data"]["messages"]
    texts = [message["content"]["text"] for message in listed]
    assert texts == ["I look.\n\nA bird.", "What is an owl?"]
    context = tool.contexts[0]
    assert context.idempotency_key == f"{context.turn}.1-0"
    assert (context.tenant, context.user, context.session) == ("local", "local", session)


def test_the_next_turn_remembers_the_calls(scene: Scene, session: str, equip: Equip) -> None:
    model = equip(answer(use("t", "x")), answer("One."), answer("Two."), tools=[MadeTool("t")])
    for request_id in ("r1", "r2"):
        scene.say("c1", session, request_id, "Hi")
        scene.work()
    assert [entry["role"] for entry in model.last] == [*["user", "assistant"] * 2, "user"]
    assert model.last[1]["content"] == [use("t", "x")]
    assert model.last[3]["content"] == "One."


def test_the_usage_of_all_replies_counts(scene: Scene, session: str, equip: Equip) -> None:
    equip(answer(use("t")), answer("One."), tools=[MadeTool("t")])
    scene.say("c1", session, "r1", "Hi")
    scene.work()
    usage = end(scene)["data"]["data"]["usage"]
    assert usage == {"promptTokens": 20, "completionTokens": 4, "costUsd": 2e-06}


def test_a_long_result_stands_in_the_workspace(
    scene: Scene, session: str, equip: Equip, tmp_path: Path
) -> None:
    long = "x" * (MAX_RESULT + 1)
    equip(answer(use("t")), answer("Done"), tools=[MadeTool("t", lambda: long)])
    scene.say("c1", session, "r1", "Hi")
    scene.work()
    name = f"conversations/local/{box(scene, session).id}/results/1-0.txt"
    assert (tmp_path / name).read_text() == long
    assert log(scene, session)[2]["artifact"] == name
    assert len(chunks(scene)[1][1]["result"]) < len(long)


def test_the_client_hears_that_a_long_call_goes_on(
    scene: Scene, session: str, equip: Equip
) -> None:
    slow = MadeTool("t", napping(scene, 70), timeout=100)
    equip(answer(use("t")), answer("Done"), tools=[slow])
    scene.say("c1", session, "r1", "Hi")
    scene.work()
    types = [event["type"] for event in scene.events("c1", "r1")]
    assert types.count("keepalive") == 2
    assert types[-1] == "eventual_response"


# -- stops --------------------------------------------------------------------------------------


def test_a_stop_ends_a_turn_whose_tool_runs(scene: Scene, session: str, equip: Equip) -> None:
    slow = MadeTool("t", napping(scene, 20))
    model = equip(answer("Hm.", use("t", "x")), answer("Next."), tools=[slow])
    scene.say("c1", session, "r1", "Hi")
    before = scene.clock.monotonic()
    scene.virtual.at(3, lambda: stop(scene, session))
    scene.work()
    assert scene.clock.monotonic() - before < 5
    assert end(scene)["type"] == "cancelled"
    assert at_rest(scene, session)

    scene.say("c1", session, "r2", "And now?")
    scene.work()
    lost = model.last[2]["content"][0]
    assert (lost["content"], lost["is_error"]) == (LOST_RESULT, True)
    assert text_of(end(scene, "r2")) == "Next."


def test_after_a_stop_the_result_is_noted_and_no_other_call_begins(
    scene: Scene, session: str, equip: Equip
) -> None:
    def work() -> str:
        stop(scene, session)
        return "done"

    second = MadeTool("b", parallel=False)
    model = equip(answer(use("a"), use("b")), tools=[MadeTool("a", work, parallel=False), second])
    scene.say("c1", session, "r1", "Hi")
    scene.work()
    assert end(scene)["type"] == "cancelled"
    assert (second.calls, len(model.requests)) == ([], 1)
    notes = log(scene, session)
    assert [entry["role"] for entry in notes] == ["user", "assistant", "tool", "tool"]
    assert [entry["text"] for entry in notes[2:]] == ["done", NOT_MADE]


# -- hand-over ----------------------------------------------------------------------------------


def test_a_call_that_was_cut_is_not_made_again_unless_it_may(
    scene: Scene, session: str, equip: Equip
) -> None:
    for request_id, repeatable, said in (("r1", False, INTERRUPTED), ("r2", True, "found")):
        nap = MadeTool("t", napping(scene, 100), repeatable=repeatable, timeout=500)
        model = equip(answer(use("t", "x")), answer("Done"), tools=[nap])
        scene.say("c1", session, request_id, "Hi")
        scene.work(seconds=60)
        assert end(scene, request_id)["type"] != "eventual_response"
        scene.work()
        assert text_of(end(scene, request_id)) == "Done"
        assert len(nap.calls) == (2 if repeatable else 1)
        assert model.last[-1]["content"][0]["content"] == said
        assert len({context.idempotency_key for context in nap.contexts}) == 1


def test_a_worker_with_little_time_left_leaves_a_long_call_to_another(
    scene: Scene, session: str, equip: Equip
) -> None:
    long = MadeTool("long", timeout=50)
    model = equip(
        answer(use("nap")),
        answer(use("long")),
        answer("Done"),
        tools=[MadeTool("nap", napping(scene, 40), timeout=45), long],
    )
    scene.say("c1", session, "r1", "Hi")
    scene.work(seconds=75)
    assert (long.calls, len(model.requests)) == ([], 1)
    item = scene.deployment.table.get([box(scene, session).item])[0]
    assert item is not None
    assert (item.attrs["crashes"], item.attrs.get("owner")) == (0, None)
    scene.work()
    assert len(long.calls) == 1
    assert text_of(end(scene)) == "Done"


def test_a_call_may_not_outlast_the_turn(scene: Scene, session: str, equip: Equip) -> None:
    endless = MadeTool("t", napping(scene, 10_000), timeout=900)
    equip(answer(use("t")), tools=[endless])
    scene.say("c1", session, "r1", "Hi")
    scene.work(seconds=5000)
    assert end(scene)["error"]["code"] == "TURN_TIMEOUT"
    assert at_rest(scene, session)


# -- what ends badly ----------------------------------------------------------------------------


def test_a_turn_that_fails_in_the_middle_leaves_a_log_that_can_go_on(
    scene: Scene, session: str, equip: Equip
) -> None:
    model = equip(
        answer(use("t", "x")),
        [ModelError("No.", code="MODEL_REFUSED", retryable=False)],
        answer("Here."),
        tools=[MadeTool("t")],
    )
    scene.say("c1", session, "r1", "Hi")
    scene.work()
    assert end(scene)["error"]["code"] == "MODEL_REFUSED"
    scene.say("c1", session, "r2", "Again?")
    scene.work()
    assert text_of(end(scene, "r2")) == "Here."
    found = {"type": "tool_result", "tool_use_id": "x", "content": "found"}
    assert model.last[-1]["content"] == [found, {"type": "text", "text": "Again?"}]
    numbers = [message_key(box(scene, session), number).sk for number in range(5)]
    page = scene.deployment.table.query(box(scene, session).partition, prefix="MSG#")
    assert [item.key.sk for item in page.items] == numbers


def test_a_reply_that_broke_off_is_not_shown_twice(
    scene: Scene, session: str, equip: Equip
) -> None:
    broken = [TextDelta("Fou"), ModelError("cut", retryable=True)]
    equip(answer("I look.", use("t")), broken, answer("Here."), tools=[MadeTool("t")])
    scene.say("c1", session, "r1", "Hi")
    scene.work()
    assert streamed(scene) == "I look.\n\nFou"
    assert text_of(end(scene)) == "I look.\n\nHere."


def test_nothing_is_asked_when_nothing_may_be_spent(
    scene: Scene, session: str, equip: Equip
) -> None:
    model = equip(answer(use("t")), answer("Done"), tools=[MadeTool("t")])
    handler: Any = scene.deployment.turn_handler
    spent: list[str] = []

    def check(tenant: str, **_: int) -> None:
        spent.append(tenant)
        if len(spent) > 2:
            raise TurnFailed("Enough.", code="BUDGET_EXCEEDED")

    object.__setattr__(handler._services, "may_spend", check)
    scene.say("c1", session, "r1", "Hi")
    scene.work()
    assert end(scene)["error"]["code"] == "BUDGET_EXCEEDED"
    assert (len(model.requests), set(spent)) == (1, {"local"})


# -- what it costs, and how long it takes ---------------------------------------------------------


def spent(scene: Scene) -> dict[str, int]:
    ledger = Ledger(scene.clock)
    found = [item.attrs for item in scene.deployment.table.get(ledger.keys("local")) if item]
    return {name: sum(item[name] for item in found) for name in ("turns", "cost", "input_tokens")}


def test_a_stopped_turn_has_cost_what_its_replies_cost(
    scene: Scene, session: str, equip: Equip
) -> None:
    equip(answer(use("t")), tools=[MadeTool("t", napping(scene, 20))])
    scene.say("c1", session, "r1", "Hi")
    scene.virtual.at(3, lambda: stop(scene, session))
    scene.work()
    assert end(scene)["type"] == "cancelled"
    assert spent(scene) == {"turns": 1, "cost": 1000, "input_tokens": 10}
    view = scene.deployment.turns.view(LOCAL, turn_id(box(scene, session).id, ref_of(session)))
    assert view.usage == {"promptTokens": 10, "completionTokens": 2, "costUsd": 1e-06}


def ref_of(session: str) -> str:
    return turn_ref(session, "r1")


def test_a_stop_that_comes_with_the_last_word_does_not_make_it_free(
    scene: Scene, session: str, equip: Equip
) -> None:
    equip([*answer("Done")[:-1], lambda: stop(scene, session), answer("Done")[-1]], tools=[])
    scene.say("c1", session, "r1", "Hi")
    scene.work()
    assert end(scene)["type"] == "cancelled"
    assert spent(scene)["cost"] == 1000


def test_what_another_worker_noted_counts_too(scene: Scene, session: str, equip: Equip) -> None:
    equip(answer(use("t")), tools=[MadeTool("t", napping(scene, 100), timeout=500)])
    scene.say("c1", session, "r1", "Hi")
    scene.work(seconds=60)
    handler: Any = scene.deployment.turn_handler
    handler._costs = Costs()
    stop(scene, session)
    scene.work()
    assert end(scene)["type"] == "cancelled"
    assert spent(scene) == {"turns": 1, "cost": 1000, "input_tokens": 10}


def test_the_time_of_a_turn_is_that_of_all_its_workers(
    scene: Scene, session: str, equip: Equip
) -> None:
    tool = MadeTool("t", napping(scene, *[100.0] * 30), timeout=200, repeatable=True)
    equip(*[answer(use("t", f"x{number}")) for number in range(18)], tools=[tool])
    scene.say("c1", session, "r1", "Hi")
    for _ in range(8):
        scene.work(seconds=310)
    assert end(scene)["error"]["code"] == "TURN_TIMEOUT"
    assert 5 <= len(tool.calls) <= 7


def test_in_its_middle_a_turn_waits_for_the_models_rate(
    scene: Scene, session: str, equip: Equip
) -> None:
    tool = MadeTool("t", napping(scene, *[1.0] * 5))
    equip(*[answer(use("t", f"x{number}")) for number in range(4)], answer("Done"), tools=[tool])
    handler: Any = scene.deployment.turn_handler
    rates = ModelRates(scene.deployment.table, scene.clock, 3)
    object.__setattr__(handler._services, "rates", rates)
    scene.say("c1", session, "r1", "Hi")
    scene.work()
    assert text_of(end(scene)) == "Done"
    scene.say("c1", session, "r2", "Again")
    scene.work()
    refused = end(scene, "r2")
    assert refused["error"]["code"] == "RATE_LIMITED"
    assert refused["data"]["details"]["retryAfter"] > 0


def test_a_stop_ends_the_wait_for_the_models_rate(scene: Scene, session: str, equip: Equip) -> None:
    equip(answer(use("t")), tools=[MadeTool("t")])
    handler: Any = scene.deployment.turn_handler
    rates = ModelRates(scene.deployment.table, scene.clock, 1)
    object.__setattr__(handler._services, "rates", rates)
    scene.say("c1", session, "r1", "Hi")
    before = scene.clock.monotonic()
    scene.virtual.at(5, lambda: stop(scene, session))
    scene.work()
    assert end(scene)["type"] == "cancelled"
    assert scene.clock.monotonic() - before < 8


def test_the_marks_of_calls_that_have_ended_are_gone(
    scene: Scene, session: str, equip: Equip
) -> None:
    equip(answer(use("t"), use("t")), answer("Done"), tools=[MadeTool("t")])
    scene.say("c1", session, "r1", "Hi")
    scene.work()
    item = scene.deployment.table.get([box(scene, session).job(ref_of(session))])[0]
    assert item is not None
    assert item.attrs["marks"] == {}


def test_a_reply_that_was_cut_is_not_continued_by_another_worker(
    scene: Scene, session: str, equip: Equip
) -> None:
    broken = [
        TextDelta("Hello wor"),
        lambda: scene.clock.sleep(60),
        ModelError("cut", retryable=True),
    ]
    equip(broken, answer("Other words."), tools=[])
    scene.say("c1", session, "r1", "Hi")
    scene.work(seconds=100)
    scene.work()
    assert streamed(scene) == "Hello wor"
    assert text_of(end(scene)) == "Other words."


def test_after_large_results_the_words_are_remembered(
    scene: Scene, session: str, equip: Equip
) -> None:
    large = "漢" * 31_000
    calls = [use("t", f"x{number}") for number in range(5)]
    model = equip(
        answer(*calls),
        answer("The code word is owl."),
        answer("Owl."),
        tools=[MadeTool("t", lambda: large)],
    )
    scene.say("c1", session, "r1", "Look it up.")
    scene.work()
    for cold in (False, True):
        if cold:
            handler: Any = scene.deployment.turn_handler
            memory = Memory(scene.deployment.table, budget=100_000)
            object.__setattr__(handler._services, "memory", memory)
            model.answers = [answer("Owl.")]
        scene.say("c1", session, f"r{2 + cold}", "What was the code word?")
        scene.work()
        assert [entry["content"] for entry in model.last[:3]] == [
            "Look it up.",
            "The code word is owl.",
            "What was the code word?",
        ]
