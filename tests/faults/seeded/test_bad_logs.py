"""Logs that an earlier crash left in bad shape: the next turn works, what the model is asked is
valid, and nothing of the log is lost. And jobs that kill whoever runs them."""

import json
from pathlib import Path
from typing import Any

import pytest

from shared.conversations.items import box_key, meta_key
from shared.mailbox.jobs import message_key
from shared.storage.expressions import Assign
from shared.storage.table import Item, Put, Update
from tests.faults.seeded.calm import Calm, calm
from tests.faults.seeded.following import Following
from tests.faults.seeded.model import Plan, invalid
from tests.support.frames_client import text_of


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "text": text}


def said(text: str) -> dict[str, Any]:
    return {"role": "assistant", "text": text}


def calls(*ids: str, words: str = "I look.") -> dict[str, Any]:
    blocks: list[dict[str, Any]] = [{"type": "text", "text": words}] if words else []
    blocks += [{"type": "tool_use", "id": each, "name": "look", "input": {}} for each in ids]
    return {"role": "assistant", "content": blocks, "said": words, "usage": {}}


def result(call: str) -> dict[str, Any]:
    return {
        "role": "tool",
        "call": f"1-{call}",
        "call_id": call,
        "name": "look",
        "text": "found",
        "is_error": False,
    }


BAD = {
    "nothing answers a call": [user("One"), calls("a")],
    "one of two calls has a result": [user("One"), calls("a", "b"), result("a")],
    "nothing answers a call, and more was said": [
        user("One"),
        calls("a"),
        user("Two"),
        said("Yes"),
    ],
    "two questions in a row": [user("One"), user("Two")],
    "two answers in a row": [user("One"), said("A"), said("B")],
    "an empty answer": [user("One"), said("")],
    "an answer of white space": [user("One"), said(" \n")],
    "an empty step": [user("One"), calls(words="")],
    "a step with an empty text": [user("One"), {**calls("a", words=""), "said": ""}, result("a")],
    "an empty question": [user(" "), said("What?")],
    "a result without its call": [user("One"), result("a"), said("A")],
    "a result of another call": [user("One"), calls("a"), result("b"), said("A")],
    "a result twice": [user("One"), calls("a"), result("a"), result("a"), said("A")],
    "a result too late": [user("One"), calls("a"), said("A"), user("Two"), result("a"), said("B")],
    "it begins with an answer": [said("A"), user("One")],
    "it begins with a result": [result("a"), said("A"), user("One"), said("B")],
}


def written(scene: Calm, log: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put these messages in the conversation, as turns that nobody remembers have."""
    box = box_key("t", scene.conversation)
    entries = [
        {
            "id": f"00000000-0000-7000-8000-{n:012d}",
            "at": 1_700_000_000_000 + n,
            "turn": "t",
            **each,
        }
        for n, each in enumerate(log)
    ]
    puts = [Put(Item(message_key(box, n), {"by": "t"}, each)) for n, each in enumerate(entries)]
    counted = Update(meta_key(box), [Assign(("count",), len(log))])
    scene.world.table().write([*puts, counted])
    return entries


@pytest.mark.parametrize("shape", BAD)
@pytest.mark.parametrize("steps", [0, 1])
def test_the_next_turn_works(shape: str, steps: int, tmp_path: Path) -> None:
    with calm(0, tmp_path) as scene:
        before = written(scene, BAD[shape])
        plan = Plan([["look"]] * steps, tokens=5, pace=0.0)
        for request_id in ("q0", "q1"):
            turn = scene.send(request_id, plan)
            scene.until(lambda turn=turn: turn.terminal is not None)  # type: ignore[misc]  # mypy reads no defaults of lambdas
            assert turn.terminal is not None
            assert text_of(json.loads(turn.terminal)) == turn.text != ""
        scene.pass_time(60.0)
        assert len(scene.world.model.requests) == 2 * (steps + 1)
        assert [invalid(each) for each in scene.world.model.requests] == [""] * 2 * (steps + 1)
        audit = scene.audit()
        assert audit.log(box_key("t", scene.conversation))[: len(before)] == before
        assert audit.all() == []


def test_what_was_said_is_still_asked(tmp_path: Path) -> None:
    """A valid request would be easy if all that is odd were left out."""
    with calm(0, tmp_path) as scene:
        written(scene, [user("One"), user("Two"), calls("a"), user("Three")])
        turn = scene.send("q0", Plan(tokens=1))
        scene.until(lambda: turn.terminal is not None)
        asked = json.dumps(scene.world.model.requests[0].messages)
        for words in ("One", "Two", "I look.", "no result of this call", "Three", "Do q0."):
            assert words in asked


def test_a_turn_that_kills_its_workers_ends_with_one_error_and_the_next_one_runs(
    tmp_path: Path,
) -> None:
    with calm(0, tmp_path) as scene:
        scene.world.sweep_every_minute(20)
        poison: Following = scene.send("q0", Plan(poison=True))
        scene.pass_time(1.0)
        after = scene.send("q1", Plan([["pay"]], tokens=3, pace=0.0))
        scene.until(lambda: after.terminal is not None)
        scene.pass_time(120.0)
        assert scene.world.diary.crashes == 4
        ends = [
            each.event
            for each in scene.world.diary.delivered
            if each.event.get("requestId") == "q0" and each.event["type"] == "error"
        ]
        assert [end["error"]["code"] for end in ends] == ["INTERNAL_ERROR"]
        assert "after several attempts" in ends[0]["error"]["message"]
        assert poison.terminal is not None
        assert after.terminal is not None
        assert text_of(json.loads(after.terminal)) == after.text
        assert scene.audit().all() == []
        assert scene.audit().jobs["q0"].outcome == "failed"
