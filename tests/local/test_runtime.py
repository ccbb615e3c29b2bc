"""The local Lambda service, with a clock that the tests move."""

import asyncio
import json
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from shared.local.runtime import HandlerFailed, LambdaContext, LambdaRuntime, RuntimeSettings
from shared.messaging.in_process import InProcessWakes
from shared.messaging.wakes import Wake
from tests.support.gateway import PATIENCE, Event, Recorder
from tests.support.manual_clock import ManualClock, in_thread

ONE_WORKER = RuntimeSettings(workers=1)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def wakes(clock: ManualClock) -> Iterator[InProcessWakes]:
    wakes = InProcessWakes(clock)
    yield wakes
    wakes.close()


def box_of(event: Event) -> str:
    return str(json.loads(event["Records"][0]["body"])["box"])


class TestWorker:
    def test_it_gets_wakes_as_sqs_events(self, wakes: InProcessWakes, clock: ManualClock) -> None:
        worker = Recorder()
        with running(clock, wakes=wakes, worker=worker, settings=ONE_WORKER):
            wakes.send([Wake("BOX#1", "acme"), Wake("BOX#2", "acme", epoch=3)])
            plain, watch = worker.take(), worker.take()
        record = plain["Records"][0]
        assert json.loads(record["body"]) == {"box": "BOX#1"}
        assert json.loads(watch["Records"][0]["body"]) == {"box": "BOX#2", "epoch": 3}
        assert record["eventSource"] == "aws:sqs"
        assert record["attributes"]["ApproximateReceiveCount"] == "1"
        assert record["attributes"]["MessageGroupId"] == "acme"
        assert record["attributes"]["SentTimestamp"] == str(clock.now())
        assert {"messageId", "receiptHandle", "eventSourceARN", "md5OfBody"} <= record.keys()

    def test_a_wake_is_not_delivered_before_its_delay(
        self, wakes: InProcessWakes, clock: ManualClock
    ) -> None:
        worker = Recorder()
        with running(clock, wakes=wakes, worker=worker):
            wakes.send([Wake("later", "t", delay=5), Wake("now", "t")])
            assert box_of(worker.take()) == "now"
            clock.await_sleepers(RuntimeSettings().workers)
            clock.advance(5)
            assert box_of(worker.take()) == "later"

    @pytest.mark.parametrize("fault", [ValueError("boom"), SystemExit(1), StopIteration()])
    def test_a_failing_handler_is_logged_and_does_not_stop_the_loop(
        self,
        wakes: InProcessWakes,
        clock: ManualClock,
        caplog: pytest.LogCaptureFixture,
        fault: BaseException,
    ) -> None:
        def fail(event: Event) -> None:
            if box_of(event) == "bad":
                raise fault

        worker = Recorder(fail)
        with (
            caplog.at_level(logging.ERROR, "parley"),
            running(clock, wakes=wakes, worker=worker, settings=ONE_WORKER),
        ):
            wakes.send([Wake("bad", "t"), Wake("good", "t")])
            assert [box_of(worker.take()), box_of(worker.take())] == ["bad", "good"]
        [record] = caplog.records
        assert record.exc_info is not None
        assert record.exc_info[1] is fault

    def test_workers_run_side_by_side(self, wakes: InProcessWakes, clock: ManualClock) -> None:
        together = threading.Barrier(8)
        worker = Recorder(lambda _: together.wait(PATIENCE) * 0)
        with running(clock, wakes=wakes, worker=worker):
            wakes.send([Wake(str(number), "t") for number in range(8)])
            assert {box_of(worker.take()) for _ in range(8)} == set("01234567")
        assert not together.broken


class TestSweep:
    def test_it_runs_at_the_start_and_then_at_every_interval(self, clock: ManualClock) -> None:
        sweep = Recorder()
        with running(clock, sweep=sweep):
            assert sweep.take()["source"] == "aws.scheduler"
            for _ in range(3):
                clock.await_sleepers(1)
                clock.advance(1.999)
                assert sweep.is_empty()
                clock.advance(0.001)
                assert sweep.take()["detail-type"] == "Scheduled Event"

    def test_a_failing_sweep_is_tried_again(self, clock: ManualClock) -> None:
        def fail(_: Event) -> None:
            raise ValueError("boom")

        sweep = Recorder(fail)
        with running(clock, sweep=sweep):
            sweep.take()
            clock.await_sleepers(1)
            clock.advance(2)
            sweep.take()


