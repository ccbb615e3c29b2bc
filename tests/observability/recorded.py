"""Metrics that a test can look at, and the records of the core's logger."""

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from shared.telemetry import STEPS, Metered

BARE = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
"""What every record has."""


class RecordedMetrics:
    """What was counted, and every duration."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.sums: Counter[str] = Counter()
        self.durations: list[tuple[str, float]] = []
        self.flushes: list[dict[str, str]] = []

    def count(self, name: str, value: float = 1) -> None:
        self._add(name, value)

    def amount(self, name: str, value: float) -> None:
        self._add(name, value)

    def seconds(self, name: str, value: float) -> None:
        with self._lock:
            self.durations.append((name, value))

    def flush(self, **about: str) -> None:
        with self._lock:
            self.flushes.append(about)

    def _add(self, name: str, value: float) -> None:
        with self._lock:
            self.sums[name] += value  # type: ignore[assignment]  # USD are no whole numbers


class Steps(logging.Handler):
    """The steps that were told, with the fields of each."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[str, dict[str, Any]]] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg in STEPS:
            fields = {name: each for name, each in vars(record).items() if name not in BARE}
            self.told.append((str(record.msg), fields))

    @property
    def names(self) -> set[str]:
        return {name for name, _ in self.told}

    def of(self, name: str) -> list[dict[str, Any]]:
        return [fields for told, fields in self.told if told == name]


@contextmanager
def heard(metrics: RecordedMetrics) -> Iterator[Steps]:
    """All that the core's logger tells from now on."""
    logger, steps = logging.getLogger("parley"), Steps()
    before = (logger.handlers, logger.level)
    logger.handlers = [Metered(metrics), steps]
    logger.setLevel(logging.DEBUG)
    try:
        yield steps
    finally:
        logger.handlers, logger.level = before
