"""Who waits for a session, in which order, and what happens when they do not wait to the end."""

from concurrent.futures import Future
from typing import Any

import pytest

from shared.clock import Event, SystemClock
from shared.identity.principal import Principal
from shared.runner.in_process import Agent, InProcessRunner
from shared.runner.port import BacklogFull, RunnerStopped
from tests.runner.said import SaidModel, answer
from tests.support.manual_clock import PATIENCE, ManualClock, in_thread

ANN = Principal("acme", "ann", frozenset({"user"}))
AGENT = Agent(instructions="Be kind.", model="m")


class Queue:
    """A session whose first turn is held in the middle; `follow` queues another one."""

    def __init__(self, *, backlog: int = 32) -> None:
        self.clock = ManualClock()
        self.model = SaidModel(*[answer("Yes")] * 9)
        self.door = InProcessRunner(
            agent=AGENT, model=self.model, clock=self.clock, backlog=backlog
        )
        self.first = self.door.run("s", "first", principal=ANN)
        next(self.first)
        self._waiting = 0

    def follow(self, text: str) -> "Future[Any]":
        self._waiting += 1
        future = in_thread(lambda: list(self.door.run("s", text, principal=ANN)))
        self.clock.await_sleepers(self._waiting)
        return future

    def asked(self) -> list[Any]:
        """The new message of each request to the model."""
        return [request.messages[-1]["content"] for request in self.model.requests]


def test_the_order_is_that_of_arrival() -> None:
    queue = Queue()
    futures = [queue.follow(f"number {number}") for number in range(6)]
    assert queue.asked() == ["first"]
    list(queue.first)
    for future in futures:
        future.result(PATIENCE)
    assert queue.asked() == ["first", *[f"number {number}" for number in range(6)]]


def test_a_full_queue_refuses_and_takes_again() -> None:
    queue = Queue(backlog=1)
    waiting = queue.follow("second")
    with pytest.raises(BacklogFull):
        list(queue.door.run("s", "third", principal=ANN))
    list(queue.first)
    waiting.result(PATIENCE)
    list(queue.door.run("s", "fourth", principal=ANN))
    assert queue.asked() == ["first", "second", "fourth"]


def test_a_turn_that_is_given_up_lets_the_next_one_in() -> None:
    queue = Queue()
    waiting = queue.follow("second")
    queue.first.close()  # type: ignore[attr-defined]
    waiting.result(PATIENCE)
    assert queue.asked() == ["first", "first\n\nsecond"]


def test_a_stop_sends_everybody_home() -> None:
    queue = Queue()
    waiting = [queue.follow(f"number {number}") for number in range(3)]
    queue.door.stop()
    for future in waiting:
        assert isinstance(future.exception(PATIENCE), RunnerStopped)
    with pytest.raises(RunnerStopped):
        list(queue.first)
    assert queue.asked() == ["first"]


def test_whoever_is_interrupted_while_waiting_leaves_the_queue() -> None:
    class Interrupted:
        """What Ctrl-C does to a wait, where the wait would be long."""

        def __init__(self, event: Event) -> None:
            self._event = event

        def set(self) -> None:
            self._event.set()

        def is_set(self) -> bool:
            return self._event.is_set()

        def wait(self, timeout: float | None = None) -> bool:
            if timeout is None and not self.is_set():
                raise KeyboardInterrupt
            return self._event.wait(timeout)

    class Clock(SystemClock):
        def event(self) -> Event:
            return Interrupted(super().event())

    model = SaidModel(*[answer("Yes")] * 9)
    door = InProcessRunner(agent=AGENT, model=model, clock=Clock(), backlog=1)
    first = door.run("s", "first", principal=ANN)
    next(first)
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            list(door.run("s", "second", principal=ANN))
    list(first)
    list(door.run("s", "third", principal=ANN))
    assert [request.messages[-1]["content"] for request in model.requests] == ["first", "third"]
