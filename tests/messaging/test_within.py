"""A bound for work that has none of its own."""

import contextvars
import threading

import pytest

from shared.messaging.within import within

PATIENT = 30.0


def test_what_ends_in_time_is_handed_on() -> None:
    assert within(PATIENT, lambda: "done", "test") == "done"


def test_what_it_raises_is_raised() -> None:
    def fail() -> None:
        raise KeyError("why")

    with pytest.raises(KeyError, match="why"):
        within(PATIENT, fail, "test")


def test_it_goes_on_by_itself_when_the_time_is_over() -> None:
    go_on, ended = threading.Event(), threading.Event()

    def work() -> None:
        go_on.wait(PATIENT)
        ended.set()

    with pytest.raises(TimeoutError):
        within(0.01, work, "test")
    go_on.set()
    assert ended.wait(PATIENT)


def test_it_runs_in_the_context_of_its_caller() -> None:
    who: contextvars.ContextVar[str] = contextvars.ContextVar("who")
    who.set("caller")
    assert within(PATIENT, who.get, "test") == "caller"
