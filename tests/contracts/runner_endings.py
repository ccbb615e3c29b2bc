"""The Runner's contract: how turns fail, and how a runner stops."""

import pytest

from shared.errors import ParleyError
from shared.runner.port import RunnerStopped
from tests.contracts.runner_stage import ANN, Open, alternate, fault, gate


class EndingsContract:
    @pytest.mark.parametrize(
        ("told", "code", "retryable", "words"),
        [
            ("fail", "MODEL_REFUSED", False, "refused the request as invalid"),
            ("overload", "MODEL_OVERLOADED", True, "overloaded"),
            ("decline", "MODEL_REFUSED", False, "declined to answer"),
        ],
    )
    def test_a_failure_is_told_in_our_words(
        self, opened: Open, told: str, code: str, retryable: bool, words: str
    ) -> None:
        with opened() as stage:
            stage.say("hello")
            with pytest.raises(ParleyError) as failed:
                stage.say(f"{told} now")
            assert (failed.value.error_code, failed.value.is_retryable) == (code, retryable)
            assert words in failed.value.message
            assert "secret" not in failed.value.message
            assert stage.say("again").text == "You said: again"
            first, second, last = stage.words()
            assert (first, second) == ("hello", "You said: hello")
            assert str(last) == f"{told} now\n\nagain"

    def test_a_stopped_runner_takes_no_more_turns(self, opened: Open) -> None:
        with opened() as stage:
            stage.say("hello")
            begun = stage.runner.run("s", "too late", principal=ANN)
            stage.runner.stop()
            stage.runner.stop()
            for events in (begun, stage.runner.run("t", "again", principal=ANN)):
                with pytest.raises(RunnerStopped) as stopped:
                    next(events)
                assert stopped.value.error_code == "RUNNER_STOPPED"
                assert list(events) == []
            with pytest.raises(RunnerStopped):
                stage.say("")
            assert len(stage.api.requests) == 1

    def test_stopping_ends_iterations_under_way(self, opened: Open) -> None:
        name, held = gate()
        with opened() as stage:
            working = stage.saying(f"use wait_at {name}")
            held.await_reached()
            waiting = [stage.saying(f"number {number}") for number in range(3)]
            # All of them end while the tool still waits.
            stage.runner.stop()
            ended = [type(fault(future)) for future in (working, *waiting)]
            assert ended == [RunnerStopped] * 4
            held.open()

    def test_stopping_ends_one_that_nobody_reads(self, opened: Open) -> None:
        name, held = gate()
        with opened() as stage:
            events = stage.runner.run("s", f"use wait_at {name}", principal=ANN)
            next(events)
            stage.runner.stop()
            with pytest.raises(RunnerStopped):
                list(events)
            held.open()

    def test_roles_alternate_whatever_happens(self, opened: Open) -> None:
        with opened() as stage:
            for told in ("hello", "use look_up owl", "hello"):
                stage.say(told)
                for failing in ("fail now", "decline it"):
                    with pytest.raises(ParleyError):
                        stage.say(failing)
            assert all(alternate(request["messages"]) for request in stage.api.requests)
