"""Stopping the runner in one process, in the middle of a turn."""

from collections.abc import Callable

import pytest

from shared.models.port import ModelError, ModelRequest, StreamClosed, TextDelta
from shared.runner.events import Delta
from shared.runner.port import RunnerStopped
from tests.runner.said import MadeTool, Said, SaidModel, answer, use
from tests.runner.test_in_process import ANN, runner, say


@pytest.mark.parametrize("then", [StreamClosed(), ModelError("cut", retryable=True)])
def test_a_stop_closes_the_model_s_answer(then: Exception) -> None:
    stop: list[Callable[[], None]] = []
    model = SaidModel([TextDelta("One"), lambda: stop[0](), then], answer("never"))
    door = runner(model)
    stop.append(door.stop)
    with pytest.raises(RunnerStopped):
        say(door)
    assert (model.closed, len(model.requests)) == (1, 1)


def test_after_a_stop_no_call_begins() -> None:
    tool = MadeTool("t")
    model = SaidModel(answer("Hm.", use("t")))
    door = runner(model, tool)
    events = door.run("s", "Hi", principal=ANN)
    assert next(events) == Delta("Hm.")
    door.stop()
    with pytest.raises(RunnerStopped):
        list(events)
    assert tool.calls == []


def test_a_stop_that_comes_while_the_model_is_being_asked_closes_its_answer() -> None:
    class Stopping(SaidModel):
        def stream(self, request: ModelRequest, *, seconds_left: float) -> Said:
            door.stop()
            return super().stream(request, seconds_left=seconds_left)

    model = Stopping(answer("never"))
    door = runner(model)
    with pytest.raises(RunnerStopped):
        say(door)
    assert model.closed == 1
