"""The limit of model calls, on a Table. A test file supplies `opener`, which opens one table."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.ids import new_id
from shared.models.port import ModelError
from shared.models.rates import ModelRates
from shared.storage.folder import FolderArtifacts
from shared.storage.table import Key, Table
from shared.storage.wrapper import ResilientTable
from tests.support.clock import FakeClock
from tests.support.engines import Opener
from tests.support.faults import Call, Fault, FaultyTable, Plan, seeded

MODEL = "claude-sonnet-5"
MINUTE = 60.0

Step = tuple[int, int]
"""Which instance asks, and how many milliseconds after the one before."""


def table_on(engine: Table, folder: Path, plan: Plan = lambda _call: None) -> ResilientTable:
    return ResilientTable(FaultyTable(engine, plan), FolderArtifacts(folder), FakeClock())


def taken(rates: ModelRates, tenant: str = "t", model: str = MODEL) -> bool:
    refusal: ModelError | None = None
    try:
        rates.take(tenant, model)
    except ModelError as error:
        refusal = error
    assert refusal is None or (refusal.error_code, refusal.is_retryable) == ("RATE_LIMITED", True)
    return refusal is None


def wait_of(rates: ModelRates) -> int:
    """In how many seconds a refused call may be tried again."""
    with pytest.raises(ModelError) as caught:
        rates.take("t", MODEL)
    return int(caught.value.details["retryAfter"])


class RatesContract:
    examples = 30

    def test_a_minutes_calls_and_then_one_at_a_time(self, opener: Opener, tmp_path: Path) -> None:
        clock = FakeClock()
        with opener.open() as engine:
            rates = ModelRates(table_on(engine, tmp_path), clock, 4)
            assert [taken(rates) for _ in range(5)] == [True] * 4 + [False]
            assert wait_of(rates) == 15
            clock.advance(14.9)
            assert wait_of(rates) == 1
            clock.advance(0.2)
            assert [taken(rates), taken(rates)] == [True, False]
            clock.advance(10 * MINUTE)
            assert [taken(rates) for _ in range(5)] == [True] * 4 + [False]

    def test_tenants_and_models_are_counted_apart(self, opener: Opener, tmp_path: Path) -> None:
        with opener.open() as engine:
            rates = ModelRates(table_on(engine, tmp_path), FakeClock(), 1)
            pairs = [("t", "a#b"), ("t#a", "b"), ("t", "a"), ("t%23a", "b"), ("t", "x/y:z")]
            assert [taken(rates, *pair) for pair in pairs] == [True] * len(pairs)
            assert [taken(rates, *pair) for pair in pairs] == [False] * len(pairs)

    def test_what_is_kept_goes_by_itself(self, opener: Opener, tmp_path: Path) -> None:
        clock = FakeClock()
        with opener.open() as engine:
            table = table_on(engine, tmp_path)
            ModelRates(table, clock, 1).take("t", MODEL)
            (item,) = table.get([Key(f"RATE#t#{MODEL}", "RATE")])
        assert item is not None
        assert item.ttl == clock.now() // 1000 + 3600

    def test_a_call_costs_one_write(self, opener: Opener, tmp_path: Path) -> None:
        calls: list[Call] = []
        clock = FakeClock()
        with opener.open() as engine:
            rates = ModelRates(table_on(engine, tmp_path, calls.append), clock, 60)
            for seconds in (0, 0.1, 0.1, 100, 0, 0.1, 3600):
                clock.advance(seconds)
                rates.take("t", MODEL)
        assert [call.method for call in calls] == ["update"] * 7

    def test_many_at_once_take_no_more_than_there_is(self, opener: Opener, tmp_path: Path) -> None:
        clock = FakeClock()
        with ExitStack() as opened, ThreadPoolExecutor(8) as threads:
            engines = [opened.enter_context(opener.open()) for _ in range(2)]
            instances = [ModelRates(table_on(engine, tmp_path), clock, 10) for engine in engines]
            answers = list(threads.map(lambda n: taken(instances[n % 2]), range(40)))
        assert sum(answers) == 10

    def test_never_more_than_the_bucket_and_its_refill(
        self, opener: Opener, tmp_path: Path
    ) -> None:
        with ExitStack() as opened:
            engines = [opened.enter_context(opener.open()) for _ in range(3)]

            @settings(
                max_examples=self.examples,
                deadline=None,
                derandomize=True,
                database=None,
                suppress_health_check=list(HealthCheck),
            )
            @given(
                st.integers(1, 90),
                st.lists(
                    st.tuples(st.integers(0, 2), st.sampled_from([0, 1, 700, 9000, 61_000])),
                    max_size=40,
                ),
                st.sampled_from([0.0, 0.3]),
            )
            def run(per_minute: int, steps: Sequence[Step], lost: float) -> None:
                tables = [table_on(e, tmp_path, seeded(1, lost_answer=lost)) for e in engines]
                check_windows(tables, per_minute, steps, exact=not lost)

            run()

    def test_a_store_that_does_not_answer_lets_the_call_pass(
        self, opener: Opener, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        with opener.open() as engine:
            table = table_on(engine, tmp_path, lambda _call: Fault.LOST_REQUEST)
            rates = ModelRates(table, FakeClock(), 1)
            assert [taken(rates), taken(rates)] == [True, True]
        assert [record.message for record in caplog.records] == ["model rate not counted"] * 2

    def test_a_call_whose_answer_was_lost_is_counted_once(
        self, opener: Opener, tmp_path: Path
    ) -> None:
        def lost_at_first(call: Call) -> Fault | None:
            return Fault.LOST_ANSWER if call.number in (0, 2) else None

        with opener.open() as engine:
            rates = ModelRates(table_on(engine, tmp_path, lost_at_first), FakeClock(), 3)
            assert [taken(rates) for _ in range(4)] == [True, True, True, False]


def check_windows(
    tables: Sequence[Table], per_minute: int, steps: Sequence[Step], *, exact: bool
) -> None:
    """Let instances with one clock ask in turn, and look at every window of time.

    Without faults a call is refused only if it would have been one too many.
    """
    clock = FakeClock()
    tenant = new_id()
    instances = [ModelRates(table, clock, per_minute) for table in tables]
    times: list[float] = []
    for who, pause in steps:
        clock.advance(pause / 1000)
        times.append(clock.now() / 1000)
        if not taken(instances[who], tenant):
            refused = times.pop()
            assert not exact or over(times, refused, per_minute)
    for index in range(len(times)):
        assert not over(times[:index], times[index], per_minute)


def over(times: Sequence[float], now: float, per_minute: int) -> bool:
    """Whether one call more, now, is too many for a window that begins with an earlier call."""
    room = [
        per_minute + (now - start) * per_minute / MINUTE - (len(times) - index)
        for index, start in enumerate(times)
    ]
    return bool(room) and min(room) < 1 - 1e-6