class TestInvoke:
    def test_the_context_looks_like_lambdas_and_counts_down(self, clock: ManualClock) -> None:
        contexts: list[LambdaContext] = []

        def handler(_: Event, context: LambdaContext) -> None:
            contexts.append(context)

        runtime = LambdaRuntime(clock=clock)
        runtime.invoke("http", handler, {}, 30).result(PATIENCE)
        runtime.invoke("http", handler, {}, 30).result(PATIENCE)
        runtime.stop(PATIENCE)
        context, other = contexts
        assert context.function_name == "parley-http"
        assert context.invoked_function_arn.endswith(":function:parley-http")
        assert context.memory_limit_in_mb > 0
        assert context.aws_request_id != other.aws_request_id
        assert context.get_remaining_time_in_millis() == 30_000
        clock.advance(12.5)
        assert context.get_remaining_time_in_millis() == 17_500
        clock.advance(60)
        assert context.get_remaining_time_in_millis() == 0

    def test_every_thread_has_an_event_loop(self) -> None:
        def handler(_: Event, __: Any) -> bool:
            return asyncio.get_event_loop_policy().get_event_loop().is_running()

        runtime = LambdaRuntime()
        assert runtime.invoke("http", handler, {}, 30).result(PATIENCE) is False
        assert runtime.stop(PATIENCE)

    def test_a_result_that_is_no_json_fails_as_on_lambda(self) -> None:
        runtime = LambdaRuntime()
        failing = runtime.invoke("http", lambda _, __: {"body": b"bytes"}, {}, 30)
        with pytest.raises(HandlerFailed) as caught:
            failing.result(PATIENCE)
        assert isinstance(caught.value.__cause__, TypeError)
        runtime.stop(PATIENCE)

    def test_never_more_than_concurrency_and_started_in_order(self) -> None:
        release, seen = threading.Event(), Recorder(lambda _: release.wait(PATIENCE))
        runtime = LambdaRuntime(settings=RuntimeSettings(concurrency=2))
        futures = [runtime.invoke("http", seen, {"no": no}, 30) for no in range(5)]
        assert {seen.take()["no"], seen.take()["no"]} == {0, 1}
        assert seen.is_empty()
        release.set()
        for future in futures:
            future.result(PATIENCE)
        assert runtime.stop(PATIENCE)


class TestStop:
    def test_it_waits_for_running_work_up_to_the_bound(
        self, wakes: InProcessWakes, clock: ManualClock
    ) -> None:
        release, worker = threading.Event(), Recorder(lambda _: release.wait(PATIENCE))
        runtime = LambdaRuntime(clock=clock, wakes=wakes, worker=worker, settings=ONE_WORKER)
        runtime.start()
        wakes.send([Wake("running", "t"), Wake("waiting", "t")])
        assert box_of(worker.take()) == "running"
        stopping = in_thread(lambda: runtime.stop(10))
        clock.await_sleepers(1)
        assert not stopping.done()
        clock.advance(10)
        assert stopping.result(PATIENCE) is False
        release.set()
        assert runtime.stop(PATIENCE)
        assert worker.is_empty(), "no wake is taken after the stop"

    def test_a_drained_runtime_still_serves_the_gateway_and_a_stopped_one_does_not(self) -> None:
        runtime = LambdaRuntime(sweep=Recorder())
        runtime.start()
        assert runtime.drain(PATIENCE)
        assert runtime.invoke("http", lambda _, __: 1, {}, 30).result(PATIENCE) == 1
        assert runtime.stop(PATIENCE)
        with pytest.raises(RuntimeError):
            runtime.invoke("http", lambda _, __: 1, {}, 30).result(PATIENCE)

    def test_stop_waits_for_what_the_gateway_runs(self) -> None:
        release, seen = threading.Event(), Recorder(lambda _: release.wait(PATIENCE))
        runtime = LambdaRuntime()
        running = runtime.invoke("http", seen, {}, 30)
        seen.take()
        assert not runtime.stop(0)
        release.set()
        assert runtime.stop(PATIENCE)
        assert running.done()


class running:  # noqa: N801 - reads as a with statement
    """A runtime that runs for the length of the block."""

    def __init__(self, clock: ManualClock, **options: Any) -> None:
        self._runtime = LambdaRuntime(clock=clock, **options)

    def __enter__(self) -> None:
        self._runtime.start()

    def __exit__(self, *_: object) -> None:
        assert self._runtime.stop(PATIENCE)
