"""Metrics: numbers about the running system, for alarms and dashboards.

They are gathered while an invocation runs and written when it ends. What they are called, and of
which step of the log each is made, stands in `telemetry.STEPS`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Literal, Protocol

NAMESPACE = "Parley"

Unit = Literal["Count", "Seconds", "None"]


class Metrics(Protocol):
    """Safe for many threads."""

    def count(self, name: str, value: float = 1) -> None:
        """Something happened, so many times."""
        ...

    def seconds(self, name: str, value: float) -> None:
        """Note one duration."""
        ...

    def amount(self, name: str, value: float) -> None:
        """So much more of something: tokens, USD."""
        ...

    def flush(self, **about: str) -> None:
        """Write what was gathered, once; nothing if there is nothing. `about` goes with it and is
        no dimension."""
        ...


class EmbeddedMetrics:
    """CloudWatch's embedded metric format: a line on standard output, which Lambda's logs turn
    into metrics. Counts and amounts are added up; of durations each is kept."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._sums: dict[tuple[str, Unit], float] = {}
        self._durations: list[tuple[str, float]] = []

    def count(self, name: str, value: float = 1) -> None:
        self._add(name, "Count", value)

    def seconds(self, name: str, value: float) -> None:
        with self._lock:
            self._durations.append((name, value))

    def amount(self, name: str, value: float) -> None:
        self._add(name, "None", value)

    def flush(self, **about: str) -> None:
        with self._lock:
            sums, self._sums = self._sums, {}
            durations, self._durations = self._durations, []
        if not sums and not durations:
            return
        from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import (
            AmazonCloudWatchEMFProvider,
        )

        line = AmazonCloudWatchEMFProvider(namespace=NAMESPACE)
        for name, text in about.items():
            line.add_metadata(name, text)
        for (name, unit), value in sums.items():
            line.add_metric(name, unit, value)
        for name, value in durations:
            line.add_metric(name, "Seconds", value)
        # A hundred durations of one name have been written already: the format allows no more.
        if line.metric_set:
            line.flush_metrics()

    def _add(self, name: str, unit: Unit, value: float) -> None:
        with self._lock:
            self._sums[name, unit] = self._sums.get((name, unit), 0) + value


class NoMetrics:
    """For a laptop, where nobody collects them."""

    def count(self, name: str, value: float = 1) -> None:
        return

    def seconds(self, name: str, value: float) -> None:
        return

    def amount(self, name: str, value: float) -> None:
        return

    def flush(self, **about: str) -> None:
        return


@contextmanager
def flushed(metrics: Metrics, **about: str) -> Iterator[None]:
    """For one invocation: what it has gathered is written when it ends, whatever it raises."""
    try:
        yield
    finally:
        metrics.flush(**about)
