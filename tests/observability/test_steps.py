"""The steps that `test_story.py` does not come to, and what is made of steps at all."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.mailbox.box import BoxKey, Timing
from shared.mailbox.deliveries import KIND, Deliveries, DeliveryPolicy, delivery
from shared.mailbox.holder import Holder
from shared.mailbox.listeners import new_box
from shared.messaging.addresses import AddressGuard
from shared.messaging.http_post import GuardedHttpPost
from shared.models.call_log import CallLog
from shared.models.port import ModelError, Usage
from shared.telemetry import STEPS, Metered, Metric
from tests.backends.bridge import Bridge, close_bridges, keeping
from tests.mailbox.drained import DrainRig
from tests.mailbox.sink import Sink, listening
from tests.observability.recorded import RecordedMetrics, Steps, heard
from tests.support.clock import FakeClock
from tests.support.reference_backend import ReferenceBackend

BOX = BoxKey(KIND, "acme", "c1")


@pytest.fixture
def metrics() -> RecordedMetrics:
    return RecordedMetrics()


@pytest.fixture
def steps(metrics: RecordedMetrics) -> Iterator[Steps]:
    with heard(metrics) as made:
        yield made
    for name, fields in made.told:
        # Beside the ids of what it is part of, which an invocation would have bound.
        assert fields.keys() <= {*STEPS[name].fields, *STEPS["turn taken"].fields}, name


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[DrainRig]:
    made = DrainRig(tmp_path)
    http = GuardedHttpPost(AddressGuard(allow_private=True))
    policy = DeliveryPolicy(attempts=2, base=1, timeout=5)
    made.handlers[KIND] = Deliveries(made.table, http, "a secret", policy)
    yield made
    made.engine.close()


@pytest.fixture
def sink() -> Iterator[Sink]:
    with listening() as made:
        yield made


@pytest.fixture
def backend() -> Iterator[ReferenceBackend]:
    with keeping() as running:
        yield running
    close_bridges()


def test_deliveries(rig: DrainRig, sink: Sink, steps: Steps, metrics: RecordedMetrics) -> None:
    for _ in range(2):
        rig.table.write(delivery(rig.requests, BOX, sink.url, "{}", rig.clock).writes)
        rig.wait(0.01)
    sink.will_answer(200, 500, 500)
    for _ in range(3):
        rig.drain(key=BOX)
        rig.wait(10)
    assert [name for name, _ in steps.told if "deliver" in name] == [
        "delivery made",
        "delivery failed",
        "delivery is a dead letter",
    ]
    sums = metrics.sums
    assert (sums["Deliveries"], sums["DeliveryRetries"], sums["DeadLetters"]) == (1, 1, 1)
    assert [fields["attempt"] for fields in steps.of("delivery is a dead letter")] == [2]


def test_records(
    backend: ReferenceBackend, tmp_path: Path, steps: Steps, metrics: RecordedMetrics
) -> None:
    bridge = Bridge(backend, tmp_path)
    bridge.say()
    bridge.deliver(5)
    delivered = len(steps.of("record delivered"))
    assert delivered == 3, "the call, and two messages"
    backend.fault("status", operation="transcript", status=422, times=5)
    bridge.say()
    bridge.deliver(30)
    assert len(steps.of("record not delivered")) == 4
    assert len(steps.of("record is a dead letter")) == 1
    sums = metrics.sums
    assert (sums["Deliveries"], sums["DeliveryRetries"], sums["DeadLetters"]) == (4, 4, 1)


def test_a_worker_hands_over(rig: DrainRig, steps: Steps) -> None:
    holder = Holder(rig.table, rig.clock, Timing())
    rig.table.write([new_box(BOX, rig.clock)])
    taken = holder.take(BOX, "me/1")
    assert isinstance(taken, tuple)
    holder.hand_over(taken[0], cut=True)
    assert steps.of("handed over") == [{"box": BOX.pk, "cut": True}]


# -- calls of a model ---------------------------------------------------------------------------


def test_a_call_that_was_tried_three_times(steps: Steps, metrics: RecordedMetrics) -> None:
    clock = FakeClock()
    call = CallLog("aws.bedrock", "m", clock)
    call.attempts = 3
    clock.advance(1.5)
    call.spoke()
    clock.advance(1)
    call.spoke()
    call.ended(Usage(1, 2, 3, 4, 5_000_000), stop_reason="end_turn")
    [told] = steps.of("model call ended")
    assert told == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "aws.bedrock",
        "gen_ai.request.model": "m",
        "gen_ai.response.finish_reasons": ["end_turn"],
        "gen_ai.response.time_to_first_chunk": 1.5,
        "gen_ai.usage.input_tokens": 8,
        "gen_ai.usage.output_tokens": 2,
        "gen_ai.usage.cache_read.input_tokens": 3,
        "gen_ai.usage.cache_creation.input_tokens": 4,
        "cost_usd": 0.005,
        "duration": 2.5,
        "attempts": 3,
        "retries": 2,
    }
    assert metrics.sums == {
        "ModelCalls": 1,
        "ModelRetries": 2,
        "InputTokens": 8,
        "OutputTokens": 2,
        "CostUsd": 0.005,
    }


@pytest.mark.parametrize(
    ("fault", "kind"),
    [(ModelError("x", code="MODEL_OVERLOADED"), "MODEL_OVERLOADED"), (KeyError("x"), "KeyError")],
)
def test_a_call_that_failed_at_no_known_price(
    steps: Steps, metrics: RecordedMetrics, fault: Exception, kind: str
) -> None:
    call = CallLog("anthropic", "m", FakeClock())
    call.ended(Usage(cost_nano_usd=None), fault=fault)
    [told] = steps.of("model call ended")
    assert told["error.type"] == kind
    assert not {"cost_usd", "gen_ai.response.finish_reasons"} & told.keys()
    assert (metrics.sums["ModelErrors"], "CostUsd" in metrics.sums) == (1, False)


# -- metrics of steps ---------------------------------------------------------------------------


def test_what_is_no_step_and_no_number_makes_no_metric(metrics: RecordedMetrics) -> None:
    told: list[dict[str, Any]] = [
        {"msg": "nothing of interest", "duration": 1},
        {"msg": 17},
        {"msg": "turn ended", "outcome": "failed", "ran": "long"},
    ]
    for each in told:
        Metered(metrics).emit(logging.makeLogRecord(each))
    assert (dict(metrics.sums), metrics.durations) == ({"TurnsFailed": 1}, [])


def test_a_budget_that_is_used_up_is_counted(metrics: RecordedMetrics) -> None:
    over = {"outcome": "failed", "error.type": "BUDGET_EXCEEDED"}
    for metric in STEPS["turn ended"].metrics:
        metric.hear(over, metrics)
    # That is no fault which anybody is to be woken for.
    assert metrics.sums == {"BudgetExceeded": 1}


def test_no_two_metrics_of_a_name_have_two_kinds() -> None:
    kinds: dict[str, set[str]] = {}
    for step in STEPS.values():
        for metric in step.metrics:
            kinds.setdefault(metric.name, set()).add(metric.kind)
            assert metric.of is None or metric.of in step.fields
            assert metric.where is None or metric.where in step.fields
    assert {name: found for name, found in kinds.items() if len(found) > 1} == {}
    assert Metric("Posts") in STEPS["posted"].metrics
