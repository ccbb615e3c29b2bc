"""The Runner's contract: turns of one session wait for each other, those of several do not."""

from concurrent.futures import FIRST_COMPLETED, Future, wait

import pytest

from shared.runner.events import Delta, Reply, ToolStarted
from shared.runner.port import BacklogFull
from tests.contracts.runner_stage import ANN, Open, alternate, fault, gate, result
from tests.support.manual_clock import PATIENCE, in_thread


class QueueContract:
    def test_turns_of_a_session_never_overlap(self, opened: Open) -> None:
        with opened() as stage:
            futures = [stage.saying(f"number {number}") for number in range(8)]
            replies = {result(future).text for future in futures}
            assert replies == {f"You said: number {number}" for number in range(8)}
            requests = [request["messages"] for request in stage.api.requests]
            assert [len(messages) for messages in requests] == list(range(1, 16, 2))
            assert all(alternate(messages) for messages in requests)
            words = stage.words()
            assert [f"You said: {said}" for said in words[:-1:2]] == words[1::2]

    def test_sessions_run_side_by_side(self, opened: Open) -> None:
        (first, here), (second, there) = gate(), gate()
        with opened() as stage:
            futures = [stage.saying(f"use wait_at {first}", "a")]
            here.await_reached()
            futures.append(stage.saying(f"use wait_at {second}", "b"))
            there.await_reached()
            there.open()
            assert result(futures[1]).said == "It says: through"
            assert not futures[0].done()
            here.open()
            assert result(futures[0]).said == "It says: through"

    def test_more_than_may_wait_are_refused_at_once(self, opened: Open) -> None:
        name, held = gate()
        with opened(backlog=2) as stage:
            first = stage.saying(f"use wait_at {name}")
            held.await_reached()
            others = {stage.saying(f"number {number}") for number in range(5)}
            refused: set[Future[Reply]] = set()
            while len(refused) < 3:
                done, _ = wait(others - refused, PATIENCE, FIRST_COMPLETED)
                assert done
                refused |= done
            assert [type(fault(future)) for future in refused] == [BacklogFull] * 3
            said = fault(next(iter(refused)))
            assert isinstance(said, BacklogFull)
            assert (said.error_code, said.is_retryable) == ("SESSION_BACKLOG_FULL", True)
            assert result(stage.saying("hello", "another session")).text == "You said: hello"
            held.open()
            assert result(first).said == "It says: through"
            kept = {result(future).text for future in others - refused}
            assert len(kept) == 2
            stage.say("last")
            assert all(text in stage.words() for text in kept)
            assert alternate(stage.asked())
            assert len(stage.asked()) == 9

    def test_without_a_backlog_nobody_waits(self, opened: Open) -> None:
        name, held = gate()
        with opened(backlog=0) as stage:
            first = stage.saying(f"use wait_at {name}")
            held.await_reached()
            with pytest.raises(BacklogFull) as refused:
                stage.say("hello")
            assert refused.value.error_code == "SESSION_BACKLOG_FULL"
            assert refused.value.is_retryable
            held.open()
            result(first)
            assert stage.say("hello").text == "You said: hello"

    def test_an_iteration_that_is_given_up_leaves_the_session_usable(self, opened: Open) -> None:
        name, held = gate()
        with opened() as stage:
            events = stage.runner.run("s", f"use wait_at {name}", principal=ANN)
            # Generators can be closed; `Iterator` does not say so.
            for event in events:
                if isinstance(event, Delta | ToolStarted):
                    break
            events.close()  # type: ignore[attr-defined]
            held.open()
            assert list(events) == []
            assert stage.say("hello").text == "You said: hello"
            assert alternate(stage.asked())
            assert str(stage.words()[0]).startswith(f"use wait_at {name}")

    def test_an_exception_thrown_into_it_comes_back_out(self, opened: Open) -> None:
        with opened() as stage:
            events = stage.runner.run("s", "hello", principal=ANN)
            next(events)
            with pytest.raises(LookupError, match="mine"):
                events.throw(LookupError("mine"))  # type: ignore[attr-defined]
            assert stage.say("again").text == "You said: again"
            assert str(stage.words()[0]).startswith("hello")

    def test_any_thread_may_iterate(self, opened: Open) -> None:
        with opened() as stage:
            events = stage.runner.run("s", "use look_up owl", principal=ANN)
            first = in_thread(lambda: next(events)).result(PATIENCE)
            second = in_thread(lambda: next(events)).result(PATIENCE)
            rest = list(events)
            text = "".join(e.text for e in (first, second, *rest) if isinstance(e, Delta))
            assert text == rest[-1].text == "Let me see.\n\nIt says: owl, for ann of acme"  # type: ignore[union-attr]
