"""Turns of an agent with a workflow: none waits for its verdict, each verdict is of its step."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from shared.conversations.items import Session, meta_key, session_key
from shared.conversations.judging import KIND
from shared.mailbox.box import BoxKey
from shared.models.port import Completed, ModelEvent, ModelRequest, TextDelta, Usage
from shared.storage.sqlite import SqliteTable
from tests.conversations.judged import call
from tests.wire.scene import Scene

AGENT = """\
name: Guide
instructions: You help.
workflow:
  goal: Help
  steps:
    - {id: find, intent: Find it, criteria: It is found}
    - {id: solve, intent: Solve it, criteria: It is solved}
"""
SPENT = Usage(10, 1, cost_nano_usd=1000)


@dataclass
class Both:
    """A model that answers, and judges as it is told."""

    verdict: str = "yes"
    asked: list[str] = field(default_factory=list)

    def stream(self, request: ModelRequest, *, seconds_left: float) -> "Words":
        judges = request.tool_choice == "any"
        self.asked.append("judge" if judges else request.system)
        return Words(self.verdict if judges else None)


class Words:
    def __init__(self, verdict: str | None) -> None:
        self._verdict = verdict

    def __iter__(self) -> Iterator[ModelEvent]:
        if self._verdict is not None:
            yield Completed([call(self._verdict)], "tool_use", SPENT)
            return
        yield TextDelta("Hello")
        yield Completed([{"type": "text", "text": "Hello"}], "end_turn", SPENT)

    def close(self) -> None:
        """Nothing is under way."""


class Town:
    """Turns and verdicts are run apart."""

    def __init__(self, folder: Path) -> None:
        agents = folder / "agents"
        agents.mkdir()
        (agents / "assistant.yaml").write_text(AGENT)
        self.engine = SqliteTable(folder / "parley.db")
        self.scene = Scene(self.engine, folder, ASSISTANT_LOCAL_CONFIG_DIR=str(agents))
        self.model = Both()
        self.scene.deployment.model = self.model
        self.scene.connect("c1")
        self.session = self.scene.session("c1")
        self._said = 0

    def say(self) -> None:
        self._said += 1
        answer = self.scene.say("c1", self.session, f"q{self._said}", "Hi")
        assert answer["status"] == 202, answer
        self._work(judging=False)
        assert self.scene.events("c1", f"q{self._said}")[-1]["type"] == "eventual_response"

    def judge(self) -> None:
        self._work(judging=True)

    def _work(self, *, judging: bool) -> None:
        while True:
            queued, self.scene.wakes.queued = self.scene.wakes.queued, []
            mine = [each for each in queued if (BoxKey.parse(each.box).kind == KIND) == judging]
            self.scene.wakes.queued += [each for each in queued if each not in mine]
            if not mine:
                return
            for wake in mine:
                self.scene.wake(wake)

    @property
    def kept(self) -> dict[str, object]:
        table = self.scene.deployment.table
        item = self.scene.run(lambda: table.get([session_key(self.session)]))[0]
        assert item is not None
        box = Session.read(self.session, item).box
        meta = self.scene.run(lambda: table.get([meta_key(box)]))[0]
        assert meta is not None
        found: dict[str, object] = meta.attrs["workflow"]
        return found

    @property
    def steps(self) -> list[str]:
        """The step that each turn was to take."""
        told = [each for each in self.model.asked if each != "judge"]
        return ["find" if "number 1: Find" in each else "solve" for each in told]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    made.engine.close()


def test_the_place_is_kept_from_the_first_turn_on(town: Town) -> None:
    town.say()
    assert town.kept == {"step": "find", "tries": 0, "version": 0, "done": False}
    town.judge()
    assert town.kept == {"step": "solve", "tries": 0, "version": 1, "done": False}


def test_turns_do_not_wait_for_verdicts_and_late_ones_move_nothing(town: Town) -> None:
    town.say()
    town.say()
    town.judge()
    assert town.kept["step"] == "solve", "the second verdict would have been of the step before"
    assert town.model.asked.count("judge") == 1
    town.say()
    assert town.steps == ["find", "find", "solve"]


def test_verdicts_of_turns_in_quick_succession_all_count(town: Town) -> None:
    town.model.verdict = "no"
    for _ in range(3):
        town.say()
    town.judge()
    assert town.kept == {"step": "solve", "tries": 0, "version": 3, "done": False}


def test_a_goal_that_is_reached_is_judged_no_more(town: Town) -> None:
    for _ in range(3):
        town.say()
        town.judge()
    assert town.kept["done"] is True
    assert town.model.asked.count("judge") == 2
    assert "You have led this conversation to its goal" in town.model.asked[-1]
