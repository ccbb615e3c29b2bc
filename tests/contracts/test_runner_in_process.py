"""The Runner's contract in one process, on the caller's thread."""

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

import pytest

from shared.backends.skills import Skills
from shared.clock import SystemClock
from shared.models.anthropic_api import AnthropicModel
from shared.runner.events import Reasoning
from shared.runner.gates import Approval, Gate
from shared.runner.in_process import Agent, InProcessRunner
from shared.runner.port import RunnerStopped
from shared.runner.prompts import Prompt
from shared.tools.python_tool import PythonTool
from tests.contracts.runner_contract import RunnerContract
from tests.contracts.runner_stage import ANN, Open, Stage, fault
from tests.contracts.runner_tools import (
    INSTRUCTIONS,
    MODEL,
    OTHER_MODEL,
    SKILL,
    answer,
    look_up,
    quote,
    ring,
    wait_at,
)
from tests.support.messages_api import ScriptedMessagesApi
from tests.web.site import AGENTS

LIBRARY = AGENTS.parent / "library"


class Asker:
    """Decides as it was told to, about one call."""

    def __init__(self) -> None:
        self._next: tuple[bool, Future[str]] | None = None

    def people(self, approved: bool) -> "Future[str]":
        told: Future[str] = Future()
        self._next = (approved, told)
        return told

    def approve(self, prompt: Prompt) -> bool:
        assert self._next is not None, "nobody was there"
        (approved, told), self._next = self._next, None
        told.set_result(str(prompt.content["description"]))
        return approved


@pytest.fixture
def opened() -> Open:
    agent = Agent(
        instructions=INSTRUCTIONS,
        model=MODEL,
        models_allowed=(OTHER_MODEL,),
        overrides=("instructions", "language", "model"),
        skills={SKILL: Skills(LIBRARY).text(SKILL)},
        suggested_replies=True,
        gates={"ring": Gate(approval=Approval())},
        builtins=frozenset({"request_user_input"}),
    )
    tools = [PythonTool(each, name=each.__name__) for each in (look_up, quote, wait_at, ring)]

    @contextmanager
    def opening(*, backlog: int = 32) -> Iterator[Stage]:
        with ScriptedMessagesApi(reply=answer) as api:
            model = AnthropicModel(
                clock=SystemClock(), base_url=api.base_url, base_backoff=0.01, max_backoff=0.05
            )
            asker = Asker()
            runner = InProcessRunner(
                agent=agent, model=model, tools=tools, backlog=backlog, approve=asker.approve
            )
            try:
                yield Stage(runner, api, asker.people)
            finally:
                runner.stop()
                model.close()

    return opening


class TestInProcess(RunnerContract):
    def test_a_stop_hangs_up_on_the_model(self, opened: Open) -> None:
        with opened() as stage:
            stalled = stage.saying("stall")
            stage.api.wait_for(lambda books: books.deltas == 1)
            stage.runner.stop()
            assert isinstance(fault(stalled), RunnerStopped)
            stage.api.wait_for(lambda books: books.disconnected == 1)

    def test_what_the_model_thinks_is_told(self, opened: Open) -> None:
        with opened() as stage:
            events = list(stage.runner.run("s", "think owls", principal=ANN))
            thoughts = [event.text for event in events if isinstance(event, Reasoning)]
            assert thoughts == ["Hm", "m."]
